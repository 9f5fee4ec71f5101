"""Impressions from the gateway's files: every line is accounted for."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests import tiny_lake
from tests.gate_cases import refusal_reason

pytestmark = pytest.mark.spark

DAY, QUIET_DAY, LATER_DAY = date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)
SHOPPER, BUNDLE = "a" * 32, "b" * 64


def impression_line(request: str, **overrides: object) -> str:
    """A line as the gateway writes it."""
    fields = {
        "request_id": request, "shopper": SHOPPER, "items": ["b", "a"], "tier": "sequence", "arm": "champion",
        "bundle": BUNDLE, "release": 3, "shown_at": "2024-01-01T10:00:00.000250Z",
    }  # fmt: skip
    return json.dumps(fields | overrides)


def land_lines(settings, day: date, name: str, *lines: str) -> None:
    folder = Path(settings.lake) / "landing" / "impressions" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture
def shop(tmp_path):
    return tiny_lake.shop_settings(tmp_path)


def publish_days(spark, shop, *days: date):
    from freshet.features.impressions import publish_impressions

    session = tiny_lake.lake_session(spark, shop)
    return session, publish_impressions(tiny_lake.day_run(session, shop, days))


def impression_rows(session) -> list[dict]:
    return [
        row.asDict() for row in session.table("lake.shop.impressions").orderBy("landing_date", "request_id").collect()
    ]


def test_a_line_becomes_a_row_with_its_list_in_order(spark, shop):
    land_lines(shop, DAY, "g1.jsonl", impression_line("r1"), impression_line("r2", shopper=None, tier="popular"))
    session, publication = publish_days(spark, shop, DAY)
    first, second = impression_rows(session)
    assert publication.refused == {}
    assert first == {
        "request_id": "r1", "shopper": SHOPPER, "items": ["b", "a"], "tier": "sequence", "arm": "champion",
        "bundle": BUNDLE, "release": 3, "shown_at": datetime(2024, 1, 1, 10, 0, 0, 250, UTC).replace(tzinfo=None),
        "landing_date": DAY, "source_file": "dt=2024-01-01/g1.jsonl", "source_row": 1,
    }  # fmt: skip
    assert (second["shopper"], second["tier"], second["source_row"]) == (None, "popular", 2)


def test_malformed_lines_and_repeated_requests_are_counted(spark, shop):
    good_lines = [impression_line(f"r{number:02d}") for number in range(20)]
    land_lines(shop, DAY, "g1.jsonl", *good_lines, impression_line("torn")[:40])
    land_lines(shop, DAY, "g2.jsonl", impression_line("r00", items=["c"]), impression_line("", tier="popular"))
    session, publication = publish_days(spark, shop, DAY)
    counts = publication.profile.loc[DAY]
    assert {name: int(counts[name]) for name in ("files", "landed", "quarantined", "duplicate", "rows",
    "unaccounted_rows")} == {
        "files": 2, "landed": 23, "quarantined": 2, "duplicate": 1, "rows": 20, "unaccounted_rows": 0,
    }  # fmt: skip
    assert impression_rows(session)[0]["items"] == ["b", "a"]  # the first file's, not the second's


def test_a_line_without_a_required_field_is_malformed(spark, shop):
    from freshet.features.impressions import add_line_outcomes, read_lines

    changes = [
        {"items": None}, {"items": ["a", None]}, {"items": "a"}, {"release": "three"}, {"bundle": None},
        {"shown_at": "soon"}, {"tier": None}, {"arm": None}, {"request_id": None}, {"shopper": None},
    ]  # fmt: skip
    land_lines(
        shop,
        DAY,
        "g1.jsonl",
        *(impression_line(f"r{number}", **change) for number, change in enumerate(changes)),
        "[]",
        "7",
        "",
    )
    url = f"{shop.lake}/landing/impressions/dt={DAY}/g1.jsonl"
    row_outcomes = add_line_outcomes(read_lines(spark, [url])).orderBy("source_row").collect()
    assert [row.outcome for row in row_outcomes] == ["malformed"] * 9 + ["published"] + ["malformed"] * 3


def test_a_day_without_impressions_is_empty_and_not_published(spark, shop):
    land_lines(shop, DAY, "g1.jsonl", impression_line("r1"))
    land_lines(shop, LATER_DAY, "g1.jsonl", impression_line("r2", shown_at="2024-01-03T00:00:00Z"))
    session, publication = publish_days(spark, shop, DAY, QUIET_DAY, LATER_DAY)
    assert (publication.published, publication.empty) == ((DAY, LATER_DAY), (QUIET_DAY,))
    assert [int(n) for n in publication.profile["rows"]] == [1, 0, 1]
    assert [row["landing_date"] for row in impression_rows(session)] == [DAY, LATER_DAY]


def test_a_lake_without_impressions_publishes_an_empty_day(spark, shop):
    session, publication = publish_days(spark, shop, DAY, QUIET_DAY)
    assert (publication.empty, publication.published, publication.refused, impression_rows(session)) == (
        (DAY, QUIET_DAY),
        (),
        {},
        [],
    )


def test_invalid_impressions_refuse_the_day_and_keep_its_rows(spark, shop):
    land_lines(shop, DAY, "g1.jsonl", impression_line("r1"))
    publish_days(spark, shop, DAY)
    land_lines(
        shop,
        DAY,
        "g2.jsonl",
        impression_line("r2", items=["a", "a"]),
        impression_line("r3", tier="oracle"),
        impression_line("r4", bundle="latest"),
        impression_line("r5", shopper="ann@example.org"),
        impression_line("r6", shown_at="2024-01-03T00:00:00Z"),
    )
    session, publication = publish_days(spark, shop, DAY)
    assert publication.refused["2024-01-01"] == [
        refusal_reason("impressions", "items_are_unique_in_list", lists_with_repeats=1, rows=6),
        refusal_reason("impressions", "tiers_are_known", unknown_tiers=1, rows=6),
        refusal_reason("impressions", "bundles_are_named", without_bundle=1, rows=6),
        refusal_reason("impressions", "shoppers_are_pseudonyms", unhashed_shoppers=1, rows=6),
        refusal_reason("impressions", "times_are_plausible", after_landing_day=1, rows=6),
    ]
    assert [row["request_id"] for row in impression_rows(session)] == ["r1"]


def test_an_empty_list_is_a_warning(spark, shop):
    land_lines(shop, DAY, "g1.jsonl", impression_line("r1", items=[]))
    _, publication = publish_days(spark, shop, DAY)
    assert publication.published == (DAY,)
    assert [f.rule.name for f in publication.gate_report.results if not f.passed] == ["lists_are_not_empty"]


def test_a_day_of_malformed_lines_is_refused_and_keeps_its_rows(spark, shop):
    land_lines(shop, DAY, "g1.jsonl", impression_line("r1"))
    publish_days(spark, shop, DAY)
    land_lines(shop, DAY, "g2.jsonl", impression_line("r2")[:30])
    session, publication = publish_days(spark, shop, DAY)
    reason = refusal_reason("impressions", "lines_are_whole", quarantined=1, landed=2)
    assert publication.message() == f"impressions 2024-01-01: {reason}"
    assert [row["request_id"] for row in impression_rows(session)] == ["r1"]
