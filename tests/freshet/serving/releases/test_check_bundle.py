"""The check of a bundle in its own process before it is served."""

import json
import subprocess
import sys

from freshet.data.history_events import HistoryEvent
from freshet.serving.releases.check_bundle import check_bundle
from freshet.serving.releases.check_process import exit_reason
from tests.tiny_gateway import gateway_settings, release_tiny_bundle


def test_a_good_bundle_passes_with_golden_requests_and_recent_histories(tmp_path):
    settings = gateway_settings(tmp_path)
    name = release_tiny_bundle(settings.lake, tmp_path)
    actual = check_bundle(settings.lake, settings.cache_dir, name, [[HistoryEvent("a", "view", 0, 0)]])
    assert actual == {"golden_difference": 0.0, "ranked_histories": 2}


def test_a_check_that_does_not_end_is_killed(tmp_path):
    command = [
        sys.executable,
        "-m",
        "freshet.serving.releases.check_bundle",
        str(tmp_path),
        str(tmp_path),
        "0" * 64,
        "1",
        "cpu",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting_for_its_input:
        assert waiting_for_its_input.wait(60) == -14
    assert exit_reason(-14, "", 120) == "took longer than 120 s"


def test_a_missing_bundle_is_refused_in_one_line_of_json(tmp_path):
    command = [
        sys.executable,
        "-m",
        "freshet.serving.releases.check_bundle",
        str(tmp_path),
        str(tmp_path),
        "0" * 64,
        "60",
        "cpu",
    ]
    completed_process = subprocess.run(command, input="[]", capture_output=True, text=True, check=False)
    assert completed_process.returncode == 1
    assert json.loads(completed_process.stdout) == {
        "where": f"{tmp_path}/bundles/{'0' * 64}",
        "what": "does not exist",
        "fix": "check FRESHET_LAKE (`freshet settings`), or create it again",
    }


def test_the_exit_reason_of_a_check():
    assert exit_reason(-11, "", 120) == "was killed by SIGSEGV"
    assert exit_reason(3, "Traceback\n  …\nMemoryError\n", 120) == "failed with exit code 3 (MemoryError)"
