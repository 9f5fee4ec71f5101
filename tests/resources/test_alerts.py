"""Alerts reach the lake always, and the webhook where one listens."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from freshet.errors import LakeError
from freshet.store import open_store
from resources.alerts import Alert, AlertDelivery, send

SAMPLE_ALERT = Alert(
    at=datetime(2024, 3, 2, 2, 30, 5, tzinfo=UTC), run="0123-4567", job="day", what="run of day failed in events",
    where="events of 2024-03-01", error="events 2024-03-01: no item_id", fix="fix the export, then run again",
    link="http://127.0.0.1:3000/runs/0123-4567", why="1 landing day with news",
)  # fmt: skip
ALERT_PATH = "alerts/20240302T023005Z-0123-4567.json"


class WebhookServer(HTTPServer):
    """A real server that keeps what it is sent and answers with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _RecordingHandler)
        self.status, self.got = status, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret"


class _RecordingHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def webhook(request) -> Iterator[WebhookServer]:
    server = WebhookServer(getattr(request, "param", 204))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def send_alert(settings, url: str | None) -> AlertDelivery:
    shop_settings = settings.model_copy(update={"alert_webhook": None if url is None else SecretStr(url)})
    return send(open_store(settings.lake), shop_settings, SAMPLE_ALERT)


def test_an_alert_is_a_file_that_says_what_where_why_and_what_to_do(settings):
    assert send_alert(settings, None) == AlertDelivery(ALERT_PATH, None)
    assert json.loads(open_store(settings.lake).get(ALERT_PATH)) == {
        "at": "2024-03-02T02:30:05Z",
        "run": "0123-4567",
        "job": "day",
        "what": "run of day failed in events",
        "where": "events of 2024-03-01",
        "error": "events 2024-03-01: no item_id",
        "fix": "fix the export, then run again",
        "link": "http://127.0.0.1:3000/runs/0123-4567",
        "why": "1 landing day with news",
    }


def test_where_a_webhook_listens_it_gets_the_very_same(settings, listening):
    assert send_alert(settings, listening.url) == AlertDelivery(ALERT_PATH, True)
    alert_file = json.loads(open_store(settings.lake).get(ALERT_PATH))
    assert listening.got == [("/secret", "application/json", alert_file)]


@pytest.mark.parametrize("listening", [500], indirect=True)
def test_a_webhook_that_refuses_is_logged_without_its_address_and_the_file_is_there(settings, listening, caplog):
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert send_alert(settings, listening.url) == AlertDelivery(ALERT_PATH, False)
    assert open_store(settings.lake).exists(ALERT_PATH)
    assert caplog.messages == ["FRESHET_ALERT_WEBHOOK: an alert was not delivered (HTTP status 500)"]


def test_a_webhook_where_nobody_listens_breaks_nothing(settings, caplog):
    with socket.socket() as listener, caplog.at_level(logging.WARNING, logger="freshet"):
        listener.bind(("127.0.0.1", 0))  # and listens to nobody
        assert send_alert(settings, f"http://127.0.0.1:{listener.getsockname()[1]}/secret") == AlertDelivery(
            ALERT_PATH, False
        )
    assert caplog.messages == ["FRESHET_ALERT_WEBHOOK: an alert was not delivered (ConnectionRefusedError)"]


@pytest.mark.parametrize(
    ("url", "kind"), [("hooks.example.com/SECRET", "ValueError"), ("http://127.0.0.1:1/SEC RET", "InvalidURL")]
)
def test_an_address_that_is_none_breaks_nothing_and_is_not_logged(settings, caplog, url, kind):
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert send_alert(settings, url).delivered is False
    assert caplog.messages == [f"FRESHET_ALERT_WEBHOOK: an alert was not delivered ({kind})"]


def test_a_listener_that_does_not_speak_http_breaks_nothing(settings, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_garbage, args=(server,), daemon=True).start()
        with caplog.at_level(logging.WARNING, logger="freshet"):
            assert send_alert(settings, f"http://127.0.0.1:{server.getsockname()[1]}/secret").delivered is False
    assert caplog.messages == ["FRESHET_ALERT_WEBHOOK: an alert was not delivered (BadStatusLine)"]


def answer_garbage(server: socket.socket) -> None:
    """Take one request and answer with something else."""
    caller, _ = server.accept()
    with caller:
        caller.recv(65_536)
        caller.sendall(b"who is there?\r\n\r\n")


def test_where_the_lake_takes_no_file_the_webhook_is_told_all_the_same(settings, listening, caplog):
    Path(settings.lake).write_text("no folder")
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert send_alert(settings, listening.url) == AlertDelivery(None, True)
    assert [got["run"] for _, _, got in listening.got] == ["0123-4567"]
    (message,) = caplog.messages
    assert message.startswith(f"an alert has no file: {settings.lake} (FRESHET_LAKE): is a file, not a folder")


def test_where_nobody_could_be_told_that_is_an_error(settings):
    Path(settings.lake).write_text("no folder")
    with pytest.raises(LakeError, match="is a file, not a folder"):
        send_alert(settings, None)
