"""The demo, scene by scene: each does one thing for real and says what came of it."""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from freshet.artifacts import DriftRef, published
from freshet.releases.rollback import roll_back
from freshet.simulation.item_graph import CHEAPER
from freshet.steps.drift_report import read_verdict
from freshet.tables import day_records
from pipelines.demo.context import DemoContext
from pipelines.demo.shoppers import ClickThrough
from pipelines.load_simulation import deliver_days
from pipelines.shopper_visit import LIST_SIZE


def land_days(context: DemoContext, day_numbers: range) -> Sequence[date]:
    """Files of some of the shop's days are put into the landing, as a shop would."""
    stats, landing_days = deliver_days(context.settings, context.mapping, context.shop, day_numbers)
    context.output.write(
        f"{stats.rows:,} rows land in {len(landing_days)} files, {landing_days[0]} to {landing_days[-1]}; "
        f"{stats.duplicates} of them twice, {stats.bad} broken on purpose."
    )
    return landing_days


def publish_first_release(context: DemoContext) -> None:
    """From files to a release: one run by the landing sensor, one because nothing serves yet."""
    context.tick("landing", "the landing sensor has started a run")
    context.output.write(f"Every table passed its gate before it could be read: {_row_accounts(context)}.")
    context.tick("drift", "a model is trained")
    context.output.write(context.champion().verdict, "green")
    context.output.write(
        "NDCG@10: how high the item that shoppers went to next stands in a list of ten; 1 is the best.", "dim"
    )


def serve_shoppers(context: DemoContext) -> ClickThrough:
    """A new visitor's list, before and after three clicks; then many shoppers."""
    wait_s = context.gateway.wait_for_release(context.champion().number)
    context.output.write(f"The gateway serves release 1, {wait_s:.1f} s after it was released: {context.gateway.url}")
    _show_cold_start(context)
    click_through = context.show_lists(context.audiences.before_drift.result())
    _print_click_rate(context, click_through)
    context.post_events(click_through)
    return click_through


def land_drifted_days(context: DemoContext, day_numbers: range) -> ClickThrough:
    """Days land on which shoppers behave differently; the drift report says so."""
    context.output.write(
        "From now on shoppers move on to other items than before. No count, price or category shows the change."
    )
    land_days(context, day_numbers)
    context.tick("landing", "the landing sensor has started a run")
    click_through = context.show_lists(context.audiences.after_drift.result())
    _print_click_rate(context, click_through)
    report = published(context.lake.store, "drift_report", DriftRef)
    if report is not None:
        context.output.write(f"drift_report: {read_verdict(context.lake.store, report.id).sentence}", "yellow")
    return click_through


def retrain_on_drift(context: DemoContext, previous: ClickThrough) -> ClickThrough:
    """The drift sensor retrains; the new release is shown to the very visitors of `before`."""
    context.tick("drift", "the drift sensor has started a run", "the drift report finds that release 1 is out of date")
    entry = context.champion()
    context.output.write(entry.verdict, "green")
    wait_s = context.gateway.wait_for_release(entry.number)
    context.output.write(f"The gateway serves release {entry.number}, {wait_s:.1f} s later and without a restart.")
    click_through = context.show_lists(previous.audience)
    context.output.write(
        f"The same visits, shown the new lists: {click_through.rate} of them are clicked ({click_through.difference_to(previous).points_text}).",
        "bold",
    )
    context.post_events(click_through)
    return click_through


def roll_back_twice(context: DemoContext) -> None:
    """A rollback is one line in the journal, and so is taking it back."""
    context.output.write(
        "Should a release turn out to be a mistake, one line takes it back; it works while Dagster is down."
    )
    for target, why in ((1, "to show how"), (2, "and forward again")):
        start = time.monotonic()
        entry, _ = roll_back(context.lake.store, context.settings.cache_dir, target, why, "the demo", datetime.now(UTC))
        context.gateway.wait_for_release(entry.number)
        context.output.write(
            f'`freshet rollback --to {target} --why "{why}"`: that is release {entry.number}; the gateway serves it '
            f"{time.monotonic() - start:.1f} s later."
        )


def _row_accounts(context: DemoContext) -> str:
    """What became of the landed rows."""
    records = day_records.latest_records(context.lake.store, "events").values()
    counts = {name: sum(record.counts[name] for record in records) for name in ("quarantined", "duplicate", "rows")}
    return (
        f"{counts['quarantined']} rows break the contract and wait in quarantine, each with its reason, "
        f"{counts['duplicate']} were there already, {counts['rows']:,} are published"
    )


def _print_click_rate(context: DemoContext, click_through: ClickThrough) -> None:
    n_lists = len(click_through.reactions)
    context.output.write(
        f"{n_lists:,} visits, each shown {LIST_SIZE} items: {click_through.rate} of the lists are clicked.", "bold"
    )


def _show_cold_start(context: DemoContext) -> None:
    """The lists of a new visitor, side by side."""
    catalogue = context.shop.catalogue
    first_item = int(catalogue.popularity.argmax())
    cheaper_item = int(catalogue.item_graph.base_links[CHEAPER, first_item])
    next_category = int(context.shop.choice_model.projects.base_next[0, catalogue.categories[first_item]])
    items = [first_item, cheaper_item, int(np.flatnonzero(catalogue.categories == next_category)[0])]
    initial_list = context.gateway.recommend(session_id="a-stranger", k=5)
    start = time.monotonic()
    context.gateway.post(
        [{"session_id": "a-stranger", "item_id": str(catalogue.item_ids[i]), "event_type": "view"} for i in items]
    )
    updated_list = context.gateway.recommend(session_id="a-stranger", k=5)
    latency_ms = 1000 * (time.monotonic() - start)
    titles = ", ".join(str(catalogue.titles[i]) for i in items)
    context.output.write(f"A new visitor looks at: {titles}.")
    context.output.table(
        [
            f"list before the clicks ({initial_list['tier']})",
            f"list {latency_ms:.0f} ms after the first click ({updated_list['tier']})",
        ],
        [
            (_title(initial_item), _title(updated_item))
            for initial_item, updated_item in zip(initial_list["items"], updated_list["items"], strict=True)
        ],
    )


def _title(item: dict[str, object]) -> str:
    return str(item["title"] or item["item_id"])
