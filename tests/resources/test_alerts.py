"""Alerts: a file in the lake, and a message to the webhook if one is set."""

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
    at=datetime(2024, 3, 2, 2, 30, 5, tzinfo=UTC), run="0123-4567", job="update_tables",
    what="run of update_tables failed in events",
    where="events of 2024-03-01", error="events 2024-03-01: no item_id", fix="fix the export, then run again",
    link="http://127.0.0.1:3000/runs/0123-4567", why="1 landing day with new files",
)  # fmt: skip
ALERT_PATH = "alerts/20240302T023005Z-0123-4567.json"


class WebhookServer(HTTPServer):
    """A real server that records its requests and answers with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _RecordingHandler)
        self.status, self.requests = status, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret"


class _RecordingHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Content-Type"], json.loads(body)))
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


def test_an_alert_file_has_what_where_why_and_what_to_do(settings):
    assert send_alert(settings, None) == AlertDelivery(ALERT_PATH, None)
    assert json.loads(open_store(settings.lake).get(ALERT_PATH)) == {
        "at": "2024-03-02T02:30:05Z",
        "run": "0123-4567",
        "job": "update_tables",
        "what": "run of update_tables failed in events",
        "where": "events of 2024-03-01",
        "error": "events 2024-03-01: no item_id",
        "fix": "fix the export, then run again",
        "link": "http://127.0.0.1:3000/runs/0123-4567",
        "why": "1 landing day with new files",
    }


def test_the_webhook_gets_the_content_of_the_file(settings, webhook):
    assert send_alert(settings, webhook.url) == AlertDelivery(ALERT_PATH, True)
    alert_file = json.loads(open_store(settings.lake).get(ALERT_PATH))
    assert webhook.requests == [("/secret", "application/json", alert_file)]


@pytest.mark.parametrize("webhook", [500], indirect=True)
def test_a_webhook_that_refuses_is_logged_without_its_url_and_the_file_is_written(settings, webhook, caplog):
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert send_alert(settings, webhook.url) == AlertDelivery(ALERT_PATH, False)
    assert open_store(settings.lake).exists(ALERT_PATH)
    assert caplog.messages == ["FRESHET_ALERT_WEBHOOK: an alert was not delivered (HTTP status 500)"]


def test_a_webhook_that_refuses_connections_is_logged(settings, caplog):
    with socket.socket() as listener, caplog.at_level(logging.WARNING, logger="freshet"):
        listener.bind(("127.0.0.1", 0))  # bound, but not listening
        assert send_alert(settings, f"http://127.0.0.1:{listener.getsockname()[1]}/secret") == AlertDelivery(
            ALERT_PATH, False
        )
    assert caplog.messages == ["FRESHET_ALERT_WEBHOOK: an alert was not delivered (ConnectionRefusedError)"]


@pytest.mark.parametrize(
    ("url", "kind"), [("hooks.example.com/SECRET", "ValueError"), ("http://127.0.0.1:1/SEC RET", "InvalidURL")]
)
def test_an_invalid_url_is_logged_without_the_url(settings, caplog, url, kind):
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert send_alert(settings, url).delivered is False
    assert caplog.messages == [f"FRESHET_ALERT_WEBHOOK: an alert was not delivered ({kind})"]


def test_a_server_that_does_not_speak_http_is_logged(settings, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_garbage, args=(server,), daemon=True).start()
        with caplog.at_level(logging.WARNING, logger="freshet"):
            assert send_alert(settings, f"http://127.0.0.1:{server.getsockname()[1]}/secret").delivered is False
    assert caplog.messages == ["FRESHET_ALERT_WEBHOOK: an alert was not delivered (BadStatusLine)"]


def answer_garbage(server: socket.socket) -> None:
    """Accept one request and send a response that is not HTTP."""
    caller, _ = server.accept()
    with caller:
        caller.recv(65_536)
        caller.sendall(b"who is there?\r\n\r\n")


def test_the_webhook_is_called_if_the_lake_cannot_be_written(settings, webhook, caplog):
    Path(settings.lake).write_text("no folder")
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert send_alert(settings, webhook.url) == AlertDelivery(None, True)
    assert [body["run"] for _, _, body in webhook.requests] == ["0123-4567"]
    (message,) = caplog.messages
    assert message.startswith(f"an alert was not written: {settings.lake} (FRESHET_LAKE): is a file, not a folder")


def test_an_alert_that_reaches_neither_lake_nor_webhook_is_an_error(settings):
    Path(settings.lake).write_text("no folder")
    with pytest.raises(LakeError, match="is a file, not a folder"):
        send_alert(settings, None)
