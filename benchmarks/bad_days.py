"""The gate of `events` on corrupted and on good days: how many days it refuses and how many it warns about.

    python -m benchmarks.bad_days            # the simulated shop, seeds 301 and 302
    python -m benchmarks.bad_days 7 8 9      # other seeds
    python -m benchmarks.bad_days --csv online-retail-dataset.csv.gz   # a year of a real shop, its days as they are

Every seed is another shop: four weeks of good days, then good and corrupted days in turn, one for each corruption.
All days are run as one range. The last line is JSON.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import SecretStr

from benchmarks.corruptions import CORRUPTIONS
from benchmarks.report import print_progress, print_result
from freshet.features.daily_tables import DailyTables
from freshet.features.deduplication import publish_events
from freshet.ingest.land_files import land_files
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.settings import Settings
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from freshet.store import open_store
from freshet.tables import spark_session

if TYPE_CHECKING:
    import pandas as pd

    from freshet.gates.rules import GateReport

DayStatus = Literal["refused", "warned", "green"]
PSEUDONYM_KEY: Final = "benchmark"
GOOD_DAYS: Final = 28  # days before the first corrupted one
FIRST_DAY: Final = date(2026, 1, 5)
EXAMPLES_FOLDER: Final = Path(__file__).parents[1] / "examples"


def main() -> None:
    """Run the days of every shop and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="*", default=[301, 302])
    parser.add_argument("--csv", type=Path, help="the file of Online Retail")
    args = parser.parse_args()
    if args.csv is not None:
        print_result("bad_days", _real_shop_counts(args.csv.absolute()))
        return
    results_by_seed = {seed: _simulated_results(seed) for seed in args.seeds}
    _print_results(results_by_seed)
    print_result(
        "bad_days",
        {"seeds": args.seeds, "days": _statuses_by_kind(results_by_seed), "good": _good_day_counts(results_by_seed)},
    )


def _simulated_results(seed: int) -> dict[str, list[tuple[DayStatus, str]]]:
    """Corruption, or `good` → (status, reasons) of each such day."""
    days = [FIRST_DAY + timedelta(days=n) for n in range(GOOD_DAYS + 2 * len(CORRUPTIONS))]
    kinds = dict(zip(days[GOOD_DAYS + 1 :: 2], CORRUPTIONS, strict=False))
    print_progress(f"seed {seed}: {len(days)} days, {len(kinds)} of them bad")
    with tempfile.TemporaryDirectory() as temporary:
        settings = _settings(Path(temporary) / "lake", "simulated_shop.yaml", FIRST_DAY)
        _deliver(settings, seed, days, kinds)
        report, _ = _run_gate(settings, days)
    results: dict[str, list[tuple[DayStatus, str]]] = {}
    for day, status in _day_statuses(report, days).items():
        results.setdefault(kinds.get(day, "good"), []).append(status)
    return results


def _deliver(settings: Settings, seed: int, days: Sequence[date], kinds: Mapping[date, str]) -> None:
    import pandas as pd

    shop = generate(ShopParams(seed=seed, first_day=FIRST_DAY, days=len(days), views_per_shopper=0.32 * len(days)))
    with tempfile.TemporaryDirectory() as temporary:
        files = write_landing_files(shop, Path(temporary)).files
        frames = {
            date.fromisoformat(path.stem[-10:]): pd.read_csv(path, dtype=str, keep_default_na=False) for path in files
        }
    for number, day in enumerate(days):
        frame = frames[day]
        if day in kinds:
            frame = CORRUPTIONS[kinds[day]](frame, frames[days[number - 1]], number)
        _write(settings, day, frame)


def _write(settings: Settings, day: date, frame: "pd.DataFrame") -> None:
    folder = Path(settings.lake) / "landing" / "events" / f"dt={day}"
    folder.mkdir(parents=True)
    frame.to_csv(folder / "events.csv", index=False)


def _real_shop_counts(file: Path) -> dict[str, object]:
    first_day = date(2010, 12, 1)
    with tempfile.TemporaryDirectory() as temporary:
        settings = _settings(Path(temporary) / "lake", "online_retail.yaml", first_day)
        land_files(settings, [file], read_mapping(settings.mapping or Path()), None, lambda _: None)
        report, published = _run_gate(settings, [first_day + timedelta(days=n) for n in range(374)])
    statuses = _day_statuses(report, published)
    for day, (status, reasons) in statuses.items():
        if status != "green":
            print(f"{day:%Y-%m-%d %a}  {status:<8} {reasons}")
    return {"days": len(published), **Counter(seen for seen, _ in statuses.values())}


def _settings(lake: Path, mapping: str, first_day: date) -> Settings:
    lake.mkdir(parents=True)
    key = SecretStr(PSEUDONYM_KEY)
    return Settings(
        _env_file=None, lake=str(lake), mapping=EXAMPLES_FOLDER / mapping, first_day=first_day, pseudonym_key=key
    )


def _run_gate(settings: Settings, days: Sequence[date]) -> tuple["GateReport", Sequence[date]]:
    """(the report of the `events` gate, the days that have events)."""
    run = DailyTables(spark_session.start_session(settings), settings, open_store(settings.lake), days)
    run.publish_raw_events(read_mapping(settings.mapping or Path()), PSEUDONYM_KEY.encode())
    run.publish_quarantined_events()
    publish_result = publish_events(run)
    return publish_result.gate_report, [
        *publish_result.published,
        *(date.fromisoformat(day) for day in publish_result.refused),
    ]


def _day_statuses(report: "GateReport", days: Sequence[date]) -> dict[date, tuple[DayStatus, str]]:
    violations: dict[str, list[tuple[bool, str]]] = {}
    for rule_result in report.results:
        for violation in rule_result.violations:
            is_blocking = violation.is_blocking and rule_result.rule.severity != "warn"
            violations.setdefault(violation.where, []).append((not is_blocking, violation.message))
    return {day: _day_status(sorted(violations.get(str(day), []))) for day in sorted(days)}


def _day_status(violations: Sequence[tuple[bool, str]]) -> tuple[DayStatus, str]:
    if not violations:
        return "green", ""
    return "warned" if violations[0][0] else "refused", "; ".join(text for _, text in violations)


def _print_results(results_by_seed: Mapping[int, Mapping[str, Sequence[tuple[DayStatus, str]]]]) -> None:
    for kind in CORRUPTIONS:
        statuses = [results[kind][0] for results in results_by_seed.values()]
        print(f"{kind:<28}{'/'.join(status for status, _ in statuses):<20} {statuses[0][1][:110]}")
    for seed, results in results_by_seed.items():
        counts = Counter(verdict for verdict, _ in results["good"])
        print(
            f"good days, seed {seed}: {len(results['good'])}, refused {counts['refused']}, warned of {counts['warned']}"
        )
        for verdict, reasons in results["good"]:
            if verdict != "green":
                print(f"  {verdict}: {reasons}")


def _statuses_by_kind(
    results_by_seed: Mapping[int, Mapping[str, Sequence[tuple[DayStatus, str]]]],
) -> dict[str, list[DayStatus]]:
    return {kind: [results[kind][0][0] for results in results_by_seed.values()] for kind in CORRUPTIONS}


def _good_day_counts(results_by_seed: Mapping[int, Mapping[str, Sequence[tuple[DayStatus, str]]]]) -> dict[str, int]:
    return dict(Counter(status for results in results_by_seed.values() for status, _ in results["good"]))


if __name__ == "__main__":
    main()
