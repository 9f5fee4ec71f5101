"""A gateway with precomputed lists serves them to shoppers without newer events."""

from pathlib import Path

import numpy as np

from freshet.artifacts import RecommendationsRef, publish
from freshet.data.pseudonym import pseudonym
from freshet.inference.array_folder import MANIFEST
from freshet.inference.precomputed_lists import LISTS_FOLDER, save_precomputed_lists
from freshet.serving.recommend.lake_artifact import lists_artifact
from freshet.store import open_store
from tests import tiny_gateway, tiny_lists
from tests.tiny_gateway import ManualClocks, gateway_settings, run_gateway

ANN = pseudonym(b"tiny", "user", "ann")


def publish_list(lake: str, folder: Path, bundle: str, last_event_time: int = 120) -> str:
    """Publish a precomputed list for Ann: d, then b; return its id."""
    arrays = {
        "shoppers": np.array([ANN.encode()]),
        "last_event_times": np.array([last_event_time]),
        "items": np.array([[4, 2]], dtype=np.int32),
        "scores": np.array([[7.0, 6.0]], dtype=np.float32),
    }
    folder.mkdir()
    name, store = save_precomputed_lists(arrays, bundle, tiny_lists.DAY, folder), open_store(lake)
    store.put_folder(folder, f"{LISTS_FOLDER}/{name}", MANIFEST)
    publish(store, LISTS_FOLDER, RecommendationsRef(id=name, bundle=bundle, as_of=tiny_lists.DAY))
    return name


def test_the_precomputed_list_serves_only_unchanged_histories(tmp_path):
    settings, clocks = gateway_settings(tmp_path, precomputed_lists="first"), ManualClocks()
    bundle = tiny_gateway.release_tiny_bundle(settings.lake, tmp_path / "bundle")
    tiny_lists.publish_latest(settings.lake, tmp_path / "latest", "aac", shoppers=[ANN])
    publish_list(settings.lake, tmp_path / "lists", bundle)
    with run_gateway(settings, clocks.clock()) as gateway:
        response_body = gateway.get("/v1/recommendations", user_id="ann", k=2).json()
        assert (response_body["tier"], response_body["bundle"]) == ("precomputed", bundle)
        assert [(item["item_id"], item["score"]) for item in response_body["items"]] == [("d", 7.0), ("b", 6.0)]
        assert gateway.get("/v1/recommendations", user_id="ann", k=2, items="a").json()["tier"] == "sequence"
        gateway.post("/v1/events", {"user_id": "ann", "item_id": "b", "event_type": "view"})
        assert gateway.get("/v1/recommendations", user_id="ann", k=2).json()["tier"] == "sequence"


def test_damaged_lists_are_reported_once_and_the_loaded_ones_stay(tmp_path, caplog):
    lake, lists = str(tmp_path / "lake"), lists_artifact()
    store = open_store(lake)
    first = publish_list(lake, tmp_path / "one", "f" * 64)
    lists.refresh(store, tmp_path)
    second = publish_list(lake, tmp_path / "two", "f" * 64, last_event_time=130)
    path = store.local_path(f"{LISTS_FOLDER}/{second}/last_event_times.npy")
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        lists.refresh(store, tmp_path)
    assert lists.value.id == first
    assert lists.problem.fix == "materialize the asset `recommendations` again"
    assert caplog.text.count("does not have") == 1
    publish_list(lake, tmp_path / "three", "f" * 64, last_event_time=140)
    lists.refresh(store, tmp_path)
    assert (lists.problem, lists.value.last_event_times.tolist()) == (None, [140])


def test_without_a_gpu_serving_device_cuda_is_reported_and_no_release_served(tmp_path):
    settings = gateway_settings(tmp_path, serving_device="cuda")
    tiny_gateway.release_tiny_bundle(settings.lake, tmp_path / "bundle")
    with run_gateway(settings, ManualClocks().clock(), ready=False) as gateway:
        tiny_gateway.wait_for(lambda: gateway.gateway.active_state.refused_bundles)
        reasons = tiny_gateway.wait_for(lambda: [r for r in gateway.get("/readyz").json()["reasons"]
                                                 if "CUDA" in r["what"]])  # fmt: skip
        assert "device: CUDA was requested but onnxruntime runs on the CPU" in reasons[0]["what"]
        assert gateway.get("/v1/recommendations", items="a").status_code == 503
