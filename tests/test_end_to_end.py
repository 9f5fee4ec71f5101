"""End to end: land files, run all assets, read the verdict, recommend, run the next day."""

import csv
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from freshet.artifacts import EvaluationRef, published
from freshet.releases.journal import read_entries
from freshet.settings import Settings
from freshet.steps.evaluation.records import read_evaluation
from freshet.store import open_store
from tests import small_shop
from tests.commands.pages import page_lines

pytestmark = pytest.mark.drill

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
# Small models and lenient limits: this tests the pipeline, not the model.
TINY_CONFIG = {
    "training_set": {"holdout_days": 2},
    "trained_model": {
        "max_history": 16,
        "hidden_dim": 16,
        "embedding_dim": 64,
        "n_layers": 1,
        "n_heads": 1,
        "ensemble_size": 2,
        "max_epochs": 12,
    },
    "evaluation": {
        "min_cases": 20,
        "min_shoppers": 10,
        "bootstrap_samples": 200,
        "confidence": 0.55,
        "non_inferiority_margin": 0.5,
    },
}
# Recommending works without the libraries for training and tables.
FRESHET_CODE = (
    "import sys; sys.modules.update(dict.fromkeys(('torch', 'pyspark', 'great_expectations', 'dagster')))\n"
    "from freshet.cli.main import main; main()"
)
BIN_FOLDER = Path(sys.executable).parent
DAY_RANGE = "2010-12-01...2011-12-09"  # the year of the shop that README loads
COUNT_COLUMNS = ("skipped", "quarantined", "duplicate", "rows")
DAYS = [small_shop.FIRST_DAY + timedelta(days=number) for number in range(7)]


def readme_line(start: str, replacements: dict[str, str] | None = None) -> str:
    """Return the README line that starts so. replacements: text of the line → the test's own."""
    (line,) = {
        command_line.text
        for command_line in page_lines(ROOT / "README.md")
        if command_line.text.startswith(start) and not command_line.mention
    }
    line = re.split(r"\s+#", line)[0]
    for old, new in (replacements or {}).items():
        assert old in line
        line = line.replace(old, new)
    return line


