"""A gateway that finds new items in the lake: they stand in its lists without a new release."""

from datetime import date

from freshet.live.new_items import FOLDER, PUBLISHED, save_new_items
from freshet.live.sealed import MANIFEST
from freshet.references import NewItemsRef
from freshet.serving.current import Current
from freshet.serving.follower import Follower
from freshet.serving.looking import look_at_new_items
from freshet.store import open_store
from tests import tiny_gateway
from tests.freshet.live.test_new_items import NEW
from tests.tiny_gateway import Hands, settings_of
from tests.tiny_gateway import tiny_gateway as running


def publish(lake, folder, items=NEW):
    folder.mkdir()
    name, store = save_new_items(items, folder), open_store(lake)
    store.put_folder(folder, f"{FOLDER}/{name}", MANIFEST)
    store.put(PUBLISHED, NewItemsRef(id=name, as_of=date(2024, 3, 1)).model_dump_json().encode())
    return name


def test_an_item_that_landed_after_the_release_is_recommended_filtered_and_similar_to_others(tmp_path):
    settings, hands = settings_of(tmp_path), Hands()
    tiny_gateway.release(settings.lake, tmp_path / "made")
    publish(settings.lake, tmp_path / "new")
    with running(settings, hands.clock()) as gateway:
        shown = gateway.get("/v1/recommendations", items="a", k=4).json()
        assert [(item["item_id"], item["title"]) for item in shown["items"]][-1] == ("x", "Item X")
        only = gateway.get("/v1/recommendations", items="a", categories="even").json()
        assert [item["item_id"] for item in only["items"]] == ["y"]
        assert gateway.get("/v1/items/x/similar", k=1).json()["items"][0]["item_id"] == "a"
        met = gateway.get("/v1/recommendations", items="x", k=1, exclude_seen="true").json()
        assert (met["tier"], met["items"][0]["item_id"]) == ("content", "e")


def test_a_swap_keeps_the_new_items_and_those_that_are_replaced_go(tmp_path):
    settings, current = settings_of(tmp_path), Current()
    follower = Follower(settings, open_store(settings.lake), current, Hands().clock(), list)
    tiny_gateway.release(settings.lake, tmp_path, "one")
    publish(settings.lake, tmp_path / "new")
    follower.look()
    assert len(current.serving.bundle.vocabulary) == 8
    tiny_gateway.release(settings.lake, tmp_path, "two")
    follower.look()
    assert (current.serving.number, len(current.serving.bundle.vocabulary)) == (2, 8)
    publish(settings.lake, tmp_path / "none", NEW.__class__(*(getattr(NEW, n)[:1] for n in ROWS)))
    follower.look()
    assert len(current.serving.bundle.vocabulary) == 6


ROWS = ("item_ids", "titles", "categories", "prices", "tombstones")


def test_new_items_that_are_damaged_are_told_once_and_the_release_goes_on(tmp_path, caplog):
    lake, current = str(tmp_path / "lake"), Current()
    store, name = open_store(lake), publish(lake, tmp_path / "new")
    path = store.local_path(f"{FOLDER}/{name}/utf8-titles.npy")
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        look_at_new_items(store, tmp_path, current)
    assert current.new_items is None
    assert caplog.text.count("materialize the asset `new_items` again") == 1
    assert current.new_items_problem.where == str(path)
