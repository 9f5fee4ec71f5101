"""The last step of the parity checks: recommendations over HTTP equal the ranker's."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from freshet.data.columns import EVENT_TYPES
from freshet.inference.ranker import open_ranker
from freshet.store import open_store
from tests.random_model import N_HISTORIES, TOP_K, random_histories, shopper_slice, write_random_bundle
from tests.tiny_gateway import append_release, gateway_process, gateway_settings, wait_for

N_CONCURRENT = 16


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_responses_over_http_match_the_ranker(tmp_path, precision):
    folder = tmp_path / "bundle"
    folder.mkdir()
    bundle = write_random_bundle(folder, precision)
    lake = gateway_settings(tmp_path).lake
    open_store(lake).put_folder(folder, f"bundles/{bundle.id}", "manifest.json")
    append_release(lake, bundle.id)
    with gateway_process(tmp_path) as (_, address), httpx.Client(base_url=address) as client:
        wait_for(lambda: client.get("/readyz").status_code == 200)
        with ThreadPoolExecutor(N_CONCURRENT) as pool:  # concurrent requests, so that they form batches
            gateway_lists = list(pool.map(lambda events: request_item_ids(client, events), history_requests(bundle)))
    ranker = open_ranker(bundle)
    ranker_lists = [
        ranker.recommend(shopper_slice(random_histories(), row, row + 1), TOP_K)[0].item_ids
        for row in range(N_HISTORIES)
    ]
    assert gateway_lists == ranker_lists


def request_item_ids(client, events):
    body = {"events": events, "k": TOP_K} if events else {"session_id": "nobody", "k": TOP_K}
    response = client.post("/v1/recommendations", json=body, timeout=60)
    assert response.status_code == 200, response.text
    return tuple(item["item_id"] for item in response.json()["items"])


def history_requests(bundle):
    """Yield each history as the events of a request; unknown items have the id `unknown`."""
    histories = random_histories()
    for start, stop in zip(histories.offsets[:-1], histories.offsets[1:], strict=True):
        yield [
            {
                "item_id": str(bundle.vocabulary.item_ids[histories.items[row]]) or "unknown",
                "event_type": EVENT_TYPES[histories.types[row] - 1],
                "event_time": event_time(int(histories.times[row])),
            }
            for row in range(start, stop)
        ]


def event_time(seconds: int) -> str:
    return datetime.fromtimestamp(1_735_689_600 + seconds, UTC).isoformat().replace("+00:00", "Z")
