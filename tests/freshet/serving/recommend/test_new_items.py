"""A gateway recommends new items of the lake without a new release."""

from datetime import date

from freshet.artifacts import NewItemsRef, publish
from freshet.data.vocabulary import Vocabulary
from freshet.inference.array_folder import MANIFEST
from freshet.inference.new_items import NEW_ITEMS_FOLDER, save_new_items
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.recommend.lake_artifact import new_items_artifact
from freshet.serving.releases.watcher import ReleaseWatcher
from freshet.store import open_store
from tests import tiny_gateway
from tests.freshet.inference.test_new_items import NEW_ITEMS
from tests.tiny_gateway import ManualClocks, gateway_settings, run_gateway


def publish_new_items(lake, folder, items=NEW_ITEMS):
    folder.mkdir()
    name, store = save_new_items(items, folder), open_store(lake)
    store.put_folder(folder, f"{NEW_ITEMS_FOLDER}/{name}", MANIFEST)
    publish(store, NEW_ITEMS_FOLDER, NewItemsRef(id=name, as_of=date(2024, 3, 1)))
    return name


def test_an_item_that_landed_after_the_release_is_recommended_filtered_and_similar_to_others(tmp_path):
    settings, clocks = gateway_settings(tmp_path), ManualClocks()
    tiny_gateway.release_tiny_bundle(settings.lake, tmp_path / "bundle")
    publish_new_items(settings.lake, tmp_path / "new")
    with run_gateway(settings, clocks.clock()) as gateway:
        response_body = gateway.get("/v1/recommendations", items="a", k=4).json()
        assert [(item["item_id"], item["title"]) for item in response_body["items"]][-1] == ("x", "Item X")
        filtered_body = gateway.get("/v1/recommendations", items="a", categories="even").json()
        assert [item["item_id"] for item in filtered_body["items"]] == ["y"]
        assert gateway.get("/v1/items/x/similar", k=1).json()["items"][0]["item_id"] == "a"
        new_item_body = gateway.get("/v1/recommendations", items="x", k=1, exclude_seen="true").json()
        assert (new_item_body["tier"], new_item_body["items"][0]["item_id"]) == ("content", "e")


def test_a_swap_keeps_new_items_and_later_new_items_replace_them(tmp_path):
    settings, active_state = gateway_settings(tmp_path), ActiveState()
    watcher = ReleaseWatcher(settings, open_store(settings.lake), active_state, ManualClocks().clock(), list)
    tiny_gateway.release_tiny_bundle(settings.lake, tmp_path, "one")
    publish_new_items(settings.lake, tmp_path / "new")
    watcher.poll()
    assert len(active_state.release.bundle.vocabulary) == 8
    tiny_gateway.release_tiny_bundle(settings.lake, tmp_path, "two")
    watcher.poll()
    assert (active_state.release.number, len(active_state.release.bundle.vocabulary)) == (2, 8)
    no_items = {name: getattr(NEW_ITEMS, name)[:1] for name in COLUMN_NAMES}
    publish_new_items(settings.lake, tmp_path / "none", Vocabulary(**no_items))
    watcher.poll()
    assert len(active_state.release.bundle.vocabulary) == 6


COLUMN_NAMES = ("item_ids", "titles", "categories", "prices", "delisted")


def test_damaged_new_items_are_reported_once(tmp_path, caplog):
    lake, new_items = str(tmp_path / "lake"), new_items_artifact()
    store, name = open_store(lake), publish_new_items(lake, tmp_path / "new")
    path = store.local_path(f"{NEW_ITEMS_FOLDER}/{name}/utf8-titles.npy")
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        new_items.refresh(store, tmp_path)
    assert new_items.value is None
    assert caplog.text.count("materialize the asset `new_items` again") == 1
    assert new_items.problem.where == str(path)
