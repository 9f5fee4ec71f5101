"""When Spark's progress is logged, and its text."""

from pyspark import SparkStageInfo

from freshet.tables.spark_progress import LogThrottle, progress_line


def message_times(*busy: tuple[int, int]) -> list[int]:
    """The seconds at which a line is logged, polling every second; busy: (from, to) of each stretch of work."""
    pace = LogThrottle()
    last = max(end for _, end in busy)
    return [now for now in range(last) if pace.is_due(float(now), busy=any(a <= now < b for a, b in busy))]


def test_short_work_is_not_worth_a_line():
    assert message_times((0, 3), (20, 22), (30, 33)) == []


def test_long_work_is_logged_after_three_seconds_and_then_at_growing_intervals():
    assert message_times((0, 60)) == [3, 7, 12, 18, 25, 33, 42, 52]


def test_work_that_follows_within_a_moment_is_the_same_work():
    assert message_times((0, 2), (4, 6)) == [4]


def test_after_a_rest_it_begins_anew():
    assert message_times((0, 8), (20, 25)) == [3, 7, 23]


def test_the_tasks_of_all_active_stages_are_summed():
    def stage_info(completed_tasks: int, tasks: int, active_tasks: int) -> SparkStageInfo:
        return SparkStageInfo(1, 0, "toPandas", tasks, active_tasks, completed_tasks, 0)

    assert (
        progress_line([stage_info(12, 200, 2), stage_info(0, 1_000, 1)]) == "Spark: 12 of 1,200 tasks done, 3 running"
    )
    assert progress_line([stage_info(0, 1, 1)]) == "Spark: 0 of 1 task done, 1 running"
