"""Pauses between retries."""

from freshet.serving.backoff import Backoff


def test_pauses_double_up_to_the_limit():
    backoff = Backoff(first_s=10, max_s=35)
    assert [backoff.next_pause() for _ in range(4)] == [10, 20, 35, 35]
    backoff.reset()
    assert backoff.next_pause() == 10


def test_the_first_pause_is_not_longer_than_the_limit():
    assert Backoff(first_s=90, max_s=35).next_pause() == 35
