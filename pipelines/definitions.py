"""Everything Dagster knows of this shop: the one Definitions object."""

import logging

import dagster as dg

from assets import events, features, release, serving, training
from assets.shop import SETTINGS
from freshet.checkup.dagster import dagster_home
from resources.lake import Lake
from resources.lake_io import LakeIO

_LAKE = Lake(SETTINGS)

# Without a home Dagster works, remembers nothing, and says nothing.
if (_home := dagster_home(SETTINGS)).state == "wrong":
    logging.getLogger("freshet").warning("%s: %s; %s", _home.part, _home.found, _home.fix)

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([events, features, training, serving, release]),
    resources={"lake": _LAKE, "io_manager": LakeIO(_LAKE)},
    # One process and one Spark session a run: a process per step would start a JVM per step.
    executor=dg.in_process_executor,
)
