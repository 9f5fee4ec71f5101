"""`make demo`: a small simulated shop, from landed files to a recommendation, in one process and one Spark session.

The lake is the one of the settings (the Makefile points them at `demo/`); the run is recorded in DAGSTER_HOME, so that
`make dev` shows it afterwards.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import typer

from assets.shop import SETTINGS
from freshet.errors import FreshetError, SettingsError
from freshet.live.ranker import open_ranker
from freshet.live.released import Release, current_release, history_of, just_met
from freshet.simulation.catalogue import Catalogue
from freshet.simulation.params import ShopParams
from freshet.store import open_store
from freshet.tables.mapping import read
from pipelines.definitions import defs
from pipelines.simulated import SimulatedShop, deliver
from pipelines.story import story

# Enough for a shop that small: the demo is to take a minute.
CONFIG = {"trained_model": {"config": {"max_epochs": 4}}, "training_set": {"config": {"holdout_days": 3}}}
MARK = "demo-of-freshet"  # in the lake's root: only a folder with this mark is ever emptied


def main() -> None:
    """Run it all and tell it."""
    begun = time.perf_counter()
    _empty(Path(SETTINGS.lake))
    made = _landed()
    _run(made.days)
    release = current_release(open_store(SETTINGS.lake), SETTINGS.cache)
    if release is None:
        _say("\nNothing was released; the lines above say why.")
        sys.exit(1)
    _recommend(release, made.shop.catalogue)
    _say(
        f"\nDone in {time.perf_counter() - begun:.0f} s. `make dev` opens the lineage, gates and pictures of this run."
    )


def _empty(lake: Path) -> None:
    """A demo begins with an empty lake; a lake that no demo made is left alone."""
    if lake.exists() and any(lake.iterdir()) and not (lake / MARK).exists():
        raise SettingsError(
            "FRESHET_LAKE", f"{lake} holds a lake that is not the demo's", "run `make demo`, which sets its own"
        )
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True)
    (lake / MARK).touch()


def _landed() -> SimulatedShop:
    if SETTINGS.mapping is None:
        raise SettingsError("FRESHET_MAPPING", "is not set", "run `make demo`, which sets it")
    params = ShopParams(first_day=SETTINGS.first_day)
    made = deliver(SETTINGS, read(SETTINGS.mapping), params)
    _say(
        f"A shop that does not exist: {params.shoppers:,} shoppers, {params.items:,} items, {params.days} days.\n"
        f"Landed {made.delivered.rows:,} rows in {len(made.days)} files; "
        f"{made.delivered.duplicates} of them twice, {made.delivered.bad} broken on purpose.\n"
    )
    return made


def _run(days: Sequence[date]) -> None:
    """All assets, all days, one run; like `dagster asset materialize --select '*' --partition-range …`."""
    told = dg.Definitions(
        assets=defs.assets, resources=defs.resources, executor=dg.in_process_executor, loggers={"story": story}
    )
    _say(f"One run over {len(days)} days, every hand-over through its gate:")
    job = told.resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(
        instance=dg.DagsterInstance.get(),
        run_config={"loggers": {"story": {}}, "ops": CONFIG},
        tags={"dagster/asset_partition_range_start": str(days[0]), "dagster/asset_partition_range_end": str(days[-1])},
        raise_on_error=False,
    )
    if not done.success:
        _say("\nThe run failed; the lines above say why.")
        sys.exit(1)


def _recommend(release: Release, goods: Catalogue) -> None:
    """The verdict, and what a stranger is shown after three clicks."""
    _say(f"\n{release.entry.verdict}")
    first = int(goods.weights.argmax())
    clicked = [first, int(goods.alternatives[0][first]), int(goods.alternatives[1][first])]
    answer = open_ranker(release.bundle).recommend(
        history_of(just_met([str(goods.item_ids[i]) for i in clicked], "view"), release.bundle.vocabulary), 5
    )[0]
    titles = dict(zip(goods.item_ids, goods.titles, strict=True))
    _say("\nSomebody nobody knows looks at:")
    _say("\n".join(f"    {titles[goods.item_ids[i]]}" for i in clicked))
    _say("and is recommended:")
    _say("\n".join(f"  {place} {titles[item]}" for place, item in enumerate(answer.item_ids, start=1)))
    asked = ",".join(str(goods.item_ids[i]) for i in clicked)
    _say(f"\nAsk yourself: FRESHET_LAKE={_shown(SETTINGS.lake)} .venv/bin/freshet recommend --items {asked}")


def _shown(lake: str) -> str:
    """The lake as one would type it here."""
    here = Path.cwd()
    return str(Path(lake).relative_to(here)) if Path(lake).is_relative_to(here) else lake


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    try:
        main()
    except FreshetError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
