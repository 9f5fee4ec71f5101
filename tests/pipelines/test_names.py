"""Public names: saved runs, alerts and bookmarks use them, so every change must be deliberate."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import dagster as dg

pytestmark = pytest.mark.dagster

NAMES_FILE = Path(__file__).with_name("names.txt")
ROOT = Path(__file__).parents[2]
HEAVY_MODULES = ("torch", "great_expectations", "pandas", "matplotlib", "pyiceberg", "onnxruntime", "onnx", "evidently")
CHANGED_MESSAGE = """The names are not those of {path}:
{changes}
Saved runs, alerts and bookmarks go by these names. Where the change is meant, say so in CHANGELOG.md and write the
file anew: PYTHONPATH=. .venv/bin/python {script}"""


def public_names() -> list[str]:
    """`kind name`, sorted: every asset, check, job, resource, schedule and sensor."""
    from pipelines.definitions import defs

    repository = defs.get_repository_def()
    names_by_kind = {
        "asset": [key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()],
        "check": [key.to_user_string() for key in repository.asset_graph.asset_check_keys],
        "job": [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")],
        "resource": list(repository.get_top_level_resources()),
        "schedule": [schedule.name for schedule in repository.schedule_defs],
        "sensor": [sensor.name for sensor in repository.sensor_defs],
    }
    return [f"{kind} {name}" for kind, kind_names in names_by_kind.items() for name in sorted(kind_names)]


def name_changes(old_names: list[str], new_names: list[str]) -> str:
    """One line per name that came or went."""
    removed_names, new = sorted(set(old_names) - set(new_names)), sorted(set(new_names) - set(old_names))
    return "\n".join([*(f"  - {name}" for name in removed_names), *(f"  + {name}" for name in new)])


@pytest.fixture(scope="module")
def asset_specs() -> "list[dg.AssetSpec]":
    from pipelines.definitions import defs

    return list(defs.resolve_all_asset_specs())


def spec_name(spec: "dg.AssetSpec") -> str:
    return str(spec.key.to_user_string())


def test_public_names_are_unchanged():
    before, now = NAMES_FILE.read_text().splitlines(), public_names()
    if before != now:
        script, path = (str(Path(file).relative_to(ROOT)) for file in (__file__, NAMES_FILE))
        pytest.fail(CHANGED_MESSAGE.format(path=path, changes=name_changes(before, now), script=script), pytrace=False)


def test_a_change_is_reported_as_added_and_removed_names():
    assert name_changes(["asset a", "asset b"], ["asset b", "check b:holds"]) == "  - asset a\n  + check b:holds"


def test_every_asset_has_a_description_and_an_owner(asset_specs):
    silent = {
        spec_name(spec)
        for spec in asset_specs
        if spec.group_name not in {"events", "features", "training", "release", "serving", "monitoring"}
        or not (spec.owners and spec.kinds and (spec.description or "").endswith("."))
    }
    assert silent == set()


def test_every_table_shows_its_columns_with_types_and_meanings(asset_specs):
    tables = {
        spec_name(spec): spec.metadata.get("dagster/column_schema") for spec in asset_specs if "iceberg" in spec.kinds
    }
    assert len(tables) == 11
    undocumented_tables = {
        name
        for name, schema in tables.items()
        if schema is None or not all(c.name and c.type and c.description for c in schema.columns)
    }
    assert undocumented_tables == set()


def test_every_asset_has_a_gate(asset_specs):
    assets_with_checks = {
        line.removeprefix("check ").partition(":")[0] for line in public_names() if line.startswith("check ")
    }
    assert assets_with_checks == {spec_name(spec) for spec in asset_specs}


def test_a_range_run_of_everything_is_one_run():
    import dagster as dg

    from pipelines.definitions import defs

    graph = defs.get_repository_def().asset_graph
    policies = {graph.get(key).backfill_policy for key in graph.get_all_asset_keys()}
    assert policies == {dg.BackfillPolicy.single_run()}


def test_definitions_load_fast_without_heavy_imports():
    script = (
        "import sys, time; start = time.process_time(); import pipelines.definitions\n"
        f"print([name for name in {HEAVY_MODULES} if name in sys.modules])\n"
        "from pyspark.sql import SparkSession; print(SparkSession.getActiveSession())\n"
        "print(time.process_time() - start)"
    )
    completed_process = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy, session, seconds = completed_process.stdout.splitlines()
    assert (heavy, session) == ("[]", "None")
    assert float(seconds) < 10  # one second where bytecode is compiled


if __name__ == "__main__":
    NAMES_FILE.write_text("\n".join(public_names()) + "\n")
