"""The tracking resource: a failure is logged and shown, and does not stop the run."""

import logging
from datetime import UTC, datetime

from pydantic import SecretStr

from freshet.settings import Settings
from freshet.tracking.records import ModelVersion, RunRecord
from resources.tracking import Tracking

RUN_RECORD = RunRecord("model 1", "trained_model", datetime(2024, 3, 4, tzinfo=UTC))
LOG = logging.getLogger("freshet")


def test_without_tracking_no_run_is_logged(caplog):
    off = Tracking(Settings(_env_file=None))
    version = ModelVersion("aaa", "/lake/bundles/aaa")
    assert [off.log_run(LOG, RUN_RECORD), off.register_version(LOG, version), off.set_champion_alias(LOG, version)] == [
        {},
        {},
        {},
    ]
    assert caplog.records == []


def test_no_version_is_registered_for_none(tmp_path):
    on = Tracking(Settings(_env_file=None, mlflow_uri=SecretStr(str(tmp_path))))
    assert [on.register_version(LOG, None), on.set_champion_alias(LOG, None)] == [{}, {}]


def test_a_tracking_failure_is_a_warning_and_in_the_metadata(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    broken_tracking = Tracking(Settings(_env_file=None, mlflow_uri=SecretStr(str(tmp_path / "file" / "new"))))
    reason = (
        f"not recorded: FRESHET_MLFLOW_URI: sqlite:///{tmp_path}/file/new/mlflow.db refuses "
        f"([Errno 20] Not a directory: '{tmp_path}/file/new'); "
        "start the server, correct FRESHET_MLFLOW_URI, or unset it"
    )
    with caplog.at_level(logging.WARNING, "freshet"):
        assert broken_tracking.log_run(LOG, RUN_RECORD) == {"tracking": reason}
    assert [record.getMessage() for record in caplog.records] == [reason]
