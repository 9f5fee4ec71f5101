"""The latest histories gathered from fragments worked out by hand."""

from datetime import UTC, date, datetime

import pyarrow as pa

from freshet.features.latest_histories import build_latest_histories

ANN, BOB = "a" * 32, "b" * 32
DAY1, DAY2 = date(2024, 3, 1), date(2024, 3, 2)  # 19783, 19784
EVENTS_TYPE = pa.list_(
    pa.struct([("event_time", pa.timestamp("us", "UTC")), ("item_id", pa.string()), ("event_type", pa.string())])
)


def event_struct(hour, item, kind="view", micros=0):
    return {"event_time": datetime(2024, 3, 1, hour, 0, 0, micros, UTC), "item_id": item, "event_type": kind}


def history_fragments(*rows):
    shoppers, days, events = zip(*rows, strict=True)
    return pa.table(
        {"shopper": pa.array(shoppers), "events": pa.array(events, EVENTS_TYPE), "landing_date": pa.array(days)}
    )


def events_by_shopper(arrays):
    """Shopper → (item, type code, hour of 1 March, landing day)."""
    result = {}
    for index, name in enumerate(arrays["shoppers"]):
        rows = slice(arrays["offsets"][index], arrays["offsets"][index + 1])
        hours = (arrays["times"][rows] - 1709251200) // 3600
        items = arrays["item_ids"][arrays["items"][rows]]
        result[name.decode()] = list(
            zip(*(a.tolist() for a in (items, arrays["types"][rows], hours, arrays["days"][rows])), strict=True)
        )
    return result


# Bob's fragment lies first; Ann's pen of day 1 landed on day 2 only.
FRAGMENT_ROWS = history_fragments(
    (BOB, DAY2, [event_struct(20, "mug")]),
    (ANN, DAY2, [event_struct(10, "pen"), event_struct(22, "hat")]),
    (ANN, DAY1, [event_struct(9, "mug"), event_struct(9, "cup", "cart"), event_struct(11, "cup", "purchase")]),
)


def test_days_are_merged_in_the_order_of_event_times():
    assert events_by_shopper(build_latest_histories(FRAGMENT_ROWS, 400)) == {
        ANN: [("mug", 1, 9, 19783), ("cup", 2, 9, 19783), ("pen", 1, 10, 19784), ("cup", 3, 11, 19783),
              ("hat", 1, 22, 19784)],
        BOB: [("mug", 1, 20, 19784)],
    }  # fmt: skip


def test_only_the_last_events_are_kept():
    assert events_by_shopper(build_latest_histories(FRAGMENT_ROWS, 2)) == {
        ANN: [("cup", 3, 11, 19783), ("hat", 1, 22, 19784)],
        BOB: [("mug", 1, 20, 19784)],
    }


def test_within_a_second_the_fragments_order_stays():
    rows = history_fragments(
        (ANN, DAY1, [event_struct(9, "z", micros=1), event_struct(9, "a", micros=2), event_struct(9, "m", micros=3)])
    )
    assert [item for item, *_ in events_by_shopper(build_latest_histories(rows, 400))[ANN]] == ["z", "a", "m"]


def test_a_shop_without_events_has_no_histories():
    rows = history_fragments((ANN, DAY1, [])).slice(0, 0)
    arrays = build_latest_histories(rows, 400)
    assert (len(arrays["shoppers"]), arrays["offsets"].tolist()) == (0, [0])
