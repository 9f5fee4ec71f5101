"""Everything Dagster knows of this shop: the one Definitions object."""

import logging

import dagster as dg

from assets import events, features, release, search, serving, training, watching
from assets.shop import SETTINGS
from freshet.checkup.dagster import dagster_home
from freshet.errors import MissingLakeError
from freshet.lake_state import require_lake
from pipelines import jobs
from pipelines.schedules import nightly
from resources.lake import Lake
from resources.lake_io import LakeIO
from resources.tracking import Tracking
from sensors.drift import drift_sensor
from sensors.failure import failure_sensor
from sensors.landing import landing_sensor

_LAKE = Lake(SETTINGS)

# Without a home Dagster works, remembers nothing, and says nothing.
if (_home := dagster_home(SETTINGS)).state == "wrong":
    logging.getLogger("freshet").warning("%s: %s; %s", _home.part, _home.found, _home.fix)
# A mistyped lake would look like a shop in which nothing has landed.
try:
    require_lake(SETTINGS.lake)
except MissingLakeError as _error:
    logging.getLogger("freshet").warning("%s", _error)

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([events, features, training, search, serving, release, watching]),
    jobs=[jobs.day, jobs.retrain, jobs.daily, jobs.score, jobs.edge, jobs.study],
    sensors=[
        landing_sensor(jobs.day, SETTINGS),
        drift_sensor(jobs.retrain, jobs.MAKES_A_MODEL, jobs.AS_CHAMPION),
        failure_sensor(SETTINGS),
    ],
    schedules=[nightly(jobs.daily, SETTINGS, jobs.AS_CHAMPION)],
    resources={"lake": _LAKE, "io_manager": LakeIO(_LAKE), "tracking": Tracking(SETTINGS)},
    # One process and one Spark session a run: a process per step would start a JVM per step.
    executor=dg.in_process_executor,
)
