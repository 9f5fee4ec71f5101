"""Bad days among good ones: which the gate of `events` refuses, which it warns of, and what it says of good days.

    python -m benchmarks.bad_days            # the simulated shop, seeds 301 and 302
    python -m benchmarks.bad_days 7 8 9      # other seeds
    python -m benchmarks.bad_days --csv online-retail-dataset.csv.gz   # a year of a real shop, its days as they are

Every seed is a shop of its own: four weeks of good days, then good and bad days by turns, a bad one of each kind.
All of them are run as one range. The last line is JSON.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import SecretStr

from benchmarks.bad_day_kinds import KINDS
from benchmarks.report import finish, say
from freshet.delivery import land
from freshet.settings import Settings
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from freshet.store import open_store
from freshet.tables import session
from freshet.tables.day_run import DayRun
from freshet.tables.mapping import read

if TYPE_CHECKING:
    import pandas as pd

    from freshet.gates.rules import Judgement

Seen = Literal["refused", "warned", "green"]
KEY: Final = "benchmark"
GOOD: Final = 28  # days before the first bad one
FIRST: Final = date(2026, 1, 5)
EXAMPLES: Final = Path(__file__).parents[1] / "examples"


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="*", default=[301, 302])
    parser.add_argument("--csv", type=Path, help="the file of Online Retail")
    asked = parser.parse_args()
    if asked.csv is not None:
        finish("bad_days", _real_shop(asked.csv.absolute()))
        return
    seen = {seed: _simulated(seed) for seed in asked.seeds}
    _print(seen)
    finish("bad_days", {"seeds": asked.seeds, "days": _days(seen), "good": _good(seen)})


def _simulated(seed: int) -> dict[str, list[tuple[Seen, str]]]:
    """Kind of day → what was seen of each such day, and why; `good` is one of the kinds."""
    days = [FIRST + timedelta(days=n) for n in range(GOOD + 2 * len(KINDS))]
    kinds = dict(zip(days[GOOD + 1 :: 2], KINDS, strict=False))
    say(f"seed {seed}: {len(days)} days, {len(kinds)} of them bad")
    with tempfile.TemporaryDirectory() as temporary:
        settings = _settings(Path(temporary) / "lake", "simulated_shop.yaml", FIRST)
        _deliver(settings, seed, days, kinds)
        judgement, _ = _run(settings, days)
    results: dict[str, list[tuple[Seen, str]]] = {}
    for day, verdict in _verdicts(judgement, days).items():
        results.setdefault(kinds.get(day, "good"), []).append(verdict)
    return results


def _deliver(settings: Settings, seed: int, days: Sequence[date], kinds: Mapping[date, str]) -> None:
    import pandas as pd

    shop = generate(ShopParams(seed=seed, first_day=FIRST, days=len(days), looks=0.32 * len(days)))
    with tempfile.TemporaryDirectory() as temporary:
        files = write_landing_files(shop, Path(temporary)).files
        frames = {
            date.fromisoformat(path.stem[-10:]): pd.read_csv(path, dtype=str, keep_default_na=False) for path in files
        }
    for number, day in enumerate(days):
        frame = frames[day]
        if day in kinds:
            frame = KINDS[kinds[day]](frame, frames[days[number - 1]], number)
        _write(settings, day, frame)


def _write(settings: Settings, day: date, frame: "pd.DataFrame") -> None:
    folder = Path(settings.lake) / "landing" / "events" / f"dt={day}"
    folder.mkdir(parents=True)
    frame.to_csv(folder / "events.csv", index=False)


def _real_shop(file: Path) -> dict[str, object]:
    first = date(2010, 12, 1)
    with tempfile.TemporaryDirectory() as temporary:
        settings = _settings(Path(temporary) / "lake", "online_retail.yaml", first)
        land(settings, [file], read(settings.mapping or Path()), None, lambda _: None)
        judgement, published = _run(settings, [first + timedelta(days=n) for n in range(374)])
    verdicts = _verdicts(judgement, published)
    for day, (seen, why) in verdicts.items():
        if seen != "green":
            print(f"{day:%Y-%m-%d %a}  {seen:<8} {why}")
    return {"days": len(published), **Counter(seen for seen, _ in verdicts.values())}


def _settings(lake: Path, mapping: str, first: date) -> Settings:
    lake.mkdir(parents=True)
    key = SecretStr(KEY)
    return Settings(_env_file=None, lake=str(lake), mapping=EXAMPLES / mapping, first_day=first, pseudonym_key=key)


def _run(settings: Settings, days: Sequence[date]) -> tuple["Judgement", Sequence[date]]:
    """What the gate of `events` says, and the days that hold something."""
    run = DayRun(session.start(settings), settings, open_store(settings.lake), days)
    run.raw_events(read(settings.mapping or Path()), KEY.encode())
    run.quarantined_events()
    done = run.events()
    return done.judgement, [*done.published, *(date.fromisoformat(day) for day in done.refused)]


def _verdicts(judgement: "Judgement", days: Sequence[date]) -> dict[date, tuple[Seen, str]]:
    why: dict[str, list[tuple[bool, str]]] = {}
    for finding in judgement.findings:
        for culprit in finding.culprits:
            stops = culprit.stops and finding.rule.severity != "warn"
            why.setdefault(culprit.where, []).append((not stops, culprit.finding))
    return {day: _verdict(sorted(why.get(str(day), []))) for day in sorted(days)}


def _verdict(why: Sequence[tuple[bool, str]]) -> tuple[Seen, str]:
    if not why:
        return "green", ""
    return "warned" if why[0][0] else "refused", "; ".join(text for _, text in why)


def _print(seen: Mapping[int, Mapping[str, Sequence[tuple[Seen, str]]]]) -> None:
    for kind in KINDS:
        verdicts = [results[kind][0] for results in seen.values()]
        print(f"{kind:<28}{'/'.join(verdict for verdict, _ in verdicts):<20} {verdicts[0][1][:110]}")
    for seed, results in seen.items():
        counts = Counter(verdict for verdict, _ in results["good"])
        print(
            f"good days, seed {seed}: {len(results['good'])}, refused {counts['refused']}, warned of {counts['warned']}"
        )
        for verdict, why in results["good"]:
            if verdict != "green":
                print(f"  {verdict}: {why}")


def _days(seen: Mapping[int, Mapping[str, Sequence[tuple[Seen, str]]]]) -> dict[str, list[Seen]]:
    return {kind: [results[kind][0][0] for results in seen.values()] for kind in KINDS}


def _good(seen: Mapping[int, Mapping[str, Sequence[tuple[Seen, str]]]]) -> dict[str, int]:
    return dict(Counter(verdict for results in seen.values() for verdict, _ in results["good"]))


if __name__ == "__main__":
    main()
