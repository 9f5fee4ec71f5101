"""User errors: the exact message, an unchanged champion, and a passing next run.

Exact messages that are asserted elsewhere, and not again here:

- no Java, or an unsuitable one: tests/freshet/setup/test_requirements.py; the lines of `freshet doctor` about Java and
  about an unset, relative or missing DAGSTER_HOME: tests/freshet/doctor/test_doctor.py
- `freshet land` with a missing, empty, truncated or wrongly encoded file: tests/freshet/ingest/test_land_files.py
- landed files that are empty, truncated, wrongly encoded or lack a column:
  tests/freshet/ingest/files/test_file_checks.py; a day with such a file in a range:
  tests/freshet/features/test_daily_tables.py
- every mistake in a mapping: tests/freshet/ingest/mapping/test_source_mapping.py
- a day without a delivery, a day with invalid rows only: tests/freshet/features/test_daily_tables.py; their runs in
  Dagster: tests/assets/test_gates.py
- no released bundle: tests/freshet/cli/test_recommend.py; a corrupt bundle: tests/freshet/releases/test_current.py; a
  journal entry with a missing bundle: tests/freshet/releases/test_journal.py; either one as champion:
  tests/freshet/steps/evaluation/test_evaluate.py
- a full disk: tests/freshet/tables/test_iceberg.py (tables), tests/freshet/test_store.py (journal, bundles)
"""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freshet.errors import LakeError
from tests import tiny_bundle, tiny_lake
from tests.gate_cases import refusal_reason
from tests.world import DAY1, DAY2, DELIVERIES, HEADER, MAPPING

if TYPE_CHECKING:
    from freshet.settings import Settings
    from tests.dagster_runs import DagsterHarness

ROOT = Path(__file__).parents[1]
EVENT_TABLES = ("raw_events", "quarantined_events", "events")
JAVA_FIX = "install Java 17 or 21 (`apt install openjdk-17-jre-headless`, or 21) or set FRESHET_JAVA_HOME to one"
FILE_FIX = refusal_reason("raw_events", "files_are_readable", file_problems="").removeprefix("; ")
dagster_and_spark = [pytest.mark.dagster, pytest.mark.spark]


