"""Column names that Spark SQL reads bare, and those that need backticks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshet.errors import MappingError
from freshet.ingest.mapping.column_names import sql_name, unquoted_column
from freshet.ingest.mapping.sql_columns import columns_in

COLUMN_NAMES = (
    "Artikel-Nr",
    "Preis (EUR)",
    "Artikel Nr",
    "Größe",
    "a.b",
    "2024",
    "Kunde's",
    "x`y",
    "item",
    "order",
    "1st",
)


@pytest.mark.parametrize(("name", "written"), [("item", "item"), ("order", "order"), ("1st", "1st"), ("a_b", "a_b")])
def test_a_plain_name_needs_no_backticks(name, written):
    assert sql_name(name) == written


def test_other_names_need_backticks_and_inner_backticks_are_doubled():
    assert [sql_name(name) for name in COLUMN_NAMES[:8]] == [
        "`Artikel-Nr`", "`Preis (EUR)`", "`Artikel Nr`", "`Größe`", "`a.b`", "`2024`", "`Kunde's`", "`x``y`",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Artikel-Nr", "Artikel-Nr"),
        ("trim(Artikel-Nr)", "Artikel-Nr"),
        ("double(preis (eur))", "Preis (EUR)"),
        ("concat(a.b, 'Artikel-Nr')", "a.b"),
        ("2024", "2024"),
        ("Kunde's", "Kunde's"),
        ("`Artikel-Nr`", None),
        ("'Artikel-Nr'", None),
        ("item", None),
        ("Artikel-Nummer", None),
        ("year(at) = 2024", None),
    ],
)
def test_a_name_without_its_backticks_is_found(text, name):
    assert unquoted_column(text, COLUMN_NAMES) == name


@given(st.sampled_from(COLUMN_NAMES))
def test_a_name_written_as_it_should_be_is_never_blamed(name):
    assert unquoted_column(sql_name(name), COLUMN_NAMES) is None
    assert columns_in(f"trim({sql_name(name)})", COLUMN_NAMES) == [name]


@pytest.mark.spark
def test_the_error_for_an_odd_name_gives_a_spelling_that_works(spark):
    from pyspark.sql.types import StringType, StructField, StructType

    from freshet.ingest.mapping.sql_expressions import are_expressions_valid, check_expression

    schema = StructType([StructField(name, StringType()) for name in COLUMN_NAMES])
    for name in COLUMN_NAMES[:8]:
        assert not are_expressions_valid({"events.item_id": name}, schema, spark)
        with pytest.raises(MappingError) as exc_info:
            check_expression("m.yaml:3:12", "events.item_id", name, schema, spark)
        assert f"`{name}`: the column {name} needs backticks, for its name has" in exc_info.value.what
        assert exc_info.value.fix.startswith(f'write "{sql_name(name)}"')
        assert are_expressions_valid({"events.item_id": sql_name(name)}, schema, spark)
    with pytest.raises(MappingError) as exc_info:
        check_expression("m", "events.item_id", "Artikel-Nmr", schema, spark)
    assert exc_info.value.fix == "did you mean `Artikel-Nr` or `Artikel Nr`?"
