"""A gateway that finds lists made ahead: they answer for shoppers who did nothing since."""

from pathlib import Path

import numpy as np

from freshet.live.precomputed import FOLDER, PUBLISHED, save_precomputed
from freshet.live.sealed import MANIFEST
from freshet.pseudonym import pseudonym
from freshet.references import ListsRef
from freshet.serving.current import Current
from freshet.serving.looking import look_at_lists
from freshet.store import open_store
from tests import tiny_gateway, tiny_lists
from tests.tiny_gateway import Hands, settings_of
from tests.tiny_gateway import tiny_gateway as running

ANN = pseudonym(b"tiny", "user", "ann")


def publish(lake: str, folder: Path, bundle: str, until: int = 120) -> str:
    """Ann's list: d, then b."""
    arrays = {
        "shoppers": np.array([ANN.encode()]),
        "until": np.array([until]),
        "items": np.array([[4, 2]], dtype=np.int32),
        "scores": np.array([[7.0, 6.0]], dtype=np.float32),
    }
    folder.mkdir()
    name, store = save_precomputed(arrays, bundle, tiny_lists.DAY, folder), open_store(lake)
    store.put_folder(folder, f"{FOLDER}/{name}", MANIFEST)
    store.put(PUBLISHED, ListsRef(id=name, bundle=bundle, as_of=tiny_lists.DAY).model_dump_json().encode())
    return name


def test_a_shopper_who_did_nothing_since_is_answered_from_the_list_and_one_who_did_by_the_model(tmp_path):
    settings, hands = settings_of(tmp_path, lists="first"), Hands()
    bundle = tiny_gateway.release(settings.lake, tmp_path / "made")
    tiny_lists.publish_latest(settings.lake, tmp_path / "latest", "aac", shoppers=[ANN])
    publish(settings.lake, tmp_path / "lists", bundle)
    with running(settings, hands.clock()) as gateway:
        known = gateway.get("/v1/recommendations", user_id="ann", k=2).json()
        assert (known["tier"], known["bundle"]) == ("precomputed", bundle)
        assert [(item["item_id"], item["score"]) for item in known["items"]] == [("d", 7.0), ("b", 6.0)]
        assert gateway.get("/v1/recommendations", user_id="ann", k=2, items="a").json()["tier"] == "sequence"
        gateway.post("/v1/events", {"user_id": "ann", "item_id": "b", "event_type": "view"})
        assert gateway.get("/v1/recommendations", user_id="ann", k=2).json()["tier"] == "sequence"


def test_lists_that_are_damaged_are_told_once_and_those_known_before_stay(tmp_path, caplog):
    lake, current = str(tmp_path / "lake"), Current()
    store = open_store(lake)
    first = publish(lake, tmp_path / "one", "f" * 64)
    look_at_lists(store, tmp_path, current)
    second = publish(lake, tmp_path / "two", "f" * 64, until=130)
    path = store.local_path(f"{FOLDER}/{second}/until.npy")
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        look_at_lists(store, tmp_path, current)
    assert current.known.lists.id == first
    assert current.lists_problem.fix == "materialize the asset `recommendations` again"
    assert caplog.text.count("has not the") == 1
    publish(lake, tmp_path / "three", "f" * 64, until=140)
    look_at_lists(store, tmp_path, current)
    assert (current.lists_problem, current.known.lists.until.tolist()) == (None, [140])


def test_cuda_that_is_not_there_keeps_the_gateway_from_answering_and_says_so(tmp_path):
    settings = settings_of(tmp_path, serving_device="cuda")
    tiny_gateway.release(settings.lake, tmp_path / "made")
    with running(settings, Hands().clock(), ready=False) as gateway:
        tiny_gateway.wait_for(lambda: gateway.gateway.current.refused)
        reasons = tiny_gateway.wait_for(lambda: [r for r in gateway.get("/readyz").json()["reasons"]
                                                 if "CUDA" in r["what"]])  # fmt: skip
        assert "device: CUDA was asked for and onnxruntime runs on the CPU" in reasons[0]["what"]
        assert gateway.get("/v1/recommendations", items="a").status_code == 503
