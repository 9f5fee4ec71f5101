"""The gateway's clock: strictly increasing, with jumps of the machine's clock."""

import pytest

from freshet.serving.clock import day_of, iso, iso_date, to_micros
from freshet.serving.schemas.event_schema import PostedEvent
from tests.tiny_gateway import NOON_S, ManualClocks


def test_time_passes_as_on_the_machine():
    clocks = ManualClocks()
    clock = clocks.clock()
    assert clock.now() == NOON_S * 1_000_000
    clocks.pass_by(1.5)
    assert clock.now() == NOON_S * 1_000_000 + 1_500_000
    assert clock.recent_jump() is None


def test_two_readings_are_never_the_same():
    clock = ManualClocks().clock()
    assert [clock.now() - NOON_S * 1_000_000 for _ in range(3)] == [0, 1, 2]


def test_a_clock_set_forward_is_followed_and_reported():
    clocks = ManualClocks()
    clock = clocks.clock()
    clocks.wall += 3600
    assert clock.now() == (NOON_S + 3600) * 1_000_000
    assert clock.recent_jump().message() == "the machine's clock jumped forward by 3,600 s"
    assert clock.skew() == 0


def test_a_forward_jump_over_a_day_is_not_followed_and_reported():
    clocks = ManualClocks()
    clock = clocks.clock()
    clock.now()
    clocks.wall += 86_401
    assert clock.now() == NOON_S * 1_000_000 + 1
    clocks.pass_by(599)
    assert clock.now() == (NOON_S + 599) * 1_000_000
    assert clock.recent_jump().message() == "the machine's clock jumped forward by 86,401 s"
    assert clock.skew() == -86_401
    clocks.wall -= 86_401
    clocks.pass_by(3601)
    assert clock.now() == (NOON_S + 4200) * 1_000_000
    assert clock.recent_jump() is None


def test_a_forward_jump_over_a_day_is_followed_after_ten_minutes():
    clocks = ManualClocks()
    clock = clocks.clock()
    clocks.wall += 100_000
    assert clock.now() == NOON_S * 1_000_000
    clocks.pass_by(600)
    assert clock.now() == (NOON_S + 100_600) * 1_000_000
    assert clock.skew() == 0
    clocks.pass_by(3599)
    assert clock.recent_jump().message() == "the machine's clock jumped forward by 100,000 s"
    clocks.pass_by(2)
    assert clock.recent_jump() is None


@pytest.mark.parametrize("right", [0, 200_000])
def test_the_ten_minutes_start_again_when_the_clock_is_set_again(right):
    clocks = ManualClocks()
    clock = clocks.clock()
    clocks.wall += 100_000
    clock.now()
    clocks.pass_by(400)
    clocks.wall += right - 100_000
    clock.now()
    clocks.wall += 100_000 - right
    clock.now()
    clocks.pass_by(400)
    assert clock.now() == (NOON_S + 800) * 1_000_000


def test_a_clock_set_back_is_reported_and_time_stops_until_it_catches_up():
    clocks = ManualClocks()
    clock = clocks.clock()
    before = clock.now()
    clocks.wall -= 60
    assert clock.now() == before + 1
    assert clock.recent_jump().message() == "the machine's clock jumped back by 60 s"
    assert clock.skew() == 60
    clocks.pass_by(61)
    assert clock.now() == (NOON_S + 1) * 1_000_000
    assert clock.skew() == 0


def test_an_old_jump_is_no_longer_reported():
    clocks = ManualClocks()
    clock = clocks.clock()
    clocks.wall += 10
    assert clock.recent_jump() is not None
    clocks.pass_by(3601)
    assert clock.recent_jump() is None


def test_a_clock_that_is_slewed_has_not_jumped():
    clocks = ManualClocks()
    clock = clocks.clock()
    for _ in range(100):
        clocks.monotonic += 10
        clocks.wall += 10.1
        assert clock.recent_jump() is None


def test_timestamps_are_written_with_microseconds_in_utc():
    assert iso(NOON_S * 1_000_000 + 7) == "2026-01-05T12:00:00.000007Z"
    assert iso_date(day_of(NOON_S * 1_000_000)) == "2026-01-05"


def test_a_timestamp_in_another_time_zone_is_the_same_moment():
    import msgspec

    body = b'{"item_id":"a","event_type":"view","event_time":"2026-01-05T14:00:00.5+02:00"}'
    assert to_micros(msgspec.json.decode(body, type=PostedEvent).event_time) == NOON_S * 1_000_000 + 500_000
