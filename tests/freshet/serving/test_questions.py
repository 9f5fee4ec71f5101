import pytest

from freshet.serving.ledger import Content
from freshet.serving.problems import RequestError
from freshet.serving.questions import FILTERS, Click, Question, from_body, from_query, met
from tests.tiny_gateway import NOON

NOW = NOON * 1_000_000
DAY = NOON // 86_400


def refused(function, *arguments):
    with pytest.raises(RequestError) as caught:
        function(*arguments)
    return caught.value.status, str(caught.value)


def test_a_query_string_becomes_a_question():
    pairs = [("user_id", "u"), ("items", "a,b"), ("items", "c"), ("k", "3"), ("exclude_seen", "true")]
    assert from_query([*pairs, ("price_max", "9.5"), ("categories", "x, y")]) == Question(
        user_id="u", items=["a", "b", "c"], k=3, exclude_seen=True, price_max=9.5, categories=["x", "y"]
    )


def test_nothing_asked_is_a_question_too():
    assert from_query([]) == from_body(b"{}") == Question()


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("k", "0"), "query.k: Expected `int` >= 1; ask for 1 to 500 items"),
        (("k", "501"), "query.k: Expected `int` <= 500; ask for 1 to 500 items"),
        (("k", "ten"), "query.k: Expected `int`, got `str`; ask for 1 to 500 items"),
        (("price_min", "-1"), "query.price_min: Expected `float` >= 0.0; correct it: /openapi shows every field"),
        (("price_max", "null"), "query.price_max: 'null' is no value; send one, or leave the parameter out"),
        (("kk", "1"), "kk: is no parameter here; use categories, exclude, exclude_seen, items, k, only, price_max, "
                      "price_min, session_id, user_id"),
        (("events", "[]"), "events: is no parameter here; use categories, exclude, exclude_seen, items, k, only, "
                           "price_max, price_min, session_id, user_id"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(pair, message):
    assert refused(from_query, [pair]) == (422, message)


def test_where_nobody_asks_there_is_no_shopper():
    assert refused(from_query, [("user_id", "u")], FILTERS)[0] == 422


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"k"', 400, "body: Input data was truncated; send a question as a JSON object in UTF-8"),
        (b"k=3", 400, "body: JSON is malformed: invalid character (byte 0); send a question as a JSON object in UTF-8"),
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
    assert refused(from_body, body) == (status, message)


def test_a_title_may_be_as_long_as_that_of_an_event():
    body = '{"events":[{"item_id":"a","title":"%s"}]}'
    assert from_body((body % ("x" * 1024)).encode()).events[0].title == "x" * 1024
    assert refused(from_body, (body % ("x" * 1025)).encode()) == (
        422,
        "body.events[0].title: Expected `str` of length <= 1024; send text of at most 1,024 characters",
    )


def test_blanks_around_ids_are_left_out_as_in_the_tables():
    body = b'{"user_id":"u ","session_id":" s","items":[" a "],"events":[{"item_id":"b ","title":" "}],'
    body += b'"exclude":["c "],"only":[" d"],"categories":[" mugs "]}'
    assert from_body(body) == Question(
        user_id="u", session_id="s", items=["a"], events=[Click("b")], exclude=["c"], only=["d"], categories=["mugs"]
    )
    assert from_query([("user_id", " u ")]) == Question(user_id="u")


def test_items_just_met_are_a_minute_apart_the_last_of_them_now():
    assert met(Question(items=["a", "b", "c"]), NOW, "purchase") == [
        (("a", "purchase", NOON - 120, DAY), Content("", "", None)),
        (("b", "purchase", NOON - 60, DAY), Content("", "", None)),
        (("c", "purchase", NOON, DAY), Content("", "", None)),
    ]


def test_events_with_times_are_put_in_their_order():
    body = b'{"events":[{"item_id":"b","event_time":"2026-01-05T11:00:00Z","title":"B","price":2},'
    body += b'{"item_id":"a","event_type":"cart","event_time":"2026-01-05T10:00:00Z"}]}'
    assert met(from_body(body), NOW, "view") == [
        (("a", "cart", NOON - 7200, DAY), Content("", "", None)),
        (("b", "view", NOON - 3600, DAY), Content("B", "", 2.0)),
    ]
