"""The search for a better configuration: a study beside the pipeline, whose winner goes through the same gates."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates, search_picture
from assets.shop import ACCELERATOR_POOL, ONE_RUN, OWNERS
from freshet.commands import materialize
from freshet.model.space import SearchParams
from freshet.references import TrainingSetRef
from freshet.stages import notes
from freshet.stages.search import search_parameters
from resources.lake import Lake
from resources.tracking import Tracking

GROUP = "training"
ASIDE = (
    "No search: `trained_model` is made in the same run, and nothing orders the two. "
    f"Run it alone: {materialize('search')}, or the job `study`."
)


class SearchConfig(SearchParams, dg.Config):
    """How to search."""


# Not dg.asset: only what can be a subset may come back without the results of its checks.
@dg.multi_asset(
    name="search",
    outs={
        "result": dg.AssetOut(
            key="search", is_required=False, group_name=GROUP, kinds={"optuna", "torch"}, owners=OWNERS,
            description="Parameters that a study found better than the defaults, for `params_from: search`.",
        )
    },
    check_specs=gates.specs("search"), can_subset=True, backfill_policy=ONE_RUN, pool=ACCELERATOR_POOL,
)  # fmt: skip
def search(
    context: dg.AssetExecutionContext,
    config: SearchConfig,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    training_set: TrainingSetRef,
) -> gates.Published:
    """A study over configurations; its winner is handed over where it beats the default one."""
    if _with_a_model(context):
        context.log.info(ASIDE)
        return
    params = SearchParams(**config.model_dump())
    outcome = search_parameters(lake.settings, training_set, params, lambda what: context.log.info(what))
    written = tracking.write(context.log, notes.of_search(outcome, training_set, datetime.now(UTC)))
    yield from gates.hand_over_one(context, outcome, **search_picture.of_search(outcome.made), **written)


def _with_a_model(context: dg.AssetExecutionContext) -> bool:
    """Whether the run makes a model, too: a run of everything should not take hours for it."""
    return dg.AssetKey("trained_model") in context.job_def.asset_layer.executable_asset_keys
