"""Validation of posted events."""

import json

import msgspec
import pytest

from freshet.serving.errors import Problem
from freshet.serving.schemas.event_schema import ValidatedEvent, parse_event
from tests.tiny_gateway import NOON_S

NOW = NOON_S * 1_000_000
COMPLETE_EVENT = {"user_id": "u", "item_id": "a", "event_type": "view"}


def validate_event(event, now=NOW):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return parse_event(msgspec.Raw(body), "event", now, "made")


def test_missing_id_and_time_are_filled_in():
    validated_event = validate_event(COMPLETE_EVENT)
    assert (validated_event.event_id, validated_event.micros, validated_event.seconds) == ("made", NOW, NOON_S)
    assert validated_event.landing_line() == (
        b'{"event_id":"made","event_time":"2026-01-05T12:00:00.000000Z","event_type":"view","item_id":"a","user_id":"u"}\n'
    )


def test_all_posted_fields_land_unchanged():
    validated_event = validate_event(
        {
            **COMPLETE_EVENT,
            "event_id": "e1",
            "session_id": "s",
            "event_time": "2026-01-05T13:30:00+02:00",
            "quantity": 2,
            "price": 1.5,
            "title": "Tea “Earl”",
            "category": "tea",
            "context": {"shop": "nl", "ab": "x"},
        }
    )
    assert json.loads(validated_event.landing_line()) == {
        "event_id": "e1", "event_time": "2026-01-05T11:30:00.000000Z", "event_type": "view", "item_id": "a",
        "user_id": "u", "session_id": "s", "quantity": 2.0, "price": 1.5, "title": "Tea “Earl”", "category": "tea",
        "context": {"ab": "x", "shop": "nl"},
    }  # fmt: skip
    assert validated_event.landing_line().index(b'"ab"') < validated_event.landing_line().index(b'"shop"')


def test_blanks_around_texts_are_stripped_as_in_the_tables():
    fields = {
        "event_id": " e1 ",
        "user_id": "u ",
        "session_id": " s",
        "item_id": " a b ",
        "title": " Tea ",
        "category": " ",
    }
    assert json.loads(validate_event({**COMPLETE_EVENT, **fields}).landing_line()) == {
        "event_id": "e1", "event_time": "2026-01-05T12:00:00.000000Z", "event_type": "view", "item_id": "a b",
        "user_id": "u", "session_id": "s", "title": "Tea",
    }  # fmt: skip


TOO_LONG = "x" * 257


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"item_id": None}, "event.item_id", "Expected `str`, got `null`"),
        ({"item_id": 17}, "event.item_id", "Expected `str`, got `int`"),
        ({"item_id": ""}, "event.item_id", "Expected `str` of length >= 1"),
        ({"item_id": TOO_LONG}, "event.item_id", "Expected `str` of length <= 256"),
        ({"item_id": "  "}, "event.item_id", "is blank"),
        ({"user_id": " "}, "event.user_id", "is blank"),
        ({"event_id": " "}, "event.event_id", "is blank"),
        ({"item_id": "\t\u00a0\ufeff"}, "event.item_id", "is blank"),
        ({"title": "T\ufffde"}, "event.title", "'T\ufffde' was decoded with the wrong encoding"),
        ({"event_type": "like"}, "event.event_type", "Invalid enum value 'like'"),
        ({"user_id": None}, "event", "neither user_id nor session_id"),
        ({"user_id": TOO_LONG}, "event.user_id", "Expected `str` of length <= 256"),
        ({"event_id": TOO_LONG}, "event.event_id", "Expected `str` of length <= 256"),
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
    error = validate_event({**COMPLETE_EVENT, **change})
    assert (error.where, error.what) == (where, what)


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
def test_invalid_json_or_a_missing_field_is_refused(body, what):
    assert validate_event(body).what == what


def test_the_fix_names_the_accepted_values():
    assert validate_event({**COMPLETE_EVENT, "event_type": "like"}) == Problem(
        "event.event_type", "Invalid enum value 'like'", "use one of view, cart, purchase, return"
    )


def test_a_clients_clock_may_be_a_day_ahead_and_no_more():
    assert isinstance(validate_event({**COMPLETE_EVENT, "event_time": "2026-01-06T12:00:00Z"}), ValidatedEvent)
    assert validate_event({**COMPLETE_EVENT, "event_time": "2026-01-06T12:00:00.000001Z"}) == Problem(
        "event.event_time",
        "2026-01-06 12:00:00.000001+00:00 is ten years before or more than a day after the gateway's clock "
        "(2026-01-05T12:00:00.000000Z)",
        "correct the clock of the sender, or leave event_time out",
    )


def test_an_event_of_almost_ten_years_ago_is_valid():
    assert isinstance(validate_event({**COMPLETE_EVENT, "event_time": "2016-01-09T12:00:00Z"}), ValidatedEvent)
    assert isinstance(validate_event({**COMPLETE_EVENT, "event_time": "2016-01-09T11:59:59Z"}), Problem)
