"""`freshet mapping check`: what a mapping makes of files, before any run."""

from datetime import date

import pytest

from freshet.cli.mapping import report
from freshet.errors import LandingError, MappingError
from freshet.tables.mapping import Events, Landing, Mapping, Source
from freshet.tables.trial import trial

pytestmark = pytest.mark.spark

MAPPING = Mapping(
    shop="s",
    source=Source(format="csv"),
    landing=Landing(split_by="at", date_format="%Y-%m-%d"),
    where="item != 'POST'",
    events=Events(user_id="who", item_id="item", event_type="'purchase'", event_time="to_timestamp(at)", price="cost"),
)
LINES = "who,item,at,cost\n7,A,2024-02-01,1\n7,A,2024-02-01,1\n8,POST,2024-02-01,1\n,B,2024-02-02,1\n9,C\n9,D,soon,1\n"


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(LINES)
    return path


def test_every_row_is_told_with_an_example(spark, export):
    assert report(trial(spark, MAPPING, [export], date(2024, 3, 1), 7)) == [
        "",
        "first events",
        "  event_type  event_time           item_id  user_id  price",
        "  purchase    2024-02-01 00:00:00  A        5bdd86…  1.0000",
        "",
        "events by type",
        "  purchase  1",
        "",
        "what becomes of the 6 rows",
        "            1  duplicate (an earlier row has the same event_id)",
        "               e.g. a.csv:2  7,A,2024-02-01,1",
        "            1  published (valid, each once)",
        "            1  quarantined: bad_time (no event_time, or one that the mapping's expression could not read)",
        "               e.g. a.csv:6  9,D,soon,1",
        "            1  quarantined: missing_shopper (neither a user_id nor a session_id)",
        "               e.g. a.csv:4  ,B,2024-02-02,1",
        "            1  quarantined: unreadable (the record could not be read: a broken line, a wrong number of "
        "fields, text where a number belongs)",
        "               e.g. a.csv:5  9,C",
        "            1  skipped (`where` does not hold: no event)",
        "               e.g. a.csv:3  8,POST,2024-02-01,1",
    ]


def test_a_wrong_column_is_the_mappings_mistake_here(spark, export):
    wrong = MAPPING.model_copy(update={"where": "itme != 'POST'"})
    with pytest.raises(
        MappingError, match=r"^mapping: where: `itme != 'POST'`: the source has no column itme; did you mean"
    ):
        trial(spark, wrong, [export], date(2024, 3, 1), 7)


def test_a_file_that_is_not_there_is_said_so(spark, tmp_path):
    with pytest.raises(LandingError) as raised:
        trial(spark, MAPPING, [tmp_path / "b.csv"], date(2024, 3, 1), 7)
    assert str(raised.value) == f"{tmp_path / 'b.csv'}: is no file; name the files to try the mapping on"
