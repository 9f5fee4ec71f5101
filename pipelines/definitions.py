"""Everything Dagster knows of this shop: the one Definitions object."""

import dagster as dg

from assets import events, features, release, training
from assets.shop import SETTINGS
from resources.lake import Lake
from resources.lake_io import LakeIO

_LAKE = Lake(SETTINGS)

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([events, features, training, release]),
    resources={"lake": _LAKE, "io_manager": LakeIO(_LAKE)},
    # One process and one Spark session a run: a process per step would start a JVM per step.
    executor=dg.in_process_executor,
)
