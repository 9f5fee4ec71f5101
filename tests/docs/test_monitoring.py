"""docs/monitoring.md names every parameter of the drift report, and the sensors, schedule and jobs that exist."""

import re
from pathlib import Path

from freshet.monitoring.params import DriftParams

TEXT = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()


def test_every_parameter_is_documented_in_order_with_default_and_meaning():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", TEXT, flags=re.MULTILINE)
    assert rows == [(name, str(field.default), field.description) for name, field in DriftParams.model_fields.items()]


def test_sensors_and_schedule_are_documented_with_their_jobs():
    from pipelines.definitions import defs

    repository = defs.get_repository_def()
    actual = dict(re.findall(r"^\| (?:sensor|schedule) `(\w+)` \| [^|]+ \| (?:`(\w+)`)?", TEXT, flags=re.MULTILINE))
    started = {sensor.name: next((t.job_name for t in sensor.targets), "") for sensor in repository.sensor_defs}
    started |= {one.name: one.job_name for one in repository.schedule_defs}
    assert actual == started
