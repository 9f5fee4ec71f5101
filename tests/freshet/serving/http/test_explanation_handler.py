"""Explanations over HTTP."""

import pytest

from tests import tiny_gateway
from tests.tiny_gateway import ManualClocks, gateway_settings, run_gateway


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    root = tmp_path_factory.mktemp("gateway")
    settings = gateway_settings(root)
    tiny_gateway.release_tiny_bundle(settings.lake, root / "bundle")
    with run_gateway(settings, ManualClocks().clock()) as gateway:
        for item in ("a", "b", "c"):
            gateway.post("/v1/events", {"user_id": "ann", "item_id": item, "event_type": "cart"})
        yield gateway


def test_an_explanation_lists_the_strongest_events_with_title_and_time(client):
    response = client.get("/v1/items/e/explanation", user_id="ann", k=2)
    body = response.json()
    assert (response.status_code, body["item_id"], round(body["score"], 4), body["release"]) == (200, "e", 1.0, 1)
    assert [
        (
            contribution["item_id"],
            contribution["event_type"],
            contribution["title"],
            round(contribution["score_delta"], 4),
        )
        for contribution in body["events"]
    ] == [
        ("b", "cart", "Item B", -0.5),
        ("a", "cart", "Item A", 0.25),
    ]
    assert body["events"][0]["event_time"].startswith("2026-01-05T12:00:00")


def test_items_of_the_request_count_and_an_unknown_shopper_has_no_events(client):
    explanation = client.get("/v1/items/-/explanation", item_id="f", items="b").json()
    assert [
        (contribution["item_id"], round(contribution["score_delta"], 4)) for contribution in explanation["events"]
    ] == [("b", 1.6)]
    stranger = client.get("/v1/items/b/explanation", user_id="zoe").json()
    assert (stranger["score"], stranger["events"]) == (9.0, [])


@pytest.mark.parametrize(
    ("item", "params", "status", "where"),
    [("none", {}, 404, "item_id"), ("e", {"exclude": "a"}, 422, "exclude"), ("e", {"k": 501}, 422, "query.k")],
)
def test_wrong_explanation_requests_are_rejected(client, item, params, status, where):
    response = client.get(f"/v1/items/{item}/explanation", **params)
    assert (response.status_code, response.json()["where"]) == (status, where)


def test_a_second_explanation_at_the_same_time_gets_503(client):
    with client.gateway.explanation_lock:
        response = client.get("/v1/items/e/explanation", user_id="ann")
    assert (response.status_code, response.json()["what"]) == (503, "another explanation is being computed")
    assert client.get("/v1/items/e/explanation", user_id="ann").status_code == 200


def test_before_a_release_explanations_get_503(tmp_path):
    with run_gateway(gateway_settings(tmp_path), ManualClocks().clock(), ready=False) as gateway:
        assert gateway.get("/v1/items/e/explanation", items="a").status_code == 503
