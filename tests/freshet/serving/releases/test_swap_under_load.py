"""Requests during swaps: none fails, and each is served from one release."""

import threading

from tests.tiny_gateway import ManualClocks, gateway_settings, release_tiny_bundle, run_gateway, wait_for

REQUEST_PARAMS = [{"items": "a", "k": 2}, {"user_id": "stranger", "k": 3}, {"items": "b,c", "exclude_seen": "true"}]


class RequestThreads:
    """Threads that send one request each, over and over, and record every response."""

    def __init__(self, gateway):
        self._gateway, self._stop_event = gateway, threading.Event()
        self.responses = []
        self._threads = [threading.Thread(target=self._send_requests, args=(params,)) for params in REQUEST_PARAMS]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop_event.set()
        for thread in self._threads:
            thread.join()

    def _send_requests(self, params):
        while not self._stop_event.is_set():
            response = self._gateway.get("/v1/recommendations", **params)
            self.responses.append((response.status_code, response.json()))

    def has_response_of(self, number):
        return any(response.get("release") == number for _, response in list(self.responses))


def test_every_request_during_swaps_is_served_from_one_release(tmp_path):
    settings = gateway_settings(tmp_path)
    bundles = {1: release_tiny_bundle(settings.lake, tmp_path, "one")}
    with run_gateway(settings, ManualClocks().clock()) as gateway, RequestThreads(gateway) as threads:
        for number, note in ((2, "two"), (3, "three")):
            bundles[number] = release_tiny_bundle(settings.lake, tmp_path, note)
            wait_for(lambda number=number: threads.has_response_of(number))
    assert {status for status, _ in threads.responses} == {200}
    assert {(response["release"], response["bundle"]) for _, response in threads.responses} == set(bundles.items())
    assert len(set(bundles.values())) == 3
    assert all(response["items"] for _, response in threads.responses)
