import json
import subprocess
import sys

from freshet.serving.proof import prove
from freshet.serving.sandbox import _end
from tests.tiny_gateway import release, settings_of


def test_a_good_bundle_answers_its_golden_requests_and_the_histories_it_is_given(tmp_path):
    settings = settings_of(tmp_path)
    name = release(settings.lake, tmp_path)
    found = prove(settings.lake, settings.cache, name, [[("a", "view", 0, 0)]])
    assert found == {"difference": 0.0, "answered": 2}


def test_a_proof_that_does_not_end_is_ended(tmp_path):
    command = [sys.executable, "-m", "freshet.serving.proof", str(tmp_path), str(tmp_path), "0" * 64, "1", "cpu"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting_for_its_input:
        assert waiting_for_its_input.wait(60) == -14
    assert _end(-14, "", 120) == "took longer than 120 s"


def test_a_bundle_that_is_not_there_is_refused_in_one_line_of_json(tmp_path):
    command = [sys.executable, "-m", "freshet.serving.proof", str(tmp_path), str(tmp_path), "0" * 64, "60", "cpu"]
    done = subprocess.run(command, input="[]", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "where": f"{tmp_path}/bundles/{'0' * 64}",
        "what": "does not exist",
        "fix": "check FRESHET_LAKE (`freshet settings`), or make it again",
    }


def test_how_a_proof_ended_is_said_in_words():
    assert _end(-11, "", 120) == "was ended by SIGSEGV"
    assert _end(3, "Traceback\n  …\nMemoryError\n", 120) == "failed with exit code 3 (MemoryError)"
