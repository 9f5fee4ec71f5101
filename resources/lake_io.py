"""The IO manager: tables pass between assets by name and days, other artifacts by a published reference."""

from dataclasses import dataclass
from datetime import date

import dagster as dg
from pydantic import BaseModel

from freshet.artifacts import publish, published
from freshet.commands import materialize_hint
from freshet.errors import LakeError
from freshet.publishing.publish import PublishResult
from resources.lake import Lake


@dataclass(frozen=True)
class LakeIO(dg.IOManager):
    """Write and read published references; a table was already published by its gate."""

    lake: Lake

    def handle_output(self, context: dg.OutputContext, obj: PublishResult | BaseModel) -> None:
        """Publish a reference; for a table, mark only the days that were published or cleared as materialized."""
        if isinstance(obj, PublishResult):
            _mark_only(context, (*obj.published, *obj.cleared_days))
        else:
            publish(self.lake.store, context.asset_key.path[-1], obj)

    def load_input(self, context: dg.InputContext) -> BaseModel:
        """Return the reference that was published last. Raises LakeError if there is none yet."""
        asset = context.asset_key.path[-1]
        ref: BaseModel | None = published(self.lake.store, asset, context.dagster_type.typing_type)
        if ref is None:
            fix = materialize_hint(self.lake.store, f"+{asset}")
            raise LakeError(asset, "nothing has been published yet", fix)
        return ref


def _mark_only(context: dg.OutputContext, days: tuple[date, ...]) -> None:
    """Make Dagster mark only `days` as materialized, where a run published some days of its range only.

    Dagster takes the days from the output context after this call (dagster 1.13, `_store_output`), and has no public
    way to mark fewer (dagster issue 17836). With no days at all it would mark the table as a whole, so the asset key
    is removed; downstream tables still run. tests/resources/test_lake_io.py fails if that changes.
    """
    if not context.has_asset_partitions or len(context.asset_partition_keys) == len(days):
        return
    if not days:
        context._asset_key = None
        return
    subset = context.asset_partitions_def.empty_subset().with_partition_keys([day.isoformat() for day in days])
    context._asset_partitions_subset = subset
