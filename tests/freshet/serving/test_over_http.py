"""The last rung of the parity ladder: what a shopper gets over HTTP is what the ranker answers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from freshet.columns import EVENT_TYPES
from freshet.live.ranker import open_ranker
from freshet.store import open_store
from tests.random_model import ASKED, TOP, asked, some, write_random_bundle
from tests.tiny_gateway import enter, process, settings_of, wait_for

AT_ONCE = 16


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_over_http_the_gateway_answers_what_the_ranker_answers(tmp_path, precision):
    folder = tmp_path / "bundle"
    folder.mkdir()
    bundle = write_random_bundle(folder, precision)
    lake = settings_of(tmp_path).lake
    open_store(lake).put_folder(folder, f"bundles/{bundle.id}", "manifest.json")
    enter(lake, bundle.id)
    with process(tmp_path) as (_, address), httpx.Client(base_url=address) as client:
        wait_for(lambda: client.get("/readyz").status_code == 200)
        with ThreadPoolExecutor(AT_ONCE) as many:  # so many ask at once: they are answered in groups
            given = list(many.map(lambda events: ids(client, events), questions(bundle)))
    ranker = open_ranker(bundle)
    alone = [ranker.recommend(some(asked(), place, place + 1), TOP)[0].item_ids for place in range(ASKED)]
    assert given == alone


def ids(client, events):
    body = {"events": events, "k": TOP} if events else {"session_id": "nobody", "k": TOP}
    answer = client.post("/v1/recommendations", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return tuple(item["item_id"] for item in answer.json()["items"])


def questions(bundle):
    """The histories as the events of questions; an item that nobody knows has an id of its own."""
    histories = asked()
    for start, stop in zip(histories.offsets[:-1], histories.offsets[1:], strict=True):
        yield [
            {
                "item_id": str(bundle.vocabulary.item_ids[histories.items[row]]) or "unknown",
                "event_type": EVENT_TYPES[histories.types[row] - 1],
                "event_time": when(int(histories.times[row])),
            }
            for row in range(start, stop)
        ]


def when(seconds: int) -> str:
    return datetime.fromtimestamp(1_735_689_600 + seconds, UTC).isoformat().replace("+00:00", "Z")
