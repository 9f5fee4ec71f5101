import json
import subprocess
import sys

from freshet.data.history_events import HistoryEvent
from freshet.serving.releases.check_bundle import check_bundle
from freshet.serving.releases.sandbox import _exit_reason
from tests.tiny_gateway import gateway_settings, release_tiny_bundle


def test_a_good_bundle_answers_its_golden_requests_and_the_histories_it_is_given(tmp_path):
    settings = gateway_settings(tmp_path)
    name = release_tiny_bundle(settings.lake, tmp_path)
    actual = check_bundle(settings.lake, settings.cache_dir, name, [[HistoryEvent("a", "view", 0, 0)]])
    assert actual == {"difference": 0.0, "answered": 2}


def test_a_proof_that_does_not_end_is_ended(tmp_path):
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
    assert _exit_reason(-14, "", 120) == "took longer than 120 s"


def test_a_bundle_that_is_not_there_is_refused_in_one_line_of_json(tmp_path):
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


def test_how_a_proof_ended_is_said_in_words():
    assert _exit_reason(-11, "", 120) == "was killed by SIGSEGV"
    assert _exit_reason(3, "Traceback\n  …\nMemoryError\n", 120) == "failed with exit code 3 (MemoryError)"
