"""The error line of a failed worker process."""

import pytest

from freshet.steps.training.launch import error_line

ERROR_MESSAGE = "training, epoch 1: the loss is nan; set learning_rate to a tenth of it"
TRACEBACK = f'Traceback (most recent call last):\n  File "x.py", line 1\nfreshet.errors.FreshetError: {ERROR_MESSAGE}\n'


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            {"message": f"FreshetError: {ERROR_MESSAGE}", "extraInfo": {"py_callstack": "…"}},
            f"FreshetError: {ERROR_MESSAGE}",
        ),
        (TRACEBACK, f"freshet.errors.FreshetError: {ERROR_MESSAGE}"),
        (f"{TRACEBACK}\n{'=' * 60}\n", f"freshet.errors.FreshetError: {ERROR_MESSAGE}"),
        ("Signal 9 (SIGKILL) received by PID 7", "Signal 9 (SIGKILL) received by PID 7"),
        ("", "no error message"),
    ],
    ids=["dictionary of torch", "traceback", "traceback and separator", "signal", "empty"],
)
def test_the_error_line_is_extracted_from_the_message(message, line):
    assert error_line(message) == line
