"""`freshet mapping check`: the outcome of every row, before any run."""

from datetime import date

import pytest

from freshet.cli.dry_run_report import refusal_messages, report_lines, verdict_lines
from freshet.errors import LandingError, MappingError
from freshet.ingest.dry_run import dry_run
from freshet.ingest.mapping.source_mapping import EventExpressions, LandingSplit, SourceFormat, SourceMapping
from freshet.settings import Settings

pytestmark = pytest.mark.spark

MAPPING = SourceMapping(
    shop="s",
    source=SourceFormat(format="csv"),
    landing=LandingSplit(split_by="at", date_format="%Y-%m-%d"),
    where="item != 'POST'",
    events=EventExpressions(
        user_id="who", item_id="item", event_type="'purchase'", event_time="to_timestamp(at)", price="cost"
    ),
)
CSV_LINES = (
    "who,item,at,cost\n7,A,2024-02-01,1\n7,A,2024-02-01,1\n8,POST,2024-02-01,1\n,B,2024-02-02,1\n9,C\n9,D,soon,1\n"
)


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV_LINES)
    return path


def test_every_outcome_has_an_example(spark, export):
    assert report_lines(dry_run(spark, MAPPING, [export], date(2024, 3, 1), 7)) == [
        "",
        "first events",
        "  event_type  event_time           item_id  user_id  price",
        "  purchase    2024-02-01 00:00:00  A        5bdd86…  1.0000",
        "",
        "events by type",
        "  purchase  1",
        "",
        "outcomes of the 6 rows",
        "            1  duplicate (an earlier row has the same event_id)",
        "               e.g. a.csv:2  7,A,2024-02-01,1",
        "            1  published (valid and not a duplicate)",
        "            1  quarantined: bad_time (no event_time, or one that the mapping's expression could not read)",
        "               event_time: to_timestamp(at), given at='soon'",
        "               e.g. a.csv:6  9,D,soon,1",
        "            1  quarantined: missing_shopper (neither a user_id nor a session_id)",
        "               user_id: who, given who=nothing",
        "               session_id: not mapped",
        "               e.g. a.csv:4  ,B,2024-02-02,1",
        "            1  quarantined: unreadable (the record could not be read: a broken line, a wrong number of "
        "fields, text where a number belongs)",
        "               e.g. a.csv:5  9,C",
        "            1  skipped (the mapping's `where` is false)",
        "               e.g. a.csv:3  8,POST,2024-02-01,1",
    ]


def test_days_that_would_be_refused_are_named_with_the_rule_that_refuses_them(spark, export):
    actual = dry_run(spark, MAPPING, [export], date(2024, 3, 1), 7)
    refused_days = refusal_messages(actual, Settings(_env_file=None))
    assert verdict_lines(actual, refused_days) == [
        "",
        "would be refused, of 3 days:",
        "  2024-02-02: 1 of 1 rows break the contract (missing_shopper 1; limit 0.05)",
        "  2024-03-01: 2 of 2 rows break the contract (bad_time 1, unreadable 1; limit 0.05)",
    ]
    lenient = Settings(_env_file=None, max_invalid_share=1)
    assert verdict_lines(actual, refusal_messages(actual, lenient)) == [
        "",
        "would be published: 1 of 6 rows, on 3 days",
    ]


ODD_MAPPING = SourceMapping(
    shop="s",
    source=SourceFormat(format="csv"),
    events=EventExpressions(
        user_id="`Kunde, Nr`",
        item_id="trim(`Artikel-Nr`)",
        event_type="lower(`Art.`)",
        event_time="to_timestamp(`2024`)",
        quantity="Menge",
        price="`Preis (€)`",
        title="`Größe`",
    ),
)
ODD_HEADER = '"Kunde, Nr",Artikel-Nr,Art.,2024,Menge,Preis (€),Größe\n'


