"""What is said where a process of a training has failed."""

import pytest

from freshet.stages.launch import _last_line

SAID = "training, epoch 1: the loss is nan; set learning_rate to a tenth of it"
TRACEBACK = f'Traceback (most recent call last):\n  File "x.py", line 1\nfreshet.errors.FreshetError: {SAID}\n'


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"message": f"FreshetError: {SAID}", "extraInfo": {"py_callstack": "…"}}, f"FreshetError: {SAID}"),
        (TRACEBACK, f"freshet.errors.FreshetError: {SAID}"),
        (f"{TRACEBACK}\n{'=' * 60}\n", f"freshet.errors.FreshetError: {SAID}"),
        ("Signal 9 (SIGKILL) received by PID 7", "Signal 9 (SIGKILL) received by PID 7"),
        ("", "nothing was said"),
    ],
    ids=["a dictionary, as torch writes it", "a traceback", "a line of signs below it", "a signal", "nothing"],
)
def test_the_error_is_found_in_whatever_is_handed_over(message, line):
    assert _last_line(message) == line
