"""A tiny shop that all tests of the lake share: three landing days, four shoppers, four items, calculated by hand.

Ann and Bob are users; s2 and s4 are guests with a session only. Their events:

    day 1  ann   09:00 sees a mug, 09:00 puts it into the cart (one basket), 11:00 buys a cup
           s2    10:00 sees a pen
           and a ping (no event), a row without an item (quarantined), a second copy of e2 (duplicate)
    day 2  bob   08:00 sees the mug, 08:05 buys it
           ann   saw a pen on day 1 at 23:59, which landed on day 2 only
           and a copy of e1 from day 1 (duplicate), a negative price (quarantined)
    day 3  ann   12:00 buys the pen;  bob  13:00 returns the mug;  s4  14:00 sees a hat
           and a ping

            landed = skipped + quarantined + duplicate + published
    day 1       7  =    1    +      1      +     1     +     4      e1 e2 e3 e4
    day 2       5  =    0    +      1      +     1     +     3      e5 e6 e7
    day 3       4  =    1    +      0      +     0     +     3      e8 e9 e10
"""

from datetime import UTC, date, datetime
from decimal import Decimal

from freshet.data.pseudonym import pseudonym

KEY = b"the key of a tiny shop"
DAY1, DAY2, DAY3 = date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 3)
DAYS = (DAY1, DAY2, DAY3)
DAY1_NUMBER, DAY2_NUMBER, DAY3_NUMBER = 19783, 19784, 19785  # the same, in days since 1970

ANN, BOB = pseudonym(KEY, "user", "ann"), pseudonym(KEY, "user", "bob")
SESSION_2, SESSION_4 = pseudonym(KEY, "session", "s2"), pseudonym(KEY, "session", "s4")

