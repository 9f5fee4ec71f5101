"""Files that a gateway landed beside the shop's own become the same events."""

import json
from datetime import date
from pathlib import Path

import pytest

from freshet.data.pseudonym import pseudonym
from freshet.ingest.files.gateway_files import GATEWAY_MAPPING, group_by_mapping, is_gateway_file
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.landing import LandedFile
from tests import tiny_lake
from tests.world import ANN, DAY1, DELIVERIES, KEY, moment

SHOP_FILE, GATEWAY_FILE = (LandedFile(DAY1, f"dt={DAY1}/{name}") for name in ("a.csv", "gateway/g1-00000001.jsonl"))


def gateway_line(**values: object) -> str:
    event = {"event_id": "g1", "user_id": "ann", "session_id": None, "item_id": "hat", "event_type": "view",
             "event_time": "2024-03-01T12:00:00.250000Z", "context": {"page": "home"}}  # fmt: skip
    return json.dumps(event | values) + "\n"


def test_gateway_files_are_those_in_its_folder():
    assert not is_gateway_file(SHOP_FILE)
    assert is_gateway_file(GATEWAY_FILE)
    assert not is_gateway_file(LandedFile(DAY1, f"dt={DAY1}/gateway.csv"))


def test_each_origin_is_read_its_own_way_and_one_without_files_not_at_all():
    assert group_by_mapping([SHOP_FILE, GATEWAY_FILE], "mine") == [
        ("mine", [SHOP_FILE]),
        (GATEWAY_MAPPING, [GATEWAY_FILE]),
    ]
    assert group_by_mapping([GATEWAY_FILE], "mine") == [(GATEWAY_MAPPING, [GATEWAY_FILE])]
    assert group_by_mapping([], "mine") == []


@pytest.mark.spark
def test_gateway_events_are_read_beside_the_shops_events(empty_lake):
    spark, settings = empty_lake
    collected = (
        gateway_line(price=12.5, quantity=2, title="Hat", event_type="purchase")
        + gateway_line(event_id="e1")  # the shop's own file has it, too
        + gateway_line(event_id="g2", user_id=None, session_id="s9", item_id="mug", event_time="2024-03-01T13:00:00Z")
        + '{"event_id": "g3", "item_'  # cut short
    )
    tiny_lake.deliver_files(settings, DAY1, DELIVERIES[DAY1])
    folder = Path(settings.lake) / GATEWAY_FILE.path
    folder.parent.mkdir()
    folder.write_text(collected)
    publish_results = tiny_lake.run_events(tiny_lake.day_run(spark, settings, [DAY1]))
    profile_row = publish_results["events"].profile.loc[date(2024, 3, 1)]
    assert profile_row[["landed", "skipped", "quarantined", "duplicate", "rows"]].tolist() == [11, 1, 2, 2, 6]
    rows = spark.sql(
        "SELECT event_id, shopper, item_id, event_type, event_time, price, title, context FROM lake.shop.events "
        "WHERE source_file LIKE '%/gateway/%' ORDER BY event_id"
    ).collect()
    assert [tuple(row)[:4] for row in rows] == [
        ("g1", ANN, "hat", "purchase"),
        ("g2", pseudonym(KEY, "session", "s9"), "mug", "view"),
    ]
    assert rows[0].event_time == moment(1, 12).replace(microsecond=250_000)
    assert (float(rows[0].price), rows[0].title, rows[0].context) == (12.5, "Hat", {"page": "home"})


@pytest.mark.spark
def test_a_shop_that_only_posts_needs_no_mapping(empty_lake):
    spark, settings = empty_lake
    tiny_lake.deliver_files(settings, DAY1, {})
    path = Path(settings.lake) / GATEWAY_FILE.path
    path.parent.mkdir()
    path.write_text(gateway_line())
    run = tiny_lake.day_run(spark, settings, [DAY1])
    assert run.publish_raw_events(GATEWAY_MAPPING, KEY).message() == ""
    assert read_mapping(settings.mapping) != GATEWAY_MAPPING
