"""While releases are swapped in, questions go on: none fails, and none is answered from two releases."""

import threading

from tests.tiny_gateway import Hands, release, settings_of, tiny_gateway, wait_for

QUESTIONS = [{"items": "a", "k": 2}, {"user_id": "stranger", "k": 3}, {"items": "b,c", "exclude_seen": "true"}]


class Crowd:
    """Threads that ask one question each, over and over, and write down every answer."""

    def __init__(self, asked):
        self._asked, self._ended = asked, threading.Event()
        self.answers = []
        self._threads = [threading.Thread(target=self._ask, args=(question,)) for question in QUESTIONS]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, question):
        while not self._ended.is_set():
            answer = self._asked.get("/v1/recommendations", **question)
            self.answers.append((answer.status_code, answer.json()))

    def answered_by(self, number):
        return any(answer.get("release") == number for _, answer in list(self.answers))


def test_no_question_fails_while_releases_are_swapped_and_every_answer_is_from_one_of_them(tmp_path):
    settings = settings_of(tmp_path)
    bundles = {1: release(settings.lake, tmp_path, "one")}
    with tiny_gateway(settings, Hands().clock()) as asked, Crowd(asked) as crowd:
        for number, note in ((2, "two"), (3, "three")):
            bundles[number] = release(settings.lake, tmp_path, note)
            wait_for(lambda number=number: crowd.answered_by(number))
    assert {status for status, _ in crowd.answers} == {200}
    assert {(answer["release"], answer["bundle"]) for _, answer in crowd.answers} == set(bundles.items())
    assert len(set(bundles.values())) == 3
    assert all(answer["items"] for _, answer in crowd.answers)