@dataclass(frozen=True)
class UserShop:
    """A shop as a user has it: a lake, a DAGSTER_HOME, and commands."""

    settings: Settings
    home: Path

    def run_line(self, line: str, **variables: str) -> subprocess.CompletedProcess:
        """A line typed in the project's folder, in a shell in which `.venv/bin/activate` was sourced."""
        return self.run_command(["bash", "-c", line], **({"PATH": f"{BIN_FOLDER}:{os.environ['PATH']}"} | variables))

    def dagster(
        self, days: Sequence[date], config: dict | None = None, select: str = "*"
    ) -> subprocess.CompletedProcess:
        """Run README's `dagster asset materialize` for other days. config: run configuration."""
        line = readme_line("dagster asset materialize", {DAY_RANGE: f"{days[0]}...{days[-1]}", "'*'": f"'{select}'"})
        if config is not None:
            ops = {name: {"config": values} for name, values in config.items()}
            line += f" --config-json {shlex.quote(json.dumps({'ops': ops}))}"
        return self.run_line(line)

    def freshet(self, *arguments: str, **variables: str) -> str:
        """Return the output of the `freshet` command."""
        completed_process = self.run_command([sys.executable, "-c", FRESHET_CODE, *arguments], **variables)
        assert completed_process.returncode == 0, completed_process.stderr
        return completed_process.stdout

    def run_command(self, command: list[str], **variables: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment | variables, capture_output=True, text=True, check=False
        )

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment without FRESHET settings."""
        base_environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
        return base_environment | {
            "DAGSTER_HOME": str(self.home),
            "FRESHET_LAKE": self.settings.lake,
            "FRESHET_MAPPING": str(self.settings.mapping),
            "FRESHET_FIRST_DAY": str(self.settings.first_day),
            "FRESHET_SPARK_MASTER": "local[2]",
            "FRESHET_SPARK_MEMORY": "2g",
            "FRESHET_TRAINING_DEVICE": "cpu",
        }

    def rows(self, table: str, day: date) -> list[dict]:
        """The published rows of a day, without a JVM."""
        from freshet.tables.reader import scan_table

        return scan_table(self.settings, table, where=f"landing_date == '{day}'").to_pylist()


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> UserShop:
    folder = tmp_path_factory.mktemp("shop")
    settings, _ = small_shop.land_simulated(folder / "lake", days=7)
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    return UserShop(settings, home)


@pytest.fixture(scope="module")
def first_days_run(shop) -> subprocess.CompletedProcess:
    """One run of everything over the first six days."""
    return shop.dagster(DAYS[:6], TINY_CONFIG)


@pytest.fixture(scope="module")
def next_day_run(shop, first_days_run) -> subprocess.CompletedProcess:
    """The seventh day alone, and all assets that depend on it."""
    return shop.dagster(DAYS[6:], TINY_CONFIG)


def test_one_command_goes_from_landed_files_to_a_release(shop, first_days_run):
    assert first_days_run.returncode == 0, first_days_run.stderr[-3000:]
    output = shop.freshet("releases").splitlines()
    assert output[0] == "   no.  when (UTC)        bundle        NDCG@10  what"
    assert output[1].startswith("*    1")
    assert "Released: the new model is better than popular items (NDCG@10 0." in shop.freshet("releases", "1")


def test_every_landed_row_is_accounted_for(shop, first_days_run):
    lines = shop.freshet("days").splitlines()
    for line in lines[1:]:
        label, counts, verdict = re.fullmatch(r"(\S+(?: days)?) +((?:[\d,]+ +){6})(.+)", line).groups()
        n_landed, *parts = (int(count.replace(",", "")) for count in counts.split())
        assert n_landed == sum(parts), label
        assert "published" in verdict
    assert len(lines) == 1 + 6 + 1


def test_recommend_works_without_torch_and_without_java(shop, first_days_run):
    item_ids = ",".join(sorted({row["item_id"] for row in shop.rows("items", DAYS[0])})[:3])
    output = shop.freshet(
        "recommend", "--items", item_ids, "-k", "5", PATH="/nonexistent", JAVA_HOME="/nonexistent"
    ).splitlines()
    assert output[0].split() == ["rank", "item", "score", "title"]
    assert len(output) == 1 + 5 + 1
    assert output[-1].startswith("tier sequence (from the shopper's history) · bundle ")
    assert output[-1].endswith(" · release 1")


def test_recommend_reads_a_shoppers_history_from_the_lake(shop, first_days_run):
    landed_files = next((Path(shop.settings.lake) / "landing" / "events" / f"dt={DAYS[0]}").iterdir())
    with landed_files.open() as file:
        user = next(row["user_id"] for row in csv.DictReader(file) if row["user_id"])
    output = shop.freshet("recommend", "--shopper", user, PATH="/nonexistent", JAVA_HOME="/nonexistent").splitlines()
    assert len(output) == 1 + 10 + 1
    assert "(from the shopper's history)" in output[-1]


def test_the_next_day_is_compared_with_the_champion(shop, next_day_run):
    assert next_day_run.returncode == 0, next_day_run.stderr[-3000:]
    store = open_store(shop.settings.lake)
    first_release, *later_entries = read_entries(store)
    record = read_evaluation(store, published(store, "evaluation", EvaluationRef).id)
    assert (record.champion, record.decided_on) == (first_release.bundle, 1)
    assert "the released model (NDCG@10 0." in record.verdict.sentence
    # Whether so small a model passes every guard differs between processors; the journal follows the verdict.
    assert [entry.bundle for entry in later_entries] == [record.bundle] * record.verdict.released


def test_a_day_run_again_gives_the_same_table(shop, next_day_run):
    def published_rows() -> list[list[str]]:
        return [sorted(map(repr, shop.rows(table, DAYS[6]))) for table in ("events", "histories")]

    before = published_rows()
    rerun = shop.dagster(DAYS[6:], select="raw_events,quarantined_events,events,histories")
    assert rerun.returncode == 0, rerun.stderr[-3000:]
    assert published_rows() == before
    assert all(before)


def line_output(shop: UserShop, line: str) -> str:
    completed_process = shop.run_line(line)
    assert completed_process.returncode == 0, (line, completed_process.stdout[-1500:], completed_process.stderr[-1500:])
    return completed_process.stdout


def test_every_other_command_of_the_readme_works(shop, next_day_run, tmp_path):
    """After the release, on this shop's files and items. The gateway's lines are typed by the next test."""
    folder = Path(shop.settings.lake) / "landing" / "events"
    before = set(folder.rglob("*.csv"))
    delivery = next((folder / f"dt={DAYS[0]}").iterdir())
    csv_copy = tmp_path / "again.csv"
    csv_copy.write_bytes(delivery.read_bytes() + delivery.read_bytes().splitlines()[-1] + b"\n")
    assert "1 file landed on 1 day" in line_output(
        shop, readme_line("freshet land", {"online-retail-dataset.csv": str(csv_copy)})
    )
    (landed_files,) = set(folder.rglob("*.csv")) - before
    landed_files.unlink()
    items = ",".join(sorted({row["item_id"] for row in shop.rows("items", DAYS[0])})[:2])
    assert line_output(shop, readme_line("freshet recommend", {"85123A,22423": items})).startswith("rank  item")
    checked = readme_line(
        "freshet mapping check", {"shop.yaml": str(shop.settings.mapping), "export.csv": str(delivery)}
    )
    assert "would be published: " in line_output(shop, checked)
    assert line_output(shop, readme_line("freshet days")).splitlines()[-1].startswith("7 days")
    assert line_output(shop, readme_line("freshet releases")).splitlines()[2].startswith("*    2")
    assert f"FRESHET_LAKE  {shop.settings.lake}" in re.sub(
        " +", "  ", line_output(shop, readme_line("freshet settings"))
    )
    assert "\ngateway   will work\n" in line_output(shop, readme_line("freshet doctor"))
    assert "rolled back to the bundle of release 1" in line_output(shop, readme_line("freshet rollback"))


def test_the_gateway_commands_of_the_readme_work(shop, next_day_run, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    overrides = {"FRESHET_GATEWAY_PORT": address.rpartition(":")[2], "FRESHET_GATEWAY_STATE_DIR": str(tmp_path)}
    words = ["bash", "-c", f"exec {readme_line('freshet serve')}"]
    environment = shop.environment | overrides | {"PATH": f"{BIN_FOLDER}:{os.environ['PATH']}"}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as gateway:
        try:
            assert address in gateway.stdout.readline()
            posted = line_output(shop, readme_line("curl -s localhost:8080/v1/events", {"localhost:8080": address}))
            assert json.loads(posted)["accepted"] == 1
            command_line = readme_line("curl -s 'localhost:8080/v1/recommendations", {"localhost:8080": address})
            for _ in range(100):  # the release is proven first
                body = json.loads(line_output(shop, command_line))
                if "items" in body:
                    break
                time.sleep(0.3)
            assert len(body["items"]) == 3
        finally:
            gateway.terminate()


def land_and_run_days(
    spark, folder: Path, example: str, files: Sequence[str], first_day: date, last_day: date
) -> dict[str, int]:
    """Land the files, run all daily tables over the days from first to last; what became of the rows, summed up."""
    from freshet.ingest.land_files import land_files
    from freshet.ingest.mapping.source_mapping import read_mapping
    from tests import tiny_lake

    if not DATA.is_dir():
        pytest.skip(f"there is no {DATA}")
    mapping = ROOT / "examples" / f"{example}.yaml"
    settings = Settings(_env_file=None, lake=str(folder / "lake"), mapping=mapping, first_day=date(2020, 1, 1))
    land_files(settings, [DATA / name for name in files], read_mapping(mapping), None, lambda _: None)
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    run = tiny_lake.day_run(tiny_lake.lake_session(spark, settings), settings, days)
    published = {**tiny_lake.run_events(run), **tiny_lake.run_features(run)}
    assert [name for name, publication in published.items() if publication.refused] == []
    counted = published["events"].profile
    return {name: int(counted[name].sum()) for name in ("landed", *COUNT_COLUMNS)}


@pytest.mark.realdata
@pytest.mark.spark
def test_ottos_sessions_become_862_events(spark, tmp_path):
    files = ["otto-sample/train.jsonl"]
    otto = land_and_run_days(spark, tmp_path, "otto", files, date(2022, 7, 31), date(2022, 8, 28))
    assert otto == {"landed": 862, "skipped": 0, "quarantined": 0, "duplicate": 0, "rows": 862}


@pytest.mark.realdata
@pytest.mark.spark
def test_serenades_clicks_of_three_files_become_the_days_events(spark, tmp_path):
    files = [f"bolcom-serenade-toy/{name}.txt.gz" for name in ("train", "valid", "test")]
    serenade = land_and_run_days(spark, tmp_path, "serenade", files, date(2020, 6, 28), date(2020, 6, 30))
    assert serenade["landed"] == 3828 + 3636 + 13 + 1220 + 1451
    assert serenade["landed"] == sum(serenade[name] for name in COUNT_COLUMNS)
    assert serenade["quarantined"] == serenade["skipped"] == 0
