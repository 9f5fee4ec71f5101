import pytest

from freshet.serving.clock import day_name, day_of, iso, micros_of
from freshet.serving.posted import Event
from tests.tiny_gateway import NOON, Hands


def test_time_passes_as_on_the_machine():
    hands = Hands()
    clock = hands.clock()
    assert clock.now() == NOON * 1_000_000
    hands.pass_by(1.5)
    assert clock.now() == NOON * 1_000_000 + 1_500_000
    assert clock.jump() is None


def test_two_readings_are_never_the_same():
    clock = Hands().clock()
    assert [clock.now() - NOON * 1_000_000 for _ in range(3)] == [0, 1, 2]


def test_a_clock_set_forward_is_followed_and_told():
    hands = Hands()
    clock = hands.clock()
    hands.wall += 3600
    assert clock.now() == (NOON + 3600) * 1_000_000
    assert clock.jump().sentence() == "the machine's clock jumped forward by 3,600 s"
    assert clock.apart() == 0


def test_a_clock_set_forward_by_more_than_a_day_is_not_believed_and_told_until_it_is_right_again():
    hands = Hands()
    clock = hands.clock()
    clock.now()
    hands.wall += 86_401
    assert clock.now() == NOON * 1_000_000 + 1
    hands.pass_by(599)
    assert clock.now() == (NOON + 599) * 1_000_000
    assert clock.jump().sentence() == "the machine's clock jumped forward by 86,401 s"
    assert clock.apart() == -86_401
    hands.wall -= 86_401
    hands.pass_by(3601)
    assert clock.now() == (NOON + 4200) * 1_000_000
    assert clock.jump() is None


def test_a_clock_set_forward_by_more_than_a_day_is_believed_after_ten_minutes_and_told_for_an_hour_more():
    hands = Hands()
    clock = hands.clock()
    hands.wall += 100_000
    assert clock.now() == NOON * 1_000_000
    hands.pass_by(600)
    assert clock.now() == (NOON + 100_600) * 1_000_000
    assert clock.apart() == 0
    hands.pass_by(3599)
    assert clock.jump().sentence() == "the machine's clock jumped forward by 100,000 s"
    hands.pass_by(2)
    assert clock.jump() is None


@pytest.mark.parametrize("right", [0, 200_000])
def test_ten_minutes_begin_anew_when_the_clock_is_set_again(right):
    hands = Hands()
    clock = hands.clock()
    hands.wall += 100_000
    clock.now()
    hands.pass_by(400)
    hands.wall += right - 100_000
    clock.now()
    hands.wall += 100_000 - right
    clock.now()
    hands.pass_by(400)
    assert clock.now() == (NOON + 800) * 1_000_000


def test_a_clock_set_back_is_told_and_times_stand_still_until_it_has_caught_up():
    hands = Hands()
    clock = hands.clock()
    before = clock.now()
    hands.wall -= 60
    assert clock.now() == before + 1
    assert clock.jump().sentence() == "the machine's clock jumped back by 60 s"
    assert clock.apart() == 60
    hands.pass_by(61)
    assert clock.now() == (NOON + 1) * 1_000_000
    assert clock.apart() == 0


def test_an_old_jump_is_no_longer_told():
    hands = Hands()
    clock = hands.clock()
    hands.wall += 10
    assert clock.jump() is not None
    hands.pass_by(3601)
    assert clock.jump() is None


def test_a_clock_that_is_slewed_has_not_jumped():
    hands = Hands()
    clock = hands.clock()
    for _ in range(100):
        hands.steady += 10
        hands.wall += 10.1
        assert clock.jump() is None


def test_moments_are_written_with_microseconds_in_utc():
    assert iso(NOON * 1_000_000 + 7) == "2026-01-05T12:00:00.000007Z"
    assert day_name(day_of(NOON * 1_000_000)) == "2026-01-05"


def test_a_moment_in_another_zone_is_the_same_moment():
    import msgspec

    body = b'{"item_id":"a","event_type":"view","event_time":"2026-01-05T14:00:00.5+02:00"}'
    assert micros_of(msgspec.json.decode(body, type=Event).event_time) == NOON * 1_000_000 + 500_000
