"""Assets of the daily feature tables, each built from the day's events, and of the content embeddings."""

from functools import partial

import dagster as dg

from assets import gates
from assets.events import daily_tables
from assets.partitions import OWNERS, SINGLE_RUN
from freshet.features import daily
from freshet.item_schema import attribute_columns
from freshet.tables.schemas import HISTORIES, ITEM_FEATURES, ITEMS, USER_FEATURES
from resources.lake import Lake

GROUP = "features"


@gates.daily_table(ITEMS, GROUP, deps=["events"])
def items(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """One row per item and day: the last title, category and price of its events."""
    make = partial(daily.items, attributes=attribute_columns(lake.settings.item_feature_schema))
    yield from gates.publish_table(context, daily_tables(context, lake).publish_from_events(ITEMS, make, "items", None))


@gates.daily_table(ITEM_FEATURES, GROUP, deps=["events"])
def item_features(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """One row per item and day: views, carts, purchases, and number of shoppers."""
    run = daily_tables(context, lake)
    yield from gates.publish_table(
        context, run.publish_from_events(ITEM_FEATURES, daily.item_features, "rows", "returns")
    )


@gates.daily_table(USER_FEATURES, GROUP, deps=["events"])
def user_features(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """One row per shopper and day: number of events, purchases and revenue."""
    run = daily_tables(context, lake)
    yield from gates.publish_table(context, run.publish_from_events(USER_FEATURES, daily.user_features, "rows", None))


@gates.daily_table(HISTORIES, GROUP, deps=["events"])
def histories(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """One row per shopper and day: the day's events in canonical order, merged into histories later."""
    run = daily_tables(context, lake)
    yield from gates.publish_table(context, run.publish_from_events(HISTORIES, daily.histories, "rows", None))


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("content_embeddings"), deps=["vocabulary"],
)  # fmt: skip
def content_embeddings(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Vectors of items by name: those that the shop landed, and those of a text encoder for titles."""
    from freshet.steps.content_embeddings import make_content_embeddings

    def log_progress(n_done: int, n_total: int) -> None:
        context.log.info(f"{n_done} of {n_total} titles encoded")

    result = make_content_embeddings(lake.settings, lake.store, log_progress)
    embeddings = result.value
    dims = {name: vectors.shape[1] for name, vectors in embeddings.embeddings.vectors.items()}
    counts = {"vectors": sum(map(len, embeddings.embeddings.vectors.values())), "titles_encoded": embeddings.n_encoded}
    yield from gates.publish_artifact(
        context, result, numbers=dims, why_empty=embeddings.missing_reason or "it is not", **counts
    )
