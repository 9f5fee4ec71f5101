"""While releases are swapped in, questions go on: none fails, and none is answered from two releases."""

import threading

from tests.tiny_gateway import ManualClocks, gateway_settings, release_tiny_bundle, tiny_gateway, wait_for

REQUEST_PARAMS = [{"items": "a", "k": 2}, {"user_id": "stranger", "k": 3}, {"items": "b,c", "exclude_seen": "true"}]


class RequestThreads:
    """Threads that ask one question each, over and over, and write down every answer."""

    def __init__(self, gateway):
        self._gateway, self._ended = gateway, threading.Event()
        self.answers = []
        self._threads = [threading.Thread(target=self._send_requests, args=(question,)) for question in REQUEST_PARAMS]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _send_requests(self, question):
        while not self._ended.is_set():
            response = self._gateway.get("/v1/recommendations", **question)
            self.answers.append((response.status_code, response.json()))

    def has_answer_from(self, number):
        return any(response.get("release") == number for _, response in list(self.answers))


def test_no_question_fails_while_releases_are_swapped_and_every_answer_is_from_one_of_them(tmp_path):
    settings = gateway_settings(tmp_path)
    bundles = {1: release_tiny_bundle(settings.lake, tmp_path, "one")}
    with tiny_gateway(settings, ManualClocks().clock()) as gateway, RequestThreads(gateway) as crowd:
        for number, note in ((2, "two"), (3, "three")):
            bundles[number] = release_tiny_bundle(settings.lake, tmp_path, note)
            wait_for(lambda number=number: crowd.has_answer_from(number))
    assert {status for status, _ in crowd.answers} == {200}
    assert {(response["release"], response["bundle"]) for _, response in crowd.answers} == set(bundles.items())
    assert len(set(bundles.values())) == 3
    assert all(answer["items"] for _, answer in crowd.answers)
