"""Columns that an expression names, without Spark."""

from pathlib import Path

import pytest

from freshet.ingest.mapping.source_mapping import EventExpressions, SourceFormat, SourceMapping
from freshet.ingest.mapping.sql_columns import columns_used, required_keys


def used_columns(text: str) -> set[str]:
    events = EventExpressions(user_id=text, item_id="1", event_type="'view'", event_time="1")
    return set(columns_used(SourceMapping(shop="s", source=SourceFormat(format="csv"), events=events)))


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("upper(trim(StockCode))", {"stockcode"}),
        ("CASE WHEN a LIKE 'C%' THEN 'b c' ELSE `d e` END", {"a", "d e"}),
        ("cast(a AS date) < timestamp '2024-01-01' AND b::int IN (1, 2)", {"a", "b"}),
        ("events.aid", {"events"}),
        ("filter(xs, x -> x.y IS NOT NULL)", {"xs"}),
        ("transform(xs, (x, i) -> x + i)", {"xs"}),
        ("Time + INTERVAL 1 day", {"time"}),
        ("'it''s'", set()),
        ("cast(a AS ARRAY<STRUCT<b: INT>>)[0].b < c", {"a", "c"}),
        ("a > 1 -- as the shop says\n AND b /* or\nc */ < 2", {"a", "b"}),
    ],
)
def test_only_columns_are_named(text, columns):
    assert used_columns(text) == columns


def test_keywords_are_not_columns():
    assert used_columns("a BETWEEN 1 AND 2 OR NOT (b IS NULL) AND c RLIKE 'x' AND d DIV 2 = 1") == {"a", "b", "c", "d"}


@pytest.mark.parametrize("text", ["Kunde's", "a +", "case"])
def test_an_expression_that_cannot_be_parsed_names_no_columns(text):
    assert used_columns(text) == set()


def test_the_keys_of_json_records_are_those_of_columns_and_of_fields_inside_them():
    schema = (
        "session BIGINT, `Kauf Zeit` STRING, events ARRAY<STRUCT<aid: BIGINT, ts: BIGINT, note: STRING>>, spare INT"
    )
    source = SourceFormat(format="json", schema=schema, explode="events", optional=("spare",))
    events = EventExpressions(
        session_id="session", item_id="events.AID", event_type="'view'", event_time="timestamp_millis(events.ts)",
        quantity="spare", title="`Kauf Zeit`",
    )  # fmt: skip
    mapping = SourceMapping(shop="s", source=source, events=events)
    assert required_keys(mapping) == {"session", "Kauf Zeit", "events", "aid", "ts"}


def test_online_retail_uses_every_column_of_its_file():
    from freshet.ingest.mapping.source_mapping import read_mapping

    path = Path(__file__).parents[4] / "examples" / "online_retail.yaml"
    assert columns_used(read_mapping(path)) == {
        "invoiceno", "stockcode", "description", "quantity", "invoicedate", "unitprice", "customerid", "country",
    }  # fmt: skip
