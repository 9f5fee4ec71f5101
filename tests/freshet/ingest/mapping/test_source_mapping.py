"""Mappings: accepted ones, and the exact message of every error."""

from pathlib import Path
from textwrap import dedent

import pytest

from freshet.errors import MappingError
from freshet.ingest.mapping.source_mapping import check_expressions, read_mapping

GOOD_MAPPING = """\
    shop: books
    time_zone: Europe/London
    currency: GBP
    source:
      format: csv
    events:
      user_id: Customer
      item_id: Code
      event_type: "'purchase'"
      event_time: to_timestamp(Date)
      quantity: 1
      context:
        country: Country
    """
START_FIX = "start from one of the files in examples/ (docs/mapping.md explains every key)"
EXAMPLES_FOLDER = Path(__file__).parents[4] / "examples"


def write_mapping(folder: Path, text: str = GOOD_MAPPING, old: str = "", new: str = "") -> Path:
    path = folder / "shop.yaml"
    path.write_text(dedent(text.replace(old, new) if old else text))
    return path


def mapping_error(path: Path) -> str:
    with pytest.raises(MappingError) as exc_info:
        read_mapping(path)
    return str(exc_info.value).replace(str(path), "shop.yaml")


def test_a_good_mapping_gives_its_expressions_by_key(tmp_path):
    assert read_mapping(write_mapping(tmp_path)).expressions() == {
        "events.user_id": "Customer",
        "events.item_id": "Code",
        "events.event_type": "'purchase'",
        "events.event_time": "to_timestamp(Date)",
        "events.quantity": "1",
        "events.context.country": "Country",
    }


@pytest.mark.parametrize("path", sorted(EXAMPLES_FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_a_good_mapping(path):
    assert read_mapping(path).expressions()


def test_an_expression_has_its_line_and_column(tmp_path):
    path = write_mapping(tmp_path)
    assert read_mapping(path).location("events.event_time") == f"{path}:10:15: events.event_time"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "shop: books",
            "shop: books\n    colour: red",
            f"shop.yaml:2:1: `colour` is not a key of a mapping; {START_FIX}",
        ),
        ("item_id: Code", "item: Code", f"shop.yaml:6:1: `events.item_id` is missing (and 1 more); {START_FIX}"),
        (
            "Europe/London",
            "London",
            "shop.yaml:2:12: `time_zone` 'London': is not a time zone of the IANA list, e.g. Europe/London or UTC; "
            + START_FIX,
        ),
        (
            "format: csv",
            "format: xml",
            f"shop.yaml:5:11: `source.format` 'xml': Input should be 'csv', 'json' or 'parquet'; {START_FIX}",
        ),
        (
            "format: csv",
            "format: json",
            "shop.yaml:5:3: `source`: json needs `schema`, the columns as Spark DDL, "
            f"e.g. `session BIGINT, ts BIGINT`; {START_FIX}",
        ),
        (
            "user_id: Customer",
            "title: Title",
            f"shop.yaml:7:3: `events`: needs `user_id` or `session_id`, or both; {START_FIX}",
        ),
        (
            "quantity: 1",
            "quantity: [1]",
            f"shop.yaml:11:13: `events.quantity` [1]: Input should be a valid string; {START_FIX}",
        ),
        (
            "quantity: 1",
            "event_id: uuid()",
            "shop.yaml:11:13: `events.event_id` 'uuid()': uses uuid(), which gives another value in every run; "
            + START_FIX,
        ),
        (
            "item_id: Code",
            "item_id: Code\n      item_id: Sku",
            "shop.yaml:9:3: `item_id` is given twice, first at 8:3; keep one of the two",
        ),
        (
            "quantity: 1",
            "quantity: a: b",
            "shop.yaml:11:14: this is not YAML (mapping values are not allowed here); put an expression that holds "
            "`: ` or ` #`, or starts with a quote or a backtick, into quotes or a `|` block",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, old, new, message):
    assert mapping_error(write_mapping(tmp_path, GOOD_MAPPING, old, new)) == message


def test_a_missing_mapping_is_named(tmp_path):
    assert mapping_error(tmp_path / "shop.yaml") == (
        "shop.yaml: no such file; name a mapping file, e.g. examples/online_retail.yaml"
    )


def test_an_empty_mapping_is_refused(tmp_path):
    assert (
        mapping_error(write_mapping(tmp_path, "# nothing"))
        == "shop.yaml:1:1: holds no keys; start from one of the files in examples/"
    )


@pytest.mark.spark
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "to_timestamp(Date)",
            "to_timestamp(Dat)",
            "shop.yaml:10:15: events.event_time: `to_timestamp(Dat)`: the source has no column Dat; did you mean Date?",
        ),
        (
            "to_timestamp(Date)",
            "to_timestmp(Date)",
            "shop.yaml:10:15: events.event_time: `to_timestmp(Date)`: Spark has no function to_timestmp; "
            "did you mean to_timestamp or try_to_timestamp or to_utc_timestamp?",
        ),
        (
            "to_timestamp(Date)",
            "Date",
            "shop.yaml:10:15: events.event_time: `Date` gives string, not a timestamp; turn it into a timestamp, "
            "e.g. to_timestamp(x, 'yyyy-MM-dd HH:mm:ss') or timestamp_millis(x)",
        ),
        (
            "quantity: 1",
            "quantity: split(Code, '-')",
            "shop.yaml:11:13: events.quantity: `split(Code, '-')` gives array<string>, not a number; "
            "write a number, or text that holds one",
        ),
        (
            "user_id: Customer",
            "user_id: explode(split(Code, '-'))",
            "shop.yaml:7:12: events.user_id: `explode(split(Code, '-'))`: Spark's error:",
        ),
        ("user_id: Customer", "user_id: max(Code)", "shop.yaml:7:12: events.user_id: `max(Code)`: Spark's error:"),
        ("item_id: Code", "item_id: Code +", "shop.yaml:8:12: events.item_id: `Code +`: Spark's error:"),
        (
            "source:",
            "where: Code\n    source:",
            "shop.yaml:4:8: where: `Code` gives string, not a boolean; write a condition, e.g. `Quantity > 0`",
        ),
    ],
)
def test_an_invalid_expression_is_named_with_sparks_error(spark, tmp_path, old, new, message):
    from pyspark.sql.types import StructType

    path = write_mapping(tmp_path, GOOD_MAPPING, old, new)
    columns = StructType.fromDDL("Customer STRING, Code STRING, Date STRING, Country STRING")
    with pytest.raises(MappingError) as exc_info:
        check_expressions(read_mapping(path), columns, spark)
    assert str(exc_info.value).replace(str(path), "shop.yaml").startswith(message)


@pytest.mark.spark
def test_expressions_that_fit_pass(spark, tmp_path):
    from pyspark.sql.types import StructType

    columns = StructType.fromDDL("Customer STRING, Code STRING, Date STRING, Country STRING")
    check_expressions(read_mapping(write_mapping(tmp_path)), columns, spark)
