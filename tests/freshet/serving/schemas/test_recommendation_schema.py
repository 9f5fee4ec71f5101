"""Validation of recommendation requests, as query string and as body."""

import pytest

from freshet.serving.errors import RequestError
from freshet.serving.schemas.recommendation_schema import (
    FILTER_PARAMS,
    RecommendationRequest,
    RequestEvent,
    parse_body,
    parse_query,
)


def error_message(function, *arguments):
    with pytest.raises(RequestError) as exc_info:
        function(*arguments)
    return exc_info.value.status, str(exc_info.value)


def test_a_query_string_becomes_a_request():
    pairs = [("user_id", "u"), ("items", "a,b"), ("items", "c"), ("k", "3"), ("exclude_seen", "true")]
    assert parse_query([*pairs, ("price_max", "9.5"), ("categories", "x, y")]) == RecommendationRequest(
        user_id="u", items=["a", "b", "c"], k=3, exclude_seen=True, price_max=9.5, categories=["x", "y"]
    )


def test_an_empty_request_is_valid():
    assert parse_query([]) == parse_body(b"{}") == RecommendationRequest()


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("k", "0"), "query.k: Expected `int` >= 1; ask for 1 to 500 items"),
        (("k", "501"), "query.k: Expected `int` <= 500; ask for 1 to 500 items"),
        (("k", "ten"), "query.k: Expected `int`, got `str`; ask for 1 to 500 items"),
        (("price_min", "-1"), "query.price_min: Expected `float` >= 0.0; correct it: /openapi shows every field"),
        (("price_max", "null"), "query.price_max: 'null' is not a value; send one, or leave the parameter out"),
        (("kk", "1"), "kk: is not a parameter of this address; use categories, exclude, exclude_seen, items, k, only, "
                      "price_max, price_min, session_id, user_id"),
        (("events", "[]"), "events: is not a parameter of this address; use categories, exclude, exclude_seen, items, "
                           "k, only, price_max, price_min, session_id, user_id"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(pair, message):
    assert error_message(parse_query, [pair]) == (422, message)


def test_filter_parameters_do_not_include_a_shopper():
    assert error_message(parse_query, [("user_id", "u")], FILTER_PARAMS)[0] == 422


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"k"', 400, "body: Input data was truncated; send the request as a JSON object in UTF-8"),
        (b"k=3", 400, "body: JSON is malformed: invalid character (byte 0); "
                      "send the request as a JSON object in UTF-8"),
        (b'{"k":"3"}', 422, "body.k: Expected `int`, got `str`; ask for 1 to 500 items"),
        (b'{"events":[{"item_id":1}]}', 422, "body.events[0].item_id: Expected `str`, got `int`; "
                                             "send the catalogue's id as text of 1 to 256 characters"),
        (b'{"user_id":" "}', 422, "body.user_id: is blank; send it as text of 1 to 256 characters, or leave it out"),
        (b'{"items":["a"," "]}', 422, "body.items: is blank; correct it: /openapi shows every field"),
        (b'{"events":[{"item_id":" "}]}', 422, "body.events[0].item_id: is blank; "
                                               "send the catalogue's id as text of 1 to 256 characters"),
        (b'{"shopper":"u"}', 422, "body: Object contains unknown field `shopper`; "
                                  "correct it: /openapi shows every field"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_named(body, status, message):
    assert error_message(parse_body, body) == (status, message)


def test_a_title_may_be_as_long_as_that_of_an_event():
    body = '{"events":[{"item_id":"a","title":"%s"}]}'
    assert parse_body((body % ("x" * 1024)).encode()).events[0].title == "x" * 1024
    assert error_message(parse_body, (body % ("x" * 1025)).encode()) == (
        422,
        "body.events[0].title: Expected `str` of length <= 1024; send text of at most 1,024 characters",
    )


def test_blanks_around_ids_are_stripped_as_in_the_tables():
    body = b'{"user_id":"u ","session_id":" s","items":[" a "],"events":[{"item_id":"b ","title":" "}],'
    body += b'"exclude":["c "],"only":[" d"],"categories":[" mugs "]}'
    assert parse_body(body) == RecommendationRequest(
        user_id="u",
        session_id="s",
        items=["a"],
        events=[RequestEvent("b")],
        exclude=["c"],
        only=["d"],
        categories=["mugs"],
    )
    assert parse_query([("user_id", " u ")]) == RecommendationRequest(user_id="u")
