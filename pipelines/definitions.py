"""The Dagster definitions: assets, jobs, sensors, schedules and resources."""

import logging

import dagster as dg

from assets import events, features, monitoring, release, serving, training, tuning
from assets.partitions import SETTINGS
from freshet.doctor.dagster import check_dagster_home
from freshet.errors import MissingLakeError
from freshet.lake_checks import require_lake
from pipelines import jobs
from pipelines.schedules import nightly_schedule
from resources.lake import Lake
from resources.lake_io import LakeIO
from resources.tracking import Tracking
from sensors.drift import drift_sensor
from sensors.failure import failure_sensor
from sensors.landing import landing_sensor

_LAKE = Lake(SETTINGS)

# Without DAGSTER_HOME, Dagster runs but forgets every run, without a warning.
if (_home := check_dagster_home(SETTINGS)).status == "wrong":
    logging.getLogger("freshet").warning("%s: %s; %s", _home.component, _home.message, _home.fix)
# A mistyped FRESHET_LAKE would look like a shop without any landed file.
try:
    require_lake(SETTINGS.lake)
except MissingLakeError as _error:
    logging.getLogger("freshet").warning("%s", _error)

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([events, features, training, tuning, serving, release, monitoring]),
    jobs=[jobs.update_tables, jobs.retrain, jobs.nightly, jobs.batch_scoring, jobs.build_edge_bundle, jobs.tune],
    sensors=[
        landing_sensor(jobs.update_tables, SETTINGS),
        drift_sensor(jobs.retrain, jobs.TRAINING_JOBS, jobs.CHAMPION_CONFIG),
        failure_sensor(SETTINGS),
    ],
    schedules=[nightly_schedule(jobs.nightly, SETTINGS, jobs.CHAMPION_CONFIG)],
    resources={"lake": _LAKE, "io_manager": LakeIO(_LAKE), "tracking": Tracking(SETTINGS)},
    # One process and one Spark session per run: a process per step would start a JVM per step.
    executor=dg.in_process_executor,
)
