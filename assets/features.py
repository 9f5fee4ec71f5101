"""The daily feature tables, each made from the day's events alone."""

from functools import partial

import dagster as dg

from assets import gates
from assets.events import day_run, events
from assets.shop import DAILY, ONE_RUN, OWNERS
from freshet.item_inputs import attributes_of
from freshet.tables import features
from freshet.tables.schemas import HISTORIES, ITEM_FEATURES, ITEMS, USER_FEATURES
from resources.lake import Lake

GROUP = "features"


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("items"), metadata=gates.columns(ITEMS), deps=[events],
)  # fmt: skip
def items(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """One row per item and day: the last title, category and price that an event carried."""
    make = partial(features.items, attributes=attributes_of(lake.settings.item_schema))
    yield from gates.hand_over(context, day_run(context, lake).from_events(ITEMS, make, "items", None))


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("item_features"), metadata=gates.columns(ITEM_FEATURES),
    deps=[events],
)  # fmt: skip
def item_features(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """One row per item and day: how often it was seen, carted and bought, and by how many shoppers."""
    run = day_run(context, lake)
    yield from gates.hand_over(context, run.from_events(ITEM_FEATURES, features.item_features, "rows", "returns"))


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("user_features"), metadata=gates.columns(USER_FEATURES),
    deps=[events],
)  # fmt: skip
def user_features(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """One row per shopper and day: how much they did and bought."""
    run = day_run(context, lake)
    yield from gates.hand_over(context, run.from_events(USER_FEATURES, features.user_features, "rows", None))


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("histories"), metadata=gates.columns(HISTORIES), deps=[events],
)  # fmt: skip
def histories(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """One row per shopper and day: the day's events in canonical order, the fragments histories are merged from."""
    run = day_run(context, lake)
    yield from gates.hand_over(context, run.from_events(HISTORIES, features.histories, "rows", None))


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("item_vectors"), deps=["vocabulary"],
)  # fmt: skip
def item_vectors(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """Vectors of items by name: what the shop landed of its pictures or texts, and what a text encoder makes."""
    from freshet.stages.item_vectors import make_item_vectors

    def tell(done: int, of: int) -> None:
        context.log.info(f"{done} of {of} titles encoded")

    outcome = make_item_vectors(lake.settings, lake.store, tell)
    made = outcome.made
    sizes = {name: vectors.shape[1] for name, vectors in made.found.vectors.items()}
    counts = {"vectors": sum(map(len, made.found.vectors.values())), "titles_encoded": made.encoded}
    yield from gates.hand_over_one(context, outcome, numbers=sizes, why_empty=made.why or "it is not", **counts)
