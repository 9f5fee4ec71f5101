"""V-SKNN: scores worked out by hand, and the choice of candidate sessions."""

import math

import numpy as np
import pytest

from benchmarks.quality.neighbours import SessionKnn
from freshet.data.columns import EVENT_TYPE_CODES
from freshet.data.history import Histories, model_input

# Four sessions over the items 1 … 5, the last one the most recent.
SESSIONS = ([1, 2], [2, 3], [1, 2, 4], [5])


def histories(*sessions, first=0):
    sizes = [len(s) for s in sessions]
    items = np.array([i for s in sessions for i in s])
    times = first + np.arange(len(items))
    types = np.full(len(items), EVENT_TYPE_CODES["view"])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Histories(np.array([str(n) for n in range(len(sessions))]), offsets, items, types, times, times)


def session_scores(method, *sessions):
    return method.score(model_input(histories(*sessions), 100))


def test_scores_by_hand():
    scores = session_scores(SessionKnn.fit(histories(*SESSIONS), 6, has_times=True), [1, 2])[0]
    # w(1) = 1/2, w(2) = 1
    # sim: session 0 1.5, session 1 1.0, session 2 1.5. idf: item 1 in two of four, 2 in three, 3 and 4 in one.
    assert scores[1] == pytest.approx((1 + math.log(4 / 2)) * 3.0, rel=1e-5)
    assert scores[2] == pytest.approx((1 + math.log(4 / 3)) * 4.0, rel=1e-5)
    assert scores[3] == pytest.approx((1 + math.log(4)) * 1.0, rel=1e-5)
    assert scores[4] == pytest.approx((1 + math.log(4)) * 1.5, rel=1e-5)
    assert scores[5] == pytest.approx(1e-9 / 3, rel=1e-5)  # no neighbour has it: popularity, one of at most three
    assert scores[0] == -np.inf


def test_earlier_clicks_of_the_session_weigh_less():
    scores = session_scores(SessionKnn.fit(histories(*SESSIONS), 6, has_times=True), [1, 5, 5])[0]
    # Sessions 0 and 2 share item 1 alone, at the first of three places: w = 1/3; session 3 item 5 at the last.
    assert scores[4] == pytest.approx((1 + math.log(4)) * (1 / 3), rel=1e-5)
    assert scores[5] == pytest.approx((1 + math.log(4)) * 1.0, rel=1e-5)


def test_only_the_most_recent_sessions_are_candidates():
    method = SessionKnn.fit(histories(*SESSIONS), 6, has_times=True, n_candidates=1)
    scores = session_scores(method, [1, 2])[0]
    assert scores[4] == pytest.approx((1 + math.log(4)) * 1.5, rel=1e-5)  # of session 2
    assert scores[3] < 1e-8  # session 1 is older


def test_without_times_all_sessions_are_candidates():
    scores = session_scores(SessionKnn.fit(histories(*SESSIONS), 6, has_times=False, n_candidates=1), [1, 2])[0]
    assert scores[3] > 0.1


def test_similar_sessions_come_before_recent_ones():
    method = SessionKnn.fit(histories([1, 2, 3], [2, 4]), 6, has_times=True, n_neighbours=1)
    scores = session_scores(method, [1, 2])[0]
    assert scores[3] > 0.1
    assert scores[4] < 1e-8


def test_every_session_gets_its_own_scores():
    method = SessionKnn.fit(histories(*SESSIONS), 6, has_times=True)
    scores = session_scores(method, [1, 2], [3])
    assert scores[0].tolist() == session_scores(method, [1, 2])[0].tolist()
    assert scores[1].tolist() == session_scores(method, [3])[0].tolist()
