"""The limit of the machine per operation, and its table."""

import pytest

from benchmarks.training.limits import MAX_OPERATIONS, PROFILED_STEPS, HardwareLimit, format_table


def test_the_limit_is_the_machine_divided_by_the_need_of_a_target():
    limit = HardwareLimit(
        flop_per_target=5e6, logit_bytes_per_target=50_000, machine_flops=1e11, machine_bandwidth=2e10
    )
    assert limit.by_flop == pytest.approx(20_000)
    assert limit.by_bytes == pytest.approx(2e10 / 200_000)


def test_the_table_has_the_slowest_first_and_sums_the_rest():
    spent = {"mm": (600_000.0, 2 * PROFILED_STEPS), "exp": (300_000.0, PROFILED_STEPS)}
    spent |= {f"small {n}": (100_000.0 / MAX_OPERATIONS, PROFILED_STEPS) for n in range(MAX_OPERATIONS)}
    lines = format_table(spent).splitlines()
    assert lines[1].split() == ["mm", "60.0%", f"{600 / PROFILED_STEPS:.2f}", "2.0"]
    assert lines[2].split() == ["exp", "30.0%", f"{300 / PROFILED_STEPS:.2f}", "1.0"]
    rest_ms = f"{100 * 2 / MAX_OPERATIONS / PROFILED_STEPS:.2f}"  # two of fourteen parts of a tenth
    assert lines[-1].split() == ["everything", "else", "1.4%", rest_ms]
