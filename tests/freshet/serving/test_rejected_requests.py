"""The log of rejected requests: once a minute and at the end."""

from freshet.serving.metrics import GatewayMetrics
from freshet.serving.rejected_requests import LOG_INTERVAL_S, RejectedRequestLog
from tests.tiny_gateway import ManualClocks


def test_rejections_within_a_minute_are_logged_after_it(caplog):
    clocks = ManualClocks()
    rejections = RejectedRequestLog(GatewayMetrics(), clocks.clock().monotonic)
    for _ in range(3):
        rejections.add(400, "rubbish")
    for seconds in (LOG_INTERVAL_S - 1, 1, LOG_INTERVAL_S):
        clocks.pass_by(seconds)
        rejections.log(clocks.monotonic)
    assert [record.message.rpartition(": ")[0] for record in caplog.records] == [
        "requests rejected unread: 1 × 400",
        "requests rejected unread: 2 × 400",
    ]


def test_at_the_end_rejections_are_logged_at_once(caplog):
    rejections = RejectedRequestLog(GatewayMetrics(), ManualClocks().clock().monotonic)
    for _ in range(2):
        rejections.add(408, "late")
    rejections.log(float("inf"))
    assert [record.message for record in caplog.records] == ["requests rejected unread: 1 × 408: late"] * 2
