import json

import msgspec
import pytest

from freshet.serving.posted import Accepted, read_event
from freshet.serving.problems import Problem
from tests.tiny_gateway import NOON

NOW = NOON * 1_000_000
WHOLE = {"user_id": "u", "item_id": "a", "event_type": "view"}


def read(event, now=NOW):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return read_event(msgspec.Raw(body), "event", now, "made")


def test_what_is_left_out_is_filled_in():
    found = read(WHOLE)
    assert (found.event_id, found.micros, found.seconds) == ("made", NOW, NOON)
    assert found.line() == (
        b'{"event_id":"made","event_time":"2026-01-05T12:00:00.000000Z","event_type":"view","item_id":"a","user_id":"u"}\n'
    )


def test_everything_that_was_given_lands_as_given():
    found = read(
        {**WHOLE, "event_id": "e1", "session_id": "s", "event_time": "2026-01-05T13:30:00+02:00", "quantity": 2,
         "price": 1.5, "title": "Tea “Earl”", "category": "tea", "context": {"shop": "nl", "ab": "x"}}
    )  # fmt: skip
    assert json.loads(found.line()) == {
        "event_id": "e1", "event_time": "2026-01-05T11:30:00.000000Z", "event_type": "view", "item_id": "a",
        "user_id": "u", "session_id": "s", "quantity": 2.0, "price": 1.5, "title": "Tea “Earl”", "category": "tea",
        "context": {"ab": "x", "shop": "nl"},
    }  # fmt: skip
    assert found.line().index(b'"ab"') < found.line().index(b'"shop"')


def test_blanks_around_texts_are_left_out_as_in_the_tables():
    given = {
        "event_id": " e1 ",
        "user_id": "u ",
        "session_id": " s",
        "item_id": " a b ",
        "title": " Tea ",
        "category": " ",
    }
    assert json.loads(read({**WHOLE, **given}).line()) == {
        "event_id": "e1", "event_time": "2026-01-05T12:00:00.000000Z", "event_type": "view", "item_id": "a b",
        "user_id": "u", "session_id": "s", "title": "Tea",
    }  # fmt: skip


LONG = "x" * 257


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"item_id": None}, "event.item_id", "Expected `str`, got `null`"),
        ({"item_id": 17}, "event.item_id", "Expected `str`, got `int`"),
        ({"item_id": ""}, "event.item_id", "Expected `str` of length >= 1"),
        ({"item_id": LONG}, "event.item_id", "Expected `str` of length <= 256"),
        ({"item_id": "  "}, "event.item_id", "is blank"),
        ({"user_id": " "}, "event.user_id", "is blank"),
        ({"event_id": " "}, "event.event_id", "is blank"),
        ({"item_id": "\t\u00a0\ufeff"}, "event.item_id", "is blank"),
        ({"title": "T\ufffde"}, "event.title", "'T\ufffde' was read in a wrong encoding"),
        ({"event_type": "like"}, "event.event_type", "Invalid enum value 'like'"),
        ({"user_id": None}, "event", "neither user_id nor session_id"),
        ({"user_id": LONG}, "event.user_id", "Expected `str` of length <= 256"),
        ({"event_id": LONG}, "event.event_id", "Expected `str` of length <= 256"),
        ({"quantity": 0}, "event.quantity", "Expected `float` > 0.0"),
        ({"price": -0.01}, "event.price", "Expected `float` >= 0.0"),
        ({"price": 1e14}, "event.price", "Expected `float` <= 10000000000000.0"),
        ({"event_time": "2026-01-05"}, "event.event_time", "Invalid RFC3339 encoded datetime"),
        ({"event_time": "2026-01-05T12:00:00"}, "event.event_time", "Expected `datetime` with a timezone component"),
        ({"user": "u"}, "event", "Object contains unknown field `user`"),
        ({"context": {"a": 1}}, "event.context[...]", "Expected `str`, got `int`"),
        ({"context": {str(n): "" for n in range(33)}}, "event.context", "Expected `object` of length <= 32"),
    ],
)
def test_a_wrong_field_is_named(change, where, what):
    found = read({**WHOLE, **change})
    assert (found.where, found.what) == (where, what)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"3", "Expected `object`, got `int`"),
        (b'{"event_type":"view"}', "Object missing required field `item_id`"),
        (b'{"item_id":"a","event_type":"view","quantity":1e999}', "Number out of range"),
        (b'{"item_id":"\xff","event_type":"view"}', "'utf-8' codec can't decode byte 0xff in position 0: invalid "
                                                     "start byte"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(body, what):
    assert read(body).what == what


def test_the_fix_says_what_to_send():
    assert read({**WHOLE, "event_type": "like"}) == Problem(
        "event.event_type", "Invalid enum value 'like'", "use one of view, cart, purchase, return"
    )


def test_a_clients_clock_may_be_a_day_ahead_and_no_more():
    assert isinstance(read({**WHOLE, "event_time": "2026-01-06T12:00:00Z"}), Accepted)
    assert read({**WHOLE, "event_time": "2026-01-06T12:00:00.000001Z"}) == Problem(
        "event.event_time",
        "2026-01-06 12:00:00.000001+00:00 is ten years before or more than a day after the gateway's clock "
        "(2026-01-05T12:00:00.000000Z)",
        "set the clock that wrote it, or leave event_time out",
    )


def test_an_event_of_long_ago_is_late_and_not_wrong():
    assert isinstance(read({**WHOLE, "event_time": "2016-01-09T12:00:00Z"}), Accepted)
    assert isinstance(read({**WHOLE, "event_time": "2016-01-09T11:59:59Z"}), Problem)
