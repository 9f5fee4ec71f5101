"""What a drift report looks at, read from the lake without a JVM: two stretches of days, and no more than fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from freshet import columns as c
from freshet import days as day_records
from freshet.errors import BundleError
from freshet.history import Histories
from freshet.live import journal
from freshet.live.journal import bundle_path
from freshet.live.manifest import MANIFEST, Manifest
from freshet.live.released import Release
from freshet.settings import Settings
from freshet.store import Store
from freshet.vocabulary import Vocabulary
from freshet.watch.params import DriftParams

if TYPE_CHECKING:
    import pandas as pd

OF_AN_EVENT = (c.EVENT_TYPE, c.CATEGORY, c.PRICE, c.EVENT_TIME, c.ITEM_ID, c.USER_ID, c.SHOPPER, c.LANDING_DATE)
OF_A_SHOPPER_DAY = ("events", "purchases", c.LANDING_DATE)
LONGEST = 2_000  # events of a history, as in a training set


@dataclass(frozen=True)
class Spans:
    """The days that are compared. as_of, cut: of the champion's training set; both stretches in order."""

    cut: date
    as_of: date
    reference: tuple[date, ...]
    fresh: tuple[date, ...]


def spans(store: Store, release: Release, today: date, params: DriftParams) -> Spans:
    """Published days with events: the last ones up to the champion's cut, and the last ones after what it knows.

    A day that is not over is left out: its morning is no sample of it. Raises BundleError where the bundle does not
    say what it was made from.
    """
    cut, as_of = learned_days(release.bundle.manifest, release.bundle.id)
    yesterday = today - timedelta(days=1)
    reference = islice(day_records.published(store, "events", until=min(cut, yesterday)), params.reference_days)
    fresh = islice(day_records.published(store, "events", after=as_of, until=yesterday), params.fresh_days)
    return Spans(cut, as_of, tuple(reference)[::-1], tuple(fresh)[::-1])


def anchor_days(store: Store, anchor: int, serving: Release, params: DriftParams) -> tuple[date, ...]:
    """The reference days of release `anchor`, in order; () where it is what serves, or nothing of them is left.

    They are those of its training set, as `spans` has them for the champion, and stay what they are however many
    releases follow. Raises BundleError where its bundle does not say what it was made from.
    """
    entry = next((e for e in journal.readable(store, serving.entry.number) if e.number == anchor), None)
    if entry is None or entry.bundle == serving.bundle.id or not journal.has_bundle(store, entry):
        return ()
    manifest = Manifest.model_validate_json(store.get(f"{bundle_path(entry.bundle)}/{MANIFEST}"))
    cut, _ = learned_days(manifest, entry.bundle)
    return tuple(islice(day_records.published(store, "events", until=cut), params.reference_days))[::-1]


def learned_days(manifest: Manifest, bundle: str) -> tuple[date, date]:
    """(cut, as_of) of a bundle's training set. Raises BundleError where the manifest does not say."""
    found = [manifest.lineage.get(name) for name in ("cut", "as_of")]
    if not all(isinstance(value, str) for value in found):
        raise BundleError(
            f"bundle {bundle[:12]}",
            "its manifest names no training set",
            "release a bundle that the asset `bundle` made",
        )
    cut, as_of = (date.fromisoformat(str(value)) for value in found)
    return cut, as_of


def events_of(settings: Settings, store: Store, days: Sequence[date], most: int) -> "pd.DataFrame":
    """The events of these days, those of a sample of the shoppers where there are more than `most`."""
    return _rows(settings, store, "events", OF_AN_EVENT, days, most)


def shopper_days_of(settings: Settings, store: Store, days: Sequence[date], most: int) -> "pd.DataFrame":
    """The rows of user_features of these days, likewise."""
    return _rows(settings, store, "user_features", OF_A_SHOPPER_DAY, days, most)


def histories_of(settings: Settings, vocabulary: Vocabulary, until: date, share: float) -> Histories:
    """Everything landed by `until`, of a share of the shoppers, in the vocabulary's own indexes."""
    from freshet.tables.latest import gathered
    from freshet.tables.reading import scan

    where = " and ".join([f"{c.LANDING_DATE} <= '{until}'", *_sample(share)])
    rows = scan(settings, "histories", fields=(c.SHOPPER, "events", c.LANDING_DATE), where=where).combine_chunks()
    found = gathered(rows, LONGEST)
    items = vocabulary.index_of([str(item) for item in found["item_ids"]])
    return Histories(
        shoppers=found["shoppers"].astype(np.str_),
        offsets=found["offsets"],
        items=items[found["items"]],
        types=found["types"].astype(np.int64),
        times=found["times"],
        days=found["days"].astype(np.int64),
    )


def share_of_shoppers(store: Store, table: str, days: Sequence[date], most: int) -> float:
    """The share of the shoppers whose rows on these days are `most` at most; 1 where all are."""
    records = day_records.read(store, table, days).values()
    rows = sum(record.counts["rows"] for record in records)
    return min(1.0, most / max(1, rows))


def _rows(
    settings: Settings, store: Store, table: str, fields: Sequence[str], days: Sequence[date], most: int
) -> "pd.DataFrame":
    import pyarrow as pa

    from freshet.tables.reading import scan

    between = f"{c.LANDING_DATE} >= '{days[0]}' and {c.LANDING_DATE} <= '{days[-1]}'"
    share = share_of_shoppers(store, table, days, most)
    rows = scan(settings, table, fields=fields, where=" and ".join([between, *_sample(share)]))
    if c.PRICE in rows.column_names:
        place = rows.column_names.index(c.PRICE)
        rows = rows.set_column(place, c.PRICE, rows[c.PRICE].cast(pa.float64()))
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def _sample(share: float) -> list[str]:
    """A filter for a share of the shoppers: pseudonyms are keyed hashes, so a range of them is a fair draw."""
    if share >= 1:
        return []
    return [f"{c.SHOPPER} < '{int(share * 2**32):08x}'"]