def test_a_value_that_is_not_a_number_is_shown_with_its_column_and_a_fix(spark, tmp_path):
    path = tmp_path / "odd.csv"
    rows = [f'7,A{n},Purchase,2024-02-01 10:00:00,{"two" if n == 1 else 2},"{n},11 €",XL\n' for n in (5, 7, 1)]
    path.write_text(ODD_HEADER + "".join(rows) + "7,A9,Purchase,2024-02-01 10:00:00,2,3.99,XL\n")
    actual = dry_run(spark, ODD_MAPPING, [path], date(2024, 2, 1), 7)
    (group,) = (group for group in actual.groups if group.reason == "unreadable")
    assert [(column.column, column.examples) for column in group.faulty_columns] == [
        ("price", ("Preis (€)='5,11 €'", "Preis (€)='7,11 €'")),
        ("quantity", ("Menge='two'",)),
    ]
    lines = report_lines(actual)
    assert "               price: `Preis (€)`, given Preis (€)='5,11 €'; Preis (€)='7,11 €'" in lines
    assert "               quantity: Menge, given Menge='two'" in lines
    assert any("double(replace(regexp_replace(x, '[^0-9,-]', ''), ',', '.'))" in line for line in lines)
    assert refusal_messages(actual, Settings(_env_file=None)) == [
        "2024-02-01: 3 of 4 rows break the contract (unreadable 3; limit 0.05)"
    ]
    fixed = "double(replace(regexp_replace(`Preis (€)`, '[^0-9,-]', ''), ',', '.'))"
    events = ODD_MAPPING.events.model_copy(update={"price": fixed})
    fixed_report = dry_run(spark, ODD_MAPPING.model_copy(update={"events": events}), [path], date(2024, 2, 1), 7)
    assert [row["price"] for row in fixed_report.first_rows][:2] == ["5.1100", "7.1100"]


@pytest.mark.parametrize(
    ("columns", "value", "reason", "line"),
    [
        ({"event_type": "kind"}, "look", "unknown_event_type", "event_type: kind, given kind='look'"),
        ({"quantity": "kind"}, "-3", "bad_quantity", "quantity: kind, given kind='-3'"),
        ({"price": "kind"}, "-3", "bad_price", "price: kind, given kind='-3'"),
        ({"item_id": "kind"}, "", "missing_item", "item_id: kind, given kind=nothing"),
        ({"event_time": "timestamp(kind)"}, "2199-1-1", "future_event",
         "event_time: timestamp(kind), given kind='2199-1-1'"),
        ({"event_time": "timestamp(kind)"}, "2024", "bad_time", "event_time: timestamp(kind), given kind='2024'"),
    ],
)  # fmt: skip
def test_every_reason_names_the_column_and_its_value(spark, tmp_path, columns, value, reason, line):
    path = tmp_path / "a.csv"
    path.write_text(f"item,kind,x\nA,{value},\n")
    events = EventExpressions(
        **{"user_id": "'u'", "item_id": "item", "event_type": "'view'", "event_time": "timestamp '2024-02-01'"}
        | columns
    )
    mapping = SourceMapping(shop="s", source=SourceFormat(format="csv"), events=events)
    actual = dry_run(spark, mapping, [path], date(2024, 2, 1), 7)
    assert [group.reason for group in actual.groups] == [reason]
    assert f"{'':15}{line}" in report_lines(actual)


def test_a_file_without_any_publishable_row_is_refused(spark, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("who,item,at,cost\n8,POST,2024-02-01,1\n")
    actual = dry_run(spark, MAPPING, [path], date(2024, 3, 1), 7)
    assert refusal_messages(actual, Settings(_env_file=None, max_skipped_share=1)) == ["no row would be published"]
    assert "skips 1 of 1 rows (limit 0.99)" in refusal_messages(actual, Settings(_env_file=None))[0]


def test_a_wrong_column_is_the_mappings_mistake_here(spark, export):
    bad_mapping = MAPPING.model_copy(update={"where": "itme != 'POST'"})
    with pytest.raises(
        MappingError, match=r"^mapping: where: `itme != 'POST'`: the source has no column itme; did you mean"
    ):
        dry_run(spark, bad_mapping, [export], date(2024, 3, 1), 7)


def test_a_missing_file_is_named(spark, tmp_path):
    with pytest.raises(LandingError) as exc_info:
        dry_run(spark, MAPPING, [tmp_path / "b.csv"], date(2024, 3, 1), 7)
    assert str(exc_info.value) == f"{tmp_path / 'b.csv'}: is not a file; name the files to try the mapping on"
