"""The HTTP routes of a gateway: recommendations, events, and errors."""

import asyncio
import json
from contextlib import closing

import pytest

from freshet.data.pseudonym import pseudonym
from freshet.serving.events.event_store import recent_events
from freshet.serving.events.event_store_file import connect
from freshet.serving.http.app import create_app
from tests.tiny_gateway import (
    ManualClocks,
    append_release,
    gateway_settings,
    landed_lines,
    release_tiny_bundle,
    run_gateway,
    wait_for,
)

VIEW_EVENT = {"user_id": "u", "item_id": "a", "event_type": "view"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A gateway with one release; each test uses other shoppers."""
    root = tmp_path_factory.mktemp("shop")
    settings = gateway_settings(root)
    release_tiny_bundle(settings.lake, root)
    with run_gateway(settings, ManualClocks().clock()) as running_gateway:
        yield running_gateway


def tier_and_items(response):
    assert response.status_code == 200, response.text
    return response.json()["tier"], "".join(item["item_id"] for item in response.json()["items"])


def status_and_body(response):
    return response.status_code, response.json()


def test_an_unknown_shopper_gets_popular_items(client):
    response = client.get("/v1/recommendations", user_id="stranger", k=3)
    assert tier_and_items(response) == ("popular", "bed")
    body = response.json()
    assert (body["arm"], body["release"], body["bundle"]) == (
        "champion",
        1,
        client.gateway.active_state.release.bundle.id,
    )
    assert len(body["request_id"]) == 32


def test_an_event_changes_only_that_shoppers_next_recommendations(client):
    assert client.post("/v1/events", {**VIEW_EVENT, "user_id": "clicker"}).status_code == 202
    assert tier_and_items(client.get("/v1/recommendations", user_id="clicker", k=3)) == ("sequence", "eca")
    assert tier_and_items(client.get("/v1/recommendations", session_id="clicker", k=3)) == ("popular", "bed")


def test_user_id_identifies_the_shopper_if_both_are_given(client):
    client.post("/v1/events", {**VIEW_EVENT, "user_id": "both", "session_id": "visit"})
    assert tier_and_items(client.get("/v1/recommendations", user_id="both", k=1)) == ("sequence", "e")
    assert tier_and_items(client.get("/v1/recommendations", session_id="visit", k=1)) == ("popular", "b")


def test_items_of_a_request_are_used_and_not_stored(client):
    assert tier_and_items(client.get("/v1/recommendations", items="a,c", k=2)) == ("sequence", "ec")
    body = {"session_id": "passing", "events": [{"item_id": "b", "event_type": "cart"}], "k": 2}
    assert tier_and_items(client.post("/v1/recommendations", body)) == ("sequence", "fd")
    assert tier_and_items(client.get("/v1/recommendations", session_id="passing", k=1)) == ("popular", "b")


def test_filters_and_exclusions_come_before_the_best_are_taken(client):
    assert tier_and_items(client.get("/v1/recommendations", items="a", k=3, exclude="e,c")) == ("sequence", "abd")
    assert tier_and_items(client.get("/v1/recommendations", items="a", k=3, exclude_seen="true")) == ("sequence", "ecb")
    assert tier_and_items(client.post("/v1/recommendations", {"only": ["f", "d"]})) == ("popular", "df")
    assert tier_and_items(client.get("/v1/recommendations", price_min=2)) == ("popular", "")


def test_similar_and_popular_items(client):
    assert tier_and_items(client.get("/v1/items/a/similar", k=2)) == ("content", "ce")
    assert tier_and_items(client.get("/v1/items/-/similar", item_id="b", k=2)) == ("content", "df")
    assert tier_and_items(client.get("/v1/popular", k=3)) == ("popular", "bed")


def test_similar_items_of_an_unknown_item_get_404(client):
    assert status_and_body(client.get("/v1/items/nope/similar")) == (
        404,
        {
            "where": "item_id",
            "what": "release 1 does not know the item 'nope'",
            "fix": "check the id; a new item becomes known after its first event has been processed in the lake",
        },
    )


def test_popular_items_of_an_unknown_category_get_404(client):
    status, problem = status_and_body(client.get("/v1/popular", categories="hats"))
    assert (status, problem["what"]) == (404, "release 1 has no category 'hats'")


def test_a_retry_is_a_duplicate(client):
    event = {**VIEW_EVENT, "user_id": "again", "event_id": "again-1"}
    first, second = client.post("/v1/events", event), client.post("/v1/events", event)
    assert (first.status_code, first.json()["events"]) == (202, [{"status": "accepted", "event_id": "again-1"}])
    assert (second.status_code, second.json()["events"]) == (200, [{"status": "duplicate", "event_id": "again-1"}])


def test_another_event_of_the_same_id_is_a_conflict_and_counted(client):
    event = {**VIEW_EVENT, "user_id": "mine", "event_id": "taken"}
    assert client.post("/v1/events", event).status_code == 202
    other = {**event, "user_id": "another's"}
    status, receipt = status_and_body(client.post("/v1/events", other))
    assert (status, receipt["conflict"], receipt["duplicate"], receipt["accepted"]) == (409, 1, 0, 0)
    assert receipt["events"] == [
        {
            "status": "conflict",
            "event_id": "taken",
            "where": "event.event_id",
            "what": "another event has the id 'taken'; this one was not stored",
            "fix": "use a different id for every event of the shop, and send an event again without changes",
        }
    ]
    mixed = client.post("/v1/events", [event, other, {**VIEW_EVENT, "event_id": "not taken"}])
    assert (mixed.status_code, [e["status"] for e in mixed.json()["events"]]) == (
        207, ["duplicate", "conflict", "accepted"],
    )  # fmt: skip
    assert client.post("/v1/events", [other, {}]).status_code == 422
    assert 'freshet_events_total{status="conflict"} 3.0' in client.get("/metrics").text


def test_blanks_around_ids_do_not_make_another_shopper_item_or_event(client):
    assert (
        client.post("/v1/events", {**VIEW_EVENT, "user_id": " padded", "item_id": "a ", "event_id": "p1"}).status_code
        == 202
    )
    second = client.post("/v1/events", {**VIEW_EVENT, "user_id": "padded", "item_id": "a", "event_id": " p1 "}).json()[
        "events"
    ]
    assert second == [{"status": "duplicate", "event_id": "p1"}]
    shopper = pseudonym(b"tiny", "user", "padded")
    with closing(connect(client.gateway.writer.folder)) as reader:
        assert [event[:2] for event in recent_events(reader, shopper).events] == [("a", "view")]
    response = client.get("/v1/recommendations", user_id="padded ", k=3)
    unpadded_response = client.get("/v1/recommendations", user_id="padded", k=3)
    assert tier_and_items(response) == tier_and_items(unpadded_response) == ("sequence", "eca")
    assert tier_and_items(client.get("/v1/items/-/similar", item_id=" b ", k=2)) == ("content", "df")


def test_every_event_of_a_list_has_its_own_status(client):
    mixed = client.post(
        "/v1/events", [{**VIEW_EVENT, "event_id": "m1"}, {**VIEW_EVENT, "price": -1}, {**VIEW_EVENT, "event_id": "m1"}]
    )
    body = mixed.json()
    assert (mixed.status_code, body["accepted"], body["refused"], body["duplicate"]) == (207, 1, 1, 1)
    assert body["events"][1] == {
        "status": "refused",
        "where": "events[1].price",
        "what": "Expected `float` >= 0.0",
        "fix": "send the price of one piece, a number from 0 to 1e13, or leave it out",
    }
    assert client.post("/v1/events", [{**VIEW_EVENT, "price": -1}]).status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        (b"", 400, "Input data was truncated"),
        (b'[{"item_id":"a"},]', 400, "JSON is malformed: trailing comma in array (byte 17)"),
        (b"item_id=a", 400, "JSON is malformed: invalid character (byte 0)"),
        (b"[]", 422, "an empty list"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", 413, "1,001 events in one post"),
        (b'"' + b"x" * (1 << 20) + b'"', 413, "Request Entity Too Large"),
        (b"[" * 100_000, 400, "the JSON is nested too deep"),
    ],
)
def test_a_post_that_is_not_a_list_of_events_is_rejected_as_a_whole(client, body, status, what):
    response = client.post("/v1/events", body)
    assert (response.status_code, response.json()["what"]) == (status, what)
    assert response.json()["fix"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nope", 404), ("DELETE", "/v1/events", 405), ("GET", "/v1/items/a", 404)]
)
def test_an_unknown_address_gets_a_json_error(client, method, path, status):
    response = client(method, path)
    assert response.status_code == status
    assert sorted(response.json()) == ["fix", "what", "where"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probe_endpoints_support_head(client, path):
    head_response, get_response = client("HEAD", path), client.get(path)
    assert (head_response.status_code, head_response.content) == (200, b"")
    assert head_response.headers["content-type"] == get_response.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/recommendations", "GET, OPTIONS, POST"),
        ("/v1/events", "OPTIONS, POST"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/v1/items/a/similar", "GET, OPTIONS"),
    ],
)
def test_an_address_lists_its_methods_for_options_and_with_405(client, path, methods):
    options, wrong_response = client("OPTIONS", path), client("DELETE", path)
    assert (options.status_code, options.headers["allow"]) == (204, methods)
    assert (wrong_response.status_code, ", ".join(sorted(wrong_response.headers["allow"].split(", ")))) == (
        405,
        methods,
    )


def test_a_client_that_disconnects_in_its_body_is_counted_as_499(client):
    """uvicorn reports a part of the body, then the disconnect."""
    parts = [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return parts.pop(0)

    async def send(_):
        """Drop the response: the client has disconnected."""

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
             "path": "/v1/events", "raw_path": b"/v1/events", "query_string": b"", "root_path": "", "state": {},
             "headers": [(b"host", b"gateway"), (b"content-length", b"100")], "client": None,
             "server": ("gateway", 80)}  # fmt: skip
    asyncio.run(create_app(client.gateway)(scope, receive, send))
    text = client.get("/metrics").text
    assert 'freshet_requests_total{route="/v1/events",status="499"} 1.0' in text
    assert 'freshet_requests_total{route="/v1/events",status="500"}' not in text


def test_error_responses_contain_no_server_paths(tmp_path):
    settings = gateway_settings(tmp_path)
    with run_gateway(settings, ManualClocks().clock(), ready=False) as gateway:
        append_release(settings.lake, "0" * 64)
        reasons = wait_for(
            lambda: [r for r in gateway.get("/readyz").json()["reasons"] if "00000001.json" in r["where"]]
        )
        assert reasons[0]["where"] == "$FRESHET_LAKE/releases/00000001.json"
        for response in (gateway.get("/readyz"), gateway.get("/v1/popular")):
            assert response.status_code == 503
            assert str(tmp_path) not in response.text


def test_readyz_and_healthz_of_a_serving_gateway(client):
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert {**ready.json(), "waiting": 0} == {
        "ready": True, "release": 1, "bundle": client.gateway.active_state.release.bundle.id, "shoppers": 0,
        "waiting": 0, "reasons": [],
    }  # fmt: skip
    assert status_and_body(client.get("/healthz")) == (200, {"alive": True, "dead": []})


def test_metrics_count_requests_and_tiers(client):
    client.get("/v1/popular")
    text = client.get("/metrics").text
    assert 'freshet_requests_total{route="/v1/popular",status="200"}' in text
    assert 'freshet_answers_total{tier="popular"}' in text
    assert "freshet_release 1.0" in text
    assert f'freshet_bundle{{bundle="{client.gateway.active_state.release.bundle.id}"}} 1.0' in text


def test_openapi_lists_every_endpoint_and_its_page_is_self_contained(client):
    schema = client.get("/openapi/openapi.json").json()
    for path in ("/readyz", "/healthz"):
        assert sorted(schema["paths"][path]["get"]["responses"]) == ["200", "503"]
    assert sorted(schema["paths"]) == [
        "/healthz", "/metrics", "/readyz", "/v1/events", "/v1/items/{item_id}/explanation",
        "/v1/items/{item_id}/similar", "/v1/popular", "/v1/recommendations",
    ]  # fmt: skip
    page = client.get("/openapi")
    assert page.headers["content-type"].startswith("text/html")
    assert "http://gateway/v1/events" in page.text
    assert "http" not in page.text.replace("http://gateway", "")
    assert "<script" not in page.text
    for path in schema["paths"]:
        assert f"<code>{path}</code>" in page.text


def test_impressions_land_with_tier_bundle_and_release(tmp_path):
    settings = gateway_settings(tmp_path)
    bundle = release_tiny_bundle(settings.lake, tmp_path)
    with run_gateway(settings, ManualClocks().clock()) as gateway:
        shopper = gateway.gateway.shopper("u", None)
        first = gateway.get("/v1/recommendations", user_id="u", k=2).json()
        second = gateway.get("/v1/recommendations", items="a", k=1).json()
        gateway.get("/v1/popular")
    expected = {"arm": "champion", "bundle": bundle, "release": 1}
    assert [{**line, "shown_at": line["shown_at"][:17]} for line in landed_lines(settings.lake, "impressions")] == [
        {"request_id": first["request_id"], "shopper": shopper, "items": ["b", "e"], "tier": "popular",
         "shown_at": "2026-01-05T12:00:", **expected},
        {"request_id": second["request_id"], "shopper": None, "items": ["e"], "tier": "sequence",
         "shown_at": "2026-01-05T12:00:", **expected},
    ]  # fmt: skip


def test_before_the_first_release_events_are_stored_and_requests_get_503(tmp_path):
    settings = gateway_settings(tmp_path)
    with run_gateway(settings, ManualClocks().clock(), ready=False) as gateway:
        wait_for(lambda: gateway.get("/readyz").json()["reasons"][0]["what"] == "nothing has been released yet")
        assert gateway.post("/v1/events", VIEW_EVENT).status_code == 202
        assert gateway.get("/readyz").status_code == 503
        for path in ("/v1/recommendations", "/v1/popular", "/v1/items/a/similar"):
            status, problem = status_and_body(gateway.get(path))
            assert (status, problem["what"]) == (503, "nothing has been released yet")
        release_tiny_bundle(settings.lake, tmp_path)
        wait_for(lambda: gateway.get("/readyz").status_code == 200)
        assert tier_and_items(gateway.get("/v1/recommendations", user_id="u", k=1)) == ("sequence", "e")
    assert [line["item_id"] for line in landed_lines(settings.lake)] == ["a"]


def test_on_a_full_disk_events_are_refused_and_recommendations_work(tmp_path):
    settings = gateway_settings(tmp_path)
    release_tiny_bundle(settings.lake, tmp_path)
    with run_gateway(settings, ManualClocks().clock()) as gateway:
        writer = gateway.gateway.writer
        gateway.post("/v1/events", {**VIEW_EVENT, "event_id": "kept"})
        pages = writer.submit(lambda c: c.execute("PRAGMA page_count").fetchone()[0]).result()
        writer.connection.execute(f"PRAGMA max_page_count={pages}")
        events = [{**VIEW_EVENT, "title": "x" * 1000, "event_id": str(n)} for n in range(100)]
        status, problem = status_and_body(gateway.post("/v1/events", events))
        assert (status, problem["what"]) == (507, "the disk is full, nothing was stored")
        assert tier_and_items(gateway.get("/v1/recommendations", user_id="u", k=1)) == ("sequence", "e")
        writer.connection.execute("PRAGMA max_page_count=1000000")
        assert gateway.post("/v1/events", events).json()["accepted"] == 100
    assert [line["event_id"] for line in landed_lines(settings.lake)] == ["kept", *map(str, range(100))]


def test_a_clock_jump_is_reported_and_event_times_never_go_back(tmp_path):
    settings, clocks = gateway_settings(tmp_path), ManualClocks()
    release_tiny_bundle(settings.lake, tmp_path)
    with run_gateway(settings, clocks.clock()) as gateway:
        gateway.post("/v1/events", {**VIEW_EVENT, "event_id": "before"})
        clocks.wall -= 7200
        gateway.post("/v1/events", {**VIEW_EVENT, "event_id": "after"})
        ready = gateway.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["reasons"][0]["what"].startswith(
            "the machine's clock jumped back by 7,200 s; the gateway's is 2026-01-05T12:00:00"
        )
        tomorrow = {**VIEW_EVENT, "event_time": "2026-01-07T00:00:00Z"}
        assert gateway.post("/v1/events", tomorrow).status_code == 422
    times = {line["event_id"]: line["event_time"] for line in landed_lines(settings.lake)}
    assert times["before"] < times["after"] < "2026-01-05T12:00:01"


def test_a_clock_set_forward_over_midnight_lands_events_on_the_new_day(tmp_path):
    settings, clocks = gateway_settings(tmp_path), ManualClocks()
    with run_gateway(settings, clocks.clock(), ready=False) as gateway:
        gateway.post("/v1/events", {**VIEW_EVENT, "event_id": "monday"})
        clocks.wall += 43_200 + 60
        gateway.post("/v1/events", {**VIEW_EVENT, "event_id": "tuesday"})
        messages = [reason["what"] for reason in gateway.get("/readyz").json()["reasons"]]
        assert "the machine's clock jumped forward by 43,260 s" in messages
        wait_for(lambda: len(landed_lines(settings.lake)) == 2)
    landed_by_day = {
        path.parent.parent.name: json.loads(path.read_text()) for path in (tmp_path / "lake").rglob("*.jsonl")
    }
    days = {day: (line["event_id"], line["event_time"][:17]) for day, line in landed_by_day.items()}
    assert days == {
        "dt=2026-01-05": ("monday", "2026-01-05T12:00:"),
        "dt=2026-01-06": ("tuesday", "2026-01-06T00:01:"),
    }


def test_lines_land_at_the_end_of_a_day(tmp_path):
    settings, clocks = gateway_settings(tmp_path), ManualClocks()
    release_tiny_bundle(settings.lake, tmp_path)
    with run_gateway(settings, clocks.clock()) as gateway:
        gateway.post("/v1/events", VIEW_EVENT)
        clocks.pass_by(86_400 / 2 + 1)
        wait_for(lambda: landed_lines(settings.lake))
        folders = [path.parent.parent.name for path in (tmp_path / "lake/landing/events").rglob("*.jsonl")]
    assert folders == ["dt=2026-01-05"]
