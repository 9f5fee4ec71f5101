"""Every day of a stage beside the days before it, in the order of days: a day that passes is the past of the next."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from freshet.past.acceptance import Acceptance, is_accepted, starts_anew
from freshet.past.bounds import BOUNDS, with_conditions
from freshet.past.figures import ENOUGH, FAR, FIGURES, Counts
from freshet.past.limits import Limit
from freshet.past.usual import WEEK, History, times_off, usual

PARTLY_OVER: Final = 0.3  # of the usual events: the shares of a day that is not over are judged from here on
MET_DAYS: Final = 2  # published days after which it means something that an item is new

ByFirstDay = Mapping[date, Mapping[date, int]]


@dataclass(frozen=True)
class Met:
    """When what a day holds was first met: day → first day → count. Empty where it is not known."""

    item_events: ByFirstDay = field(default_factory=dict)
    users: ByFirstDay = field(default_factory=dict)
    renamed_items: ByFirstDay = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """By what a day is judged: factors per truth, how many days back, what a person accepted, and the present day."""

    limits: Mapping[str, Limit | None]
    days: int
    acceptances: Collection[Acceptance]
    today: date


@dataclass(frozen=True)
class Comparison:
    """One day. off: truth → by which factor it is off, 1 where all is usual; says: truth → why."""

    counts: dict[str, int]  # what was counted of the past, for the record
    off: dict[str, float]
    says: dict[str, str]
    accepted: bool


def compare(
    stage: Mapping[date, Counts], published: History, met: Met, terms: Terms, sound: Callable[[date], bool]
) -> dict[date, Comparison]:
    """Every day of the stage, in order.

    published: the counts of days published before, none of the stage among them. sound: whether the other rules of the
    gate let a day pass.
    """
    past, refused = dict(published), set[date]()
    results: dict[date, Comparison] = {}
    for day in sorted(stage):
        own = _window(day, past, terms)
        counted = _known(day, met, refused) if len(own) >= MET_DAYS else {}
        counts = with_conditions({**stage[day], **counted})
        off, says = _judge(day, counts, own, terms)
        accepted = is_accepted(day, terms.acceptances)
        results[day] = Comparison(counted, off, says, accepted)
        if sound(day) and (accepted or not _is_refused(off, terms)):
            if counts.get("rows", 0) > 0:
                past[day] = {**stage[day], **counted}
        else:
            refused.add(day)
    return results


def _known(day: date, met: Met, refused: Collection[date]) -> dict[str, int]:
    """Counts of what published days had met before; a refused day of the same stage does not make anything known."""
    known = {}
    if day in met.item_events:
        known["known_events"] = _before(day, met.item_events[day], refused)
        known["compared_events"] = sum(met.item_events[day].values())
        names = met.renamed_items.get(day, {})
        known["renamed_items"] = sum(names.values()) - _before(day, names, refused)
    if day in met.users:
        known["known_users"] = _before(day, met.users[day], refused)
        known["compared_users"] = sum(met.users[day].values())
    return known


def _before(day: date, by_first: Mapping[date, int], refused: Collection[date]) -> int:
    return sum(count for first, count in by_first.items() if first < day and first not in refused)


def _window(day: date, past: History, terms: Terms) -> History:
    """The days up to the last one that passed: while days are refused, the past stays what it was."""
    before = [d for d in past if d < day]
    if not before:
        return {}
    first = max([max(before) + timedelta(days=1 - terms.days), *starts_anew(day, terms.acceptances)])
    return {d: past[d] for d in before if d >= first}


def _judge(day: date, counts: Counts, past: History, terms: Terms) -> tuple[dict[str, float], dict[str, str]]:
    # Where nothing landed, or nothing of it was read, there is nothing to compare: another rule says so.
    read = not counts.get("upstream_missing", 0)
    arrived = read and (counts.get("landed", 0) > 0 or counts.get("files", 0) > 0)
    findings: list[tuple[str, float, str]] = []
    if arrived:
        findings += _against_past(day, counts, past, day >= terms.today)
        findings += _against_bounds(counts, young=len(past) < WEEK, terms=terms)
    off, says = dict.fromkeys(terms.limits, 1.0), dict.fromkeys(terms.limits, "")
    for truth, factor, text in sorted(findings, key=lambda finding: -finding[1]):
        limit = terms.limits[truth]
        off[truth] = max(off[truth], factor if limit else 1.0)
        if limit and factor > limit.warn:
            says[truth] = f"{says[truth]}; {text}" if says[truth] else text
    return off, says


def _against_past(day: date, counts: Counts, past: History, unfinished: bool) -> list[tuple[str, float, str]]:
    findings, whole = [], True
    for figure in FIGURES:
        value, of = figure.value(counts), usual(figure, day, past)
        if of is None or value != value:
            continue
        if figure.part == "rows" and figure.whole is None:
            if of.value < ENOUGH:
                return []  # so few events vary by more than any factor
            whole = not unfinished or value >= PARTLY_OVER * of.value
        less = figure.part_of_day and unfinished and value < of.value
        if less or not whole:
            continue
        factor = min(times_off(figure, counts, value, of), FAR)
        text = f"{figure.name} {figure.text(value)}, usually {figure.text(of.value)} ({of.compared})"
        findings.append((figure.truth, factor, text))
    return findings


def _against_bounds(counts: Counts, *, young: bool, terms: Terms) -> list[tuple[str, float, str]]:
    findings = []
    for bound in BOUNDS:
        limit, share = terms.limits[bound.truth], bound.share(counts)
        if limit is None or share < bound.warn or not (young or bound.always):
            continue
        refuse = bound.refuse is not None and share >= bound.refuse
        findings.append((bound.truth, FAR if refuse else (limit.warn + limit.refuse) / 2, bound.text(counts)))
    return findings


def _is_refused(off: Mapping[str, float], terms: Terms) -> bool:
    return any(limit is not None and off[truth] > limit.refuse for truth, limit in terms.limits.items())
