"""How assets hand over: tables by name and days, models and bundles by a reference kept in the lake."""

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import dagster as dg
from pydantic import BaseModel

from freshet.artifacts import published_path
from freshet.commands import materialize_hint
from freshet.errors import LakeError
from freshet.publishing.publish import PublishResult
from freshet.store import Store
from resources.lake import Lake

Ref = TypeVar("Ref", bound=BaseModel)


@dataclass(frozen=True)
class LakeIO(dg.IOManager):
    """Tables were published by their gate already; references are written here, after their gate has passed."""

    lake: Lake

    def handle_output(self, context: dg.OutputContext, obj: PublishResult | BaseModel) -> None:
        """Keep a reference; let Dagster mark only the days that were published, and those that were cleared."""
        if isinstance(obj, PublishResult):
            _mark_only(context, (*obj.published, *obj.cleared_days))
        else:
            write_reference(self.lake.store, context.asset_key.path[-1], obj)

    def load_input(self, context: dg.InputContext) -> BaseModel:
        """The reference that was published last."""
        return read_reference(self.lake.store, context.asset_key.path[-1], context.dagster_type.typing_type)


def write_reference(store: Store, name: str, reference: BaseModel) -> None:
    """What the asset stands for from now on."""
    store.put(f"published/{name}.json", reference.model_dump_json(indent=1).encode())


def read_reference(store: Store, name: str, kind: Any) -> BaseModel:
    """What the asset stands for. Raises LakeError where it was never published."""
    path = published_path(store, name)
    if not store.exists(path):
        raise LakeError(name, "nothing has been published yet", materialize_hint(store, f"+{name}"))
    reference: BaseModel = kind.model_validate_json(store.get(path))
    return reference


def published_reference(store: Store, name: str, kind: type[Ref]) -> Ref | None:
    """What the asset stands for; None where it was never published."""
    path = published_path(store, name)
    return kind.model_validate_json(store.get(path)) if store.exists(path) else None


def _mark_only(context: dg.OutputContext, days: tuple[date, ...]) -> None:
    """A range run may publish some of its days only; Dagster would mark the whole range as materialized.

    It takes the days from the output context after this call (dagster 1.13, `_store_output`), and has no public
    way to say fewer (dagster issue 17836). Without any day it would mark the table as a whole, so it is told of no
    asset: the tables made from this one still run. tests/resources/test_lake_io.py fails if that changes.
    """
    if not context.has_asset_partitions or len(context.asset_partition_keys) == len(days):
        return
    if not days:
        context._asset_key = None
        return
    subset = context.asset_partitions_def.empty_subset().with_partition_keys([day.isoformat() for day in days])
    context._asset_partitions_subset = subset
