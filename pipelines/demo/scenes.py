"""The demo, scene by scene: each does one thing for real and says what came of it."""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from freshet import days
from freshet.live.rollback import roll_back
from freshet.references import DriftRef
from freshet.simulation.paths import CHEAPER
from freshet.stages.drift import read_verdict
from pipelines.demo.play import Play
from pipelines.demo.shoppers import ClickThrough
from pipelines.simulated import deliver_days
from pipelines.visits import SHOWN
from resources.lake_io import published


def days_land(play: Play, numbers: range) -> Sequence[date]:
    """Files of some of the shop's days are put into the landing, as a shop would."""
    delivered, landed = deliver_days(play.settings, play.mapping, play.shop, numbers)
    play.screen.say(
        f"{delivered.rows:,} rows land in {len(landed)} files, {landed[0]} to {landed[-1]}; "
        f"{delivered.duplicates} of them twice, {delivered.bad} broken on purpose."
    )
    return landed


def first_release(play: Play) -> None:
    """From files to a release: one run by the landing sensor, one because nothing serves yet."""
    play.tick("landing", "the landing sensor has started a run")
    play.screen.say(f"Every table passed its gate before it could be read: {_accounts(play)}.")
    play.tick("drift", "a model is trained")
    play.screen.say(play.champion().verdict, "green")
    play.screen.say(
        "NDCG@10: how high the item that shoppers went to next stands in a list of ten; 1 is the best.", "dim"
    )


def it_serves(play: Play) -> ClickThrough:
    """A new visitor's list, before and after three clicks; then many shoppers."""
    waited = play.gateway.wait_for(play.champion().number)
    play.screen.say(f"The gateway serves release 1, {waited:.1f} s after it was released: {play.gateway.url}")
    _three_clicks(play)
    served = play.show(play.visitors.calm.result())
    _tell_share(play, served)
    play.post(served)
    return served


def habits_drift(play: Play, numbers: range) -> ClickThrough:
    """Days land on which shoppers behave differently; the drift report says so."""
    play.screen.say(
        "From now on shoppers move on to other items than before. No count, price or category shows the change."
    )
    days_land(play, numbers)
    play.tick("landing", "the landing sensor has started a run")
    served = play.show(play.visitors.drifted.result())
    _tell_share(play, served)
    report = published(play.lake.store, "drift_report", DriftRef)
    if report is not None:
        play.screen.say(f"drift_report: {read_verdict(play.lake.store, report.id).sentence}", "yellow")
    return served


def retrained(play: Play, before: ClickThrough) -> ClickThrough:
    """The drift sensor retrains; the new release is shown to the very visitors of `before`."""
    play.tick("drift", "the drift sensor has started a run", "the drift report finds that release 1 is out of date")
    entry = play.champion()
    play.screen.say(entry.verdict, "green")
    waited = play.gateway.wait_for(entry.number)
    play.screen.say(f"The gateway serves release {entry.number}, {waited:.1f} s later and without a restart.")
    served = play.show(before.audience)
    play.screen.say(
        f"The same visits, shown the new lists: {served.share} of them are clicked ({served.against(before).points}).",
        "bold",
    )
    play.post(served)
    return served


def back_again(play: Play) -> None:
    """A rollback is one line in the journal, and so is taking it back."""
    play.screen.say(
        "Should a release turn out to be a mistake, one line takes it back; it works while Dagster is down."
    )
    for to, why in ((1, "to show how"), (2, "and forward again")):
        begun = time.monotonic()
        entry, _ = roll_back(play.lake.store, play.settings.cache, to, why, "the demo", datetime.now(UTC))
        play.gateway.wait_for(entry.number)
        play.screen.say(
            f'`freshet rollback --to {to} --why "{why}"`: that is release {entry.number}; the gateway serves it '
            f"{time.monotonic() - begun:.1f} s later."
        )


def _accounts(play: Play) -> str:
    """What became of the landed rows."""
    records = days.read(play.lake.store, "events").values()
    counts = {name: sum(record.counts[name] for record in records) for name in ("quarantined", "duplicate", "rows")}
    return (
        f"{counts['quarantined']} rows break the contract and wait in quarantine, each with its reason, "
        f"{counts['duplicate']} were there already, {counts['rows']:,} are published"
    )


def _tell_share(play: Play, served: ClickThrough) -> None:
    lists = len(served.reactions)
    play.screen.say(f"{lists:,} visits, each shown {SHOWN} items: {served.share} of the lists are clicked.", "bold")


def _three_clicks(play: Play) -> None:
    """The lists of a new visitor, side by side."""
    goods = play.shop.catalogue
    first = int(goods.weights.argmax())
    cheaper = int(goods.paths.usual[CHEAPER, first])
    needed = int(play.shop.rules.projects.usual[0, goods.categories[first]])
    clicked = [first, cheaper, int(np.flatnonzero(goods.categories == needed)[0])]
    before = play.gateway.recommended(session_id="a-stranger", k=5)
    begun = time.monotonic()
    play.gateway.post(
        [{"session_id": "a-stranger", "item_id": str(goods.item_ids[i]), "event_type": "view"} for i in clicked]
    )
    after = play.gateway.recommended(session_id="a-stranger", k=5)
    took = 1000 * (time.monotonic() - begun)
    looks = ", ".join(str(goods.titles[i]) for i in clicked)
    play.screen.say(f"A new visitor looks at: {looks}.")
    play.screen.columns(
        [f"list before the clicks ({before['tier']})", f"list {took:.0f} ms after the first click ({after['tier']})"],
        [(_title(one), _title(other)) for one, other in zip(before["items"], after["items"], strict=True)],
    )


def _title(item: dict[str, object]) -> str:
    return str(item["title"] or item["item_id"])
