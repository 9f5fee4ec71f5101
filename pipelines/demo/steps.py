"""The demo's steps: land days, release a model, serve shoppers, detect drift and retrain, roll back."""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from freshet.artifacts import DriftRef, EvaluationRef, published
from freshet.releases.rollback import roll_back
from freshet.simulation.item_graph import CHEAPER
from freshet.steps.drift_report import read_verdict
from freshet.steps.evaluation.records import read_evaluation
from freshet.tables import day_records
from pipelines.demo.context import DemoContext
from pipelines.demo.shoppers import ClickThrough
from pipelines.load_simulation import deliver_days
from pipelines.shopper_session import LIST_SIZE


def land_days(context: DemoContext, day_numbers: range) -> Sequence[date]:
    """Land the files of some of the shop's days."""
    stats, landing_days = deliver_days(context.settings, context.mapping, context.shop, day_numbers)
    context.output.write(
        f"{stats.rows:,} rows land in {len(landing_days)} files, {landing_days[0]} to {landing_days[-1]}; "
        f"{stats.duplicates} are duplicates and {stats.bad} are invalid, on purpose."
    )
    return landing_days


def publish_first_release(context: DemoContext) -> None:
    """Release a first model: one run of the landing sensor, one of the drift sensor because nothing is released yet."""
    context.tick("landing", "the landing sensor has started a run")
    context.output.write(f"Every table passed its gate before it was published: {_row_accounts(context)}.")
    context.tick("drift", "training a model")
    context.output.write(context.champion().verdict, "green")
    context.output.write(
        "NDCG@10: how high the shopper's next items rank in a list of ten; 1 is best, 0 is worst.", "dim"
    )


def serve_shoppers(context: DemoContext) -> ClickThrough:
    """Show the list of a new shopper before and after three clicks, then measure the click rate of many sessions."""
    wait_s = context.gateway.wait_for_release(context.champion().number)
    context.output.write(f"The gateway at {context.gateway.url} serves release 1, {wait_s:.1f} s after its release.")
    _show_cold_start(context)
    click_through = context.show_lists(context.audiences.before_drift.result())
    _print_click_rate(context, click_through)
    context.post_events(click_through)
    return click_through


def land_drifted_days(context: DemoContext, day_numbers: range) -> ClickThrough:
    """Land the days after the habit drift; show that clicks fall and that the drift report says so."""
    context.output.write(
        "From now on shoppers view other items after each item than before. "
        "Counts, prices and categories stay the same."
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
    """Retrain by the drift sensor; measure the new release on the same sessions."""
    old_entry = context.champion()
    context.tick("drift", "the drift sensor has started a run", "the drift report says that release 1 is out of date")
    entry = context.champion()
    if entry.number == old_entry.number:
        context.output.write(_last_verdict(context), "yellow")
        context.output.write(f"The gate held the new model back; the gateway goes on serving release {entry.number}.")
    else:
        context.output.write(entry.verdict, "green")
        wait_s = context.gateway.wait_for_release(entry.number)
        context.output.write(f"The gateway serves release {entry.number} {wait_s:.1f} s later, without a restart.")
    click_through = context.show_lists(previous.audience)
    context.output.write(
        f"The same sessions with the lists of release {entry.number}: {click_through.rate} of the lists are clicked "
        f"({click_through.difference_to(previous).points_text}).",
        "bold",
    )
    context.post_events(click_through)
    return click_through


def roll_back_twice(context: DemoContext) -> None:
    """Roll back to release 1 and forward again: each is one entry in the journal. Without a release 2, do nothing."""
    if context.champion().number == 1:
        context.output.write("There is only one release, so there is nothing to roll back.")
        return
    context.output.write("One command rolls a release back; it works while Dagster is down.")
    for target, why in ((1, "demo"), (2, "forward again")):
        start = time.monotonic()
        entry, _ = roll_back(context.lake.store, context.settings.cache_dir, target, why, "the demo", datetime.now(UTC))
        context.gateway.wait_for_release(entry.number)
        context.output.write(
            f'`freshet rollback --to {target} --why "{why}"` makes release {entry.number}; the gateway serves it '
            f"{time.monotonic() - start:.1f} s later."
        )


def _last_verdict(context: DemoContext) -> str:
    """Return the sentence of the last evaluation's verdict."""
    ref = published(context.lake.store, "evaluation", EvaluationRef)
    return "" if ref is None else read_evaluation(context.lake.store, ref.id).verdict.sentence


def _row_accounts(context: DemoContext) -> str:
    """Return the counts of the landed rows by what happened to them."""
    records = day_records.latest_records(context.lake.store, "events").values()
    counts = {name: sum(record.counts[name] for record in records) for name in ("quarantined", "duplicate", "rows")}
    return (
        f"{counts['quarantined']} rows break the contract and are quarantined, each with its reason; "
        f"{counts['duplicate']} are duplicates; {counts['rows']:,} are published"
    )


def _print_click_rate(context: DemoContext, click_through: ClickThrough) -> None:
    n_lists = len(click_through.reactions)
    context.output.write(
        f"{n_lists:,} sessions, each shown {LIST_SIZE} items: {click_through.rate} of the lists are clicked.", "bold"
    )


def _show_cold_start(context: DemoContext) -> None:
    """Show the lists of a new shopper before and after three views, side by side."""
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
    context.output.write(f"A new shopper views: {titles}.")
    context.output.table(
        [
            f"list before the views (tier {initial_list['tier']})",
            f"list {latency_ms:.0f} ms after the first view (tier {updated_list['tier']})",
        ],
        [
            (_title(initial_item), _title(updated_item))
            for initial_item, updated_item in zip(initial_list["items"], updated_list["items"], strict=True)
        ],
    )


def _title(item: dict[str, object]) -> str:
    return str(item["title"] or item["item_id"])