def run_freshet(capsys, monkeypatch, *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of the `freshet` command."""
    from freshet.cli.main import main

    monkeypatch.setattr(sys, "argv", ["freshet", *arguments])
    with pytest.raises(SystemExit) as exc_info:
        main()
    output = capsys.readouterr()
    return int(exc_info.value.code or 0), output.out, output.err


# Runs of a day, in Dagster.


class DayTwoShop:
    """A lake whose first day is published, and runs of its second day under changed settings."""

    def __init__(self, spark, settings: "Settings") -> None:
        self.spark, self.settings = spark, settings

    def dagster(self, **setting_overrides: object) -> "DagsterHarness":
        from tests.dagster_runs import DagsterHarness, shared_spark_lake

        return DagsterHarness(shared_spark_lake(self.spark, self.settings.model_copy(update=setting_overrides)))

    def seen(self) -> list[tuple[object, ...]]:
        """What readers of `events` see."""
        return tiny_lake.published_rows(tiny_lake.lake_session(self.spark, self.settings), "events")

    def deliver(self, files: Mapping[str, str | bytes]) -> None:
        """The second day's files, and no others."""
        for path in (Path(self.settings.lake) / "landing" / "events" / f"dt={DAY2}").glob("*"):
            path.unlink()
        tiny_lake.deliver_files(self.settings, DAY2, files)

    def mapping(self, old: str, new: str) -> Path:
        """The shop's mapping with a mistake in it."""
        assert old in MAPPING
        path = Path(self.settings.lake).with_name("wrong.yaml")
        path.write_text(MAPPING.replace(old, new))
        return path


@pytest.fixture(scope="module")
def shop(spark, tmp_path_factory) -> DayTwoShop:
    shop = DayTwoShop(spark, tiny_lake.shop_settings(tmp_path_factory.mktemp("bad")))
    tiny_lake.deliver_files(shop.settings, DAY1, DELIVERIES[DAY1])
    assert shop.dagster().run(*EVENT_TABLES, days=[DAY1]).success
    return shop


@contextmanager
def assert_production_unchanged(shop: DayTwoShop) -> Iterator[None]:
    """Readers see what they saw before."""
    shop.deliver(DELIVERIES[DAY2])
    before = shop.seen()
    yield
    assert shop.seen() == before


@pytest.fixture
def unchanged_production(shop):
    """Check that readers see the same rows after the test."""
    with assert_production_unchanged(shop):
        yield


@pytest.fixture
def recovered_production(shop):
    """Check that readers see the same rows after the test, and that a correct delivery of the day succeeds."""
    with assert_production_unchanged(shop):
        yield
    shop.deliver(DELIVERIES[DAY2])
    run_result = shop.dagster().run(*EVENT_TABLES, days=[DAY2])
    assert run_result.success
    assert {row[0] for row in shop.seen()} == {f"e{number}" for number in range(1, 8)}


class TestRuns:
    """Each run stops with the error in one line; no later asset runs."""

    pytestmark = dagster_and_spark

    def refusal_message(self, shop, **setting_overrides: object) -> str:
        run_result = shop.dagster(**setting_overrides).run(*EVENT_TABLES, days=[DAY2])
        assert not run_result.success
        assert not run_result.ran("events")
        return run_result.failure("raw_events")

    def test_a_machine_without_java(self, shop, tmp_path, recovered_production):
        from resources.lake import Lake
        from tests.dagster_runs import DagsterHarness

        nowhere = shop.settings.model_copy(update={"java_home": tmp_path})
        run_result = DagsterHarness(Lake(nowhere)).run("raw_events", days=[DAY2])
        assert run_result.failure("raw_events") == f"Java: no Java at {tmp_path}; {JAVA_FIX}"

    def test_an_old_java(self, shop, tmp_path, unchanged_production):
        from resources.lake import Lake
        from tests.dagster_runs import DagsterHarness

        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text('#!/bin/sh\ncase "$*" in *add-modules*) exit 1;; esac\necho \'java version "1.8.0_392"\' >&2\n')
        java.chmod(0o755)
        old = shop.settings.model_copy(update={"java_home": tmp_path})
        run_result = DagsterHarness(Lake(old)).run("raw_events", days=[DAY2])
        assert run_result.failure("raw_events") == f"Java: Java 8 at {tmp_path} is too old; {JAVA_FIX}"

    def test_no_mapping(self, shop, unchanged_production):
        assert self.refusal_message(shop, mapping=None) == (
            "FRESHET_MAPPING: no source mapping is set; "
            "write one (examples/ has four, docs/mapping.md explains them) and set FRESHET_MAPPING to its path"
        )

    def test_a_mapping_with_a_wrong_column(self, shop, recovered_production):
        path = shop.mapping("item_id: item", "item_id: itm")
        assert self.refusal_message(shop, mapping=path) == (
            "1 of 1 days refused, 0 published\n"
            "raw_events 2024-03-02: dt=2024-03-02/a.csv lacks the column itm "
            '(its header: "id,at,who,visit,item,kind,pieces,price,title,category") '
            f"(deliver it with the columns that the mapping uses, or change the mapping); {FILE_FIX}"
        )

    def test_a_mapping_with_a_wrong_expression(self, shop, unchanged_production):
        path = shop.mapping("to_timestamp(at)", "to_timestmp(at)")
        assert self.refusal_message(shop, mapping=path) == (
            f"{path}:12:15: events.event_time: `to_timestmp(at)`: Spark has no function to_timestmp; "
            "did you mean to_timestamp or try_to_timestamp or to_utc_timestamp?"
        )

    def test_a_mapping_with_a_wrong_type(self, shop, unchanged_production):
        path = shop.mapping("where: kind <> 'ping'", "where: kind")
        assert self.refusal_message(shop, mapping=path) == (
            f"{path}:5:8: where: `kind` gives string, not a boolean; write a condition, e.g. `Quantity > 0`"
        )

    def test_files_dropped_into_the_landing_that_cannot_be_read(self, shop, recovered_production):
        good_content = DELIVERIES[DAY2]["a.csv"].encode()
        shop.deliver(
            {
                "a.csv": good_content,
                "b-empty.csv": b"",
                "c-cut.csv.gz": gzip.compress(good_content, mtime=0)[:30],
                "d-utf16.csv": good_content.decode().encode("utf-16"),
            }
        )
        assert self.refusal_message(shop) == (
            "1 of 1 days refused, 0 published\n"
            "raw_events 2024-03-02: "
            "dt=2024-03-02/b-empty.csv is empty (deliver it again, or remove it if nothing happened that day), "
            "dt=2024-03-02/c-cut.csv.gz ends in the middle of its compressed data (deliver the whole file again), "
            "dt=2024-03-02/d-utf16.csv is UTF-16 or binary, not text (save it as UTF-8: iconv -f UTF-16 -t UTF-8); "
            + FILE_FIX
        )

    def test_a_file_wrongly_encoded_further_down(self, shop, recovered_production):
        rows = [f"x{n},2024-03-02 10:00:00,ann,s1,mug,view,,,Tasse größer,\n" for n in range(3)]
        shop.deliver({"a.csv": (HEADER + "".join(rows)).encode("iso-8859-1")})
        run_result = shop.dagster().run(*EVENT_TABLES, days=[DAY2])
        assert run_result.failure("events") == (
            "1 of 1 days refused, 0 published\n"
            "events 2024-03-02: "
            + refusal_reason(
                "events",
                "bad_share_is_within_limit",
                max_invalid_share=0.25,
                quarantined=3,
                candidates=3,
                top_reason="bad_encoding 3",
            )
        )


@pytest.mark.dagster
@pytest.mark.spark
def test_a_shop_with_one_item(spark, tmp_path):
    from tests.dagster_runs import DagsterHarness, shared_spark_lake

    settings = tiny_lake.shop_settings(tmp_path)
    dagster = DagsterHarness(shared_spark_lake(spark, settings))
    rows = [f"x{n},2024-03-01 10:0{n}:00,ann,s1,mug,view,,,Mug,\n" for n in range(4)]
    tiny_lake.deliver_files(settings, DAY1, {"a.csv": HEADER + "".join(rows)})
    run_result = dagster.run(*EVENT_TABLES, "items", "vocabulary", days=[DAY1])
    assert run_result.success  # only too early: no alert
    check = run_result.check("vocabulary", "at_least_two_items")
    assert (check.passed, check.severity.value) == (False, "WARN")
    message, fix = refusal_reason("vocabulary", "at_least_two_items", rows=1).split("; land")
    assert check.description == f"vocabulary: {message}. Land{fix}"
    assert run_result.materialized() == [*EVENT_TABLES, "items"]
    tiny_lake.deliver_files(settings, DAY2, DELIVERIES[DAY2])
    assert dagster.run(*EVENT_TABLES, "items", "vocabulary", days=[DAY2]).success
    assert len(tiny_lake.published_rows(dagster.lake.spark, "vocabulary")) == 2


@pytest.mark.dagster
def test_an_unset_dagster_home_is_reported_where_the_code_is_loaded(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    environment["FRESHET_LAKE"] = str(tmp_path)
    words = [sys.executable, "-c", "import pipelines.definitions"]
    completed_process = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert completed_process.stderr == (
        "DAGSTER_HOME: not set: Dagster would forget every run (a .env cannot set it); "
        "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster\n"
    )


# Two runs of the same day at once.


class StagingBarrier(Mapping[date, object]):
    """A fact of the gate that is known only once both runs have staged their rows."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=60)

    def __getitem__(self, day: date) -> object:
        self.barrier.wait()
        return 0

    def __iter__(self):
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.spark
def test_of_two_concurrent_runs_of_a_day_one_fails_with_a_conflict(spark, tmp_path):
    from freshet.tables.schemas import QUARANTINED_EVENTS

    settings = tiny_lake.shop_settings(tmp_path)
    plain_inputs = {"upstream_missing": {DAY1: 0}, "upstream_reason": {DAY1: ""}}
    racing_inputs = {"upstream_missing": StagingBarrier(), "upstream_reason": {DAY1: ""}}
    errors: dict[str, str] = {}

    def publish(writer_name: str, facts: Mapping[str, Mapping[date, object]]) -> None:
        session = tiny_lake.lake_session(spark, settings)
        row = {"event_id": writer_name, "reason": "missing_item", "landing_date": DAY1}
        values = [tuple(row.get(name) for name in QUARANTINED_EVENTS.column_names)]
        frame = session.createDataFrame(values, QUARANTINED_EVENTS.spark_schema)
        try:
            tiny_lake.day_run(session, settings, [DAY1]).publish(frame, QUARANTINED_EVENTS, facts)
            errors[writer_name] = "published"
        except LakeError as error:
            errors[writer_name] = str(error)

    publish("before", plain_inputs)
    threads = [threading.Thread(target=publish, args=(run_name, racing_inputs)) for run_name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    (winner,) = (who for who in ("one", "other") if errors[who] == "published")
    (loser,) = {"one", "other"} - {winner}
    assert errors[loser] == (
        "quarantined_events 2024-03-01: another run published the same days meanwhile; this attempt is dropped, "
        "readers see the other run's rows; run it again if you want this run's rows instead"
    )

    def published_events() -> list[object]:
        return [
            row[0] for row in tiny_lake.published_rows(tiny_lake.lake_session(spark, settings), "quarantined_events")
        ]

    assert published_events() == [winner]
    publish(loser, plain_inputs)
    assert (errors[loser], published_events()) == ("published", [loser])


# Requests for recommendations.


@pytest.fixture
def lake(tmp_path, monkeypatch):
    from freshet.store import open_store

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    return open_store(str(tmp_path / "lake"))


def write_release(store, number: int, bundle: str) -> None:
    from freshet.releases.journal import JournalEntry, append_entry

    entry = JournalEntry(
        number=number,
        decided_on=number - 1,
        kind="release",
        bundle=bundle,
        verdict="Released.",
        why="",
        at=datetime(2024, 3, 1, tzinfo=UTC),
        by="test",
    )
    append_entry(store, entry)


def put_bundle(store, folder: Path, note: str) -> str:
    """A bundle in the lake that differs by its note."""
    name = tiny_bundle.write_bundle(folder, note=note)
    store.put_folder(folder, f"bundles/{name}", "manifest.json")
    return name


@pytest.mark.parametrize("damage", ["corrupt", "gone"])
def test_a_corrupt_champion_names_the_rollback_that_restores_recommendations(
    lake, tmp_path, capsys, monkeypatch, damage
):
    first, second = (put_bundle(lake, tmp_path / note, note) for note in ("first", "second"))
    write_release(lake, 1, first)
    write_release(lake, 2, second)
    folder = lake.local_path(f"bundles/{second}")
    vectors = folder / "item_embeddings.npy"
    size = vectors.stat().st_size
    vectors.write_bytes(vectors.read_bytes()[:-1])
    expected = f"its bundle {second[:12]} does not load ({vectors}: it has {size - 1} bytes instead of {size})"
    if damage == "gone":
        folder.rename(tmp_path / "elsewhere")
        expected = f"names the bundle {second[:12]}, which is gone"
    code, _, output = run_freshet(capsys, monkeypatch, "recommend", "--items", "a")
    fix = 'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake'
    assert (code, output) == (2, f"error: {lake.root}/releases/00000002.json: {expected}; {fix}\n")
    assert run_freshet(capsys, monkeypatch, "rollback", "--to", "1", "--why", "it is broken")[0] == 0
    code, output, _ = run_freshet(capsys, monkeypatch, "recommend", "--items", "a")
    assert (code, output.splitlines()[-1].endswith(f"bundle {first[:12]} · release 3 (rollback)")) == (0, True)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("none.csv", None, "does not exist; name the files to land"),
        ("a.csv", b"", "is empty; deliver it again, or remove it if nothing happened that day"),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n" * 99, mtime=0)[:20],
            "ends in the middle of its compressed data; deliver the whole file again",
        ),
    ],
)
def test_a_file_that_cannot_be_landed_is_one_line_and_not_landed(
    lake, tmp_path, capsys, monkeypatch, name, content, what
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, _, output = run_freshet(capsys, monkeypatch, "land", str(tmp_path / name), "--date", "2024-03-01")
    assert (code, output) == (2, f"error: {tmp_path / name}: {what}\n")
    assert lake.list("landing") == ()


@pytest.mark.spark
def test_a_shopper_with_one_event_gets_recommendations_from_it(small_shop, capsys, monkeypatch):
    arguments = shopper_with_one_event(small_shop.settings)
    monkeypatch.setenv("FRESHET_LAKE", small_shop.settings.lake)
    write_release(small_shop.store, 1, small_shop.bundle.id)
    try:
        code, output, _ = run_freshet(capsys, monkeypatch, "recommend", *arguments, "-k", "3")
    finally:
        small_shop.store.local_path("releases/00000001.json").unlink()  # others find the journal empty
    assert code == 0
    assert len(output.splitlines()) == 1 + 3 + 1
    assert "tier sequence (from the shopper's history)" in output.splitlines()[-1]


def shopper_with_one_event(settings: "Settings") -> tuple[str, str]:
    """`--shopper` or `--session` of a shopper with one event, with the shop's own ids."""
    import csv
    from collections import Counter

    from freshet.data.pseudonym import load_pseudonym_key, pseudonym
    from freshet.tables.reader import scan_table

    lengths = Counter()
    for row in scan_table(settings, "histories").to_pylist():
        lengths[row["shopper"]] += len(row["events"])
    key = load_pseudonym_key(settings)
    for path in sorted((Path(settings.lake) / "landing" / "events").rglob("*.csv")):
        with path.open() as file:
            for row in csv.DictReader(file):
                kind = "user" if row["user_id"] else "session"
                if lengths[pseudonym(key, kind, row[f"{kind}_id"])] == 1:
                    return ("--shopper" if kind == "user" else "--session", row[f"{kind}_id"])
    raise AssertionError("everybody did more than one thing")