MAPPING = """\
shop: corner
time_zone: UTC
source:
  format: csv
where: kind <> 'ping'
events:
  event_id: id
  user_id: who
  session_id: visit
  item_id: item
  event_type: kind
  event_time: to_timestamp(at)
  quantity: pieces
  price: price
  title: title
  category: category
"""
HEADER = "id,at,who,visit,item,kind,pieces,price,title,category\n"
DELIVERIES: dict[date, dict[str, str]] = {
    DAY1: {
        "a.csv": HEADER
        + "e1,2024-03-01 09:00:00,ann,s1,mug,view,,4.50,Red mug,kitchen\n"
        + "e2,2024-03-01 09:00:00,ann,s1,mug,cart,1,4.50,Red mug,kitchen\n"
        + "e3,2024-03-01 10:00:00,,s2,pen,view,,,Pen,\n"
        + "p1,2024-03-01 10:30:00,,s2,,ping,,,,\n"
        + "e4,2024-03-01 11:00:00,ann,s1,cup,purchase,2,3.00,Cup,kitchen\n"
        + "b1,2024-03-01 11:30:00,ann,s1,,view,,,,\n",
        "b.csv": HEADER + "e2,2024-03-01 09:00:00,ann,s1,mug,cart,1,4.50,Red mug,kitchen\n",
    },
    DAY2: {
        "a.csv": HEADER
        + "e5,2024-03-02 08:00:00,bob,s3,mug,view,,4.50,Red mug,kitchen\n"
        + "e6,2024-03-02 08:05:00,bob,s3,mug,purchase,1,4.75,Blue mug,\n"
        + "e1,2024-03-01 09:00:00,ann,s1,mug,view,,4.50,Red mug,kitchen\n"
        + "e7,2024-03-01 23:59:00,ann,s1,pen,view,,1.20,,\n"
        + "b2,2024-03-02 09:00:00,bob,s3,cup,view,,-1,Cup,kitchen\n",
    },
    DAY3: {
        "a.csv": HEADER
        + "e8,2024-03-03 12:00:00,ann,s1,pen,purchase,3,1.20,Pen,office\n"
        + "e9,2024-03-03 13:00:00,bob,s3,mug,return,1,4.75,,\n"
        + "e10,2024-03-03 14:00:00,,s4,hat,view,,,,\n"
        + "p2,2024-03-03 15:00:00,,s4,,ping,,,,\n",
    },
}


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of March 2024, as Spark gives it back: UTC, without a zone."""
    return datetime(2024, 3, day, hour, minute)


def moment_seconds(day: int, hour: int, minute: int = 0) -> int:
    """The same moment in seconds since 1970."""
    return int(moment(day, hour, minute).replace(tzinfo=UTC).timestamp())


# The expected rows of every table, in the order of its columns, sorted as below.
RAW_COUNTS = {  # day → (landed, skipped)
    DAY1: (7, 1),
    DAY2: (5, 0),
    DAY3: (4, 1),
}
QUARANTINED = [("b1", "missing_item", DAY1), ("b2", "bad_price", DAY2)]
EVENTS = [  # id, item, type, time, shopper, landing day, file, row
    ("e1", "mug", "view", moment(1, 9), ANN, DAY1, "dt=2024-03-01/a.csv", 1),
    ("e2", "mug", "cart", moment(1, 9), ANN, DAY1, "dt=2024-03-01/a.csv", 2),
    ("e3", "pen", "view", moment(1, 10), SESSION_2, DAY1, "dt=2024-03-01/a.csv", 3),
    ("e4", "cup", "purchase", moment(1, 11), ANN, DAY1, "dt=2024-03-01/a.csv", 5),
    ("e5", "mug", "view", moment(2, 8), BOB, DAY2, "dt=2024-03-02/a.csv", 1),
    ("e6", "mug", "purchase", moment(2, 8, 5), BOB, DAY2, "dt=2024-03-02/a.csv", 2),
    ("e7", "pen", "view", moment(1, 23, 59), ANN, DAY2, "dt=2024-03-02/a.csv", 4),
    ("e8", "pen", "purchase", moment(3, 12), ANN, DAY3, "dt=2024-03-03/a.csv", 1),
    ("e9", "mug", "return", moment(3, 13), BOB, DAY3, "dt=2024-03-03/a.csv", 2),
    ("e10", "hat", "view", moment(3, 14), SESSION_4, DAY3, "dt=2024-03-03/a.csv", 3),
]
ITEMS = [
    ("cup", "Cup", "kitchen", Decimal("3.0000"), DAY1, None),
    ("mug", "Red mug", "kitchen", Decimal("4.5000"), DAY1, None),
    ("pen", "Pen", None, None, DAY1, None),
    (
        "mug",
        "Blue mug",
        "kitchen",
        Decimal("4.7500"),
        DAY2,
        None,
    ),  # e6 has no category: the one of e5 is the last known
    ("pen", None, None, Decimal("1.2000"), DAY2, None),
    ("hat", None, None, None, DAY3, None),
    ("mug", None, None, Decimal("4.7500"), DAY3, None),
    ("pen", "Pen", "office", Decimal("1.2000"), DAY3, None),
]
ITEM_FEATURES = [  # item, views, carts, purchases, shoppers, day; a return is none of the three
    ("cup", 0, 0, 1, 1, DAY1),
    ("mug", 1, 1, 0, 1, DAY1),
    ("pen", 1, 0, 0, 1, DAY1),
    ("mug", 1, 0, 1, 1, DAY2),
    ("pen", 1, 0, 0, 1, DAY2),
    ("hat", 1, 0, 0, 1, DAY3),
    ("mug", 0, 0, 0, 1, DAY3),
    ("pen", 0, 0, 1, 1, DAY3),
]
USER_FEATURES = {  # shopper, events, purchases, day
    (ANN, 3, 1, DAY1),
    (SESSION_2, 1, 0, DAY1),
    (ANN, 1, 0, DAY2),
    (BOB, 2, 1, DAY2),
    (ANN, 1, 1, DAY3),
    (BOB, 1, 0, DAY3),
    (SESSION_4, 1, 0, DAY3),
}
HISTORIES = {  # (shopper, day) → its events
    (ANN, DAY1): [(moment(1, 9), "mug", "view"), (moment(1, 9), "mug", "cart"), (moment(1, 11), "cup", "purchase")],
    (SESSION_2, DAY1): [(moment(1, 10), "pen", "view")],
    (ANN, DAY2): [(moment(1, 23, 59), "pen", "view")],
    (BOB, DAY2): [(moment(2, 8), "mug", "view"), (moment(2, 8, 5), "mug", "purchase")],
    (ANN, DAY3): [(moment(3, 12), "pen", "purchase")],
    (BOB, DAY3): [(moment(3, 13), "mug", "return")],
    (SESSION_4, DAY3): [(moment(3, 14), "hat", "view")],
}
# By first landing, then by id: cup, mug, pen on day 1, hat on day 3. Values are the latest.
VOCABULARY = [
    ("cup", 1, DAY1, "Cup", "kitchen", Decimal("3.0000"), False, 1, None),
    ("mug", 2, DAY1, "Blue mug", "kitchen", Decimal("4.7500"), False, 1, None),
    ("pen", 3, DAY1, "Pen", "office", Decimal("1.2000"), False, 1, None),
    ("hat", 4, DAY3, None, None, None, False, 1, None),
]
# As of day 3, training until day 2. Types: 1 view, 2 cart, 3 purchase, 4 return.
# shopper → items, types, times, landing days, first day, events until day 2, purchases until day 2
TRAINING_SET = {
    ANN: (
        [2, 2, 1, 3, 3],
        [1, 2, 3, 1, 3],
        [
            moment_seconds(1, 9),
            moment_seconds(1, 9),
            moment_seconds(1, 11),
            moment_seconds(1, 23, 59),
            moment_seconds(3, 12),
        ],
        [DAY1_NUMBER, DAY1_NUMBER, DAY1_NUMBER, DAY2_NUMBER, DAY3_NUMBER],
        DAY1_NUMBER,
        4,
        1,
    ),
    BOB: (
        [2, 2, 2],
        [1, 3, 4],
        [moment_seconds(2, 8), moment_seconds(2, 8, 5), moment_seconds(3, 13)],
        [DAY2_NUMBER, DAY2_NUMBER, DAY3_NUMBER],
        DAY2_NUMBER,
        2,
        1,
    ),
    SESSION_2: ([3], [1], [moment_seconds(1, 10)], [DAY1_NUMBER], DAY1_NUMBER, 1, 0),
    SESSION_4: ([4], [1], [moment_seconds(3, 14)], [DAY3_NUMBER], DAY3_NUMBER, 0, 0),
}
# Views, carts and purchases of days 1 and 2: cup 1, mug 2 + 2, pen 1 + 1, hat 0.
POPULARITY = [0.0, 1.0, 4.0, 2.0, 0.0]
# Shopper-days of days 1 and 2: cup 1, mug 1 + 1, pen 1 + 1, of 5.
AUDIENCE_SHARES = [0.0, 0.2, 0.4, 0.4, 0.0]
