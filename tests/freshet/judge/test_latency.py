from freshet.judge.latency import latency
from freshet.live.bundle import open_bundle
from freshet.live.ranker import open_ranker
from tests.tiny_bundle import asked_input, history, write_bundle


def test_latency_is_that_of_single_requests(tmp_path):
    write_bundle(tmp_path)
    found = latency(open_ranker(open_bundle(tmp_path)), asked_input(history(["a"], ["b", "c"])), requests=20)
    assert found.requests == 20
    assert 0 < found.median <= found.p99 < 1000
