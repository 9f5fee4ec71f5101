"""Data of the drift report, read from the lake without Spark: two windows of days, sampled by shopper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from freshet.artifacts import lineage_train_until
from freshet.data import columns as c
from freshet.data.history import Histories
from freshet.data.vocabulary import Vocabulary
from freshet.errors import BundleError
from freshet.inference.manifest import MANIFEST, Manifest
from freshet.monitoring.params import DriftParams
from freshet.releases import journal
from freshet.releases.current import Release
from freshet.releases.journal import bundle_path
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import day_records

if TYPE_CHECKING:
    import pandas as pd

EVENT_FIELDS = (c.EVENT_TYPE, c.CATEGORY, c.PRICE, c.EVENT_TIME, c.ITEM_ID, c.USER_ID, c.SHOPPER, c.LANDING_DATE)
SHOPPER_DAY_FIELDS = ("events", "purchases", c.LANDING_DATE)
MAX_HISTORY_EVENTS = 2_000  # events per history, as in a training set


@dataclass(frozen=True)
class DriftWindows:
    """The days that are compared, each window in ascending order."""

    train_until: date  # of the champion's training set
    as_of: date  # of the champion's training set
    reference: tuple[date, ...]
    current: tuple[date, ...]


def drift_windows(store: Store, release: Release, today: date, params: DriftParams) -> DriftWindows:
    """Return the reference window (the last published days of the training data) and the current one (after `as_of`).

    `today` and later days are left out, because a part of a day has another distribution than a full one. Raises
    BundleError if the bundle's manifest names no training set.
    """
    train_until, as_of = training_days(release.bundle.manifest, release.bundle.id)
    yesterday = today - timedelta(days=1)
    reference = islice(
        day_records.published_days(store, "events", until=min(train_until, yesterday)), params.reference_days
    )
    current = islice(day_records.published_days(store, "events", after=as_of, until=yesterday), params.current_days)
    return DriftWindows(train_until, as_of, tuple(reference)[::-1], tuple(current)[::-1])


def anchor_days(store: Store, anchor: int, serving_release: Release, params: DriftParams) -> tuple[date, ...]:
    """Return the reference days of release `anchor`, ascending; () if it is the champion or none of them is left.

    They do not change with later releases. Raises BundleError if the bundle's manifest names no training set.
    """
    entry = next((e for e in journal.readable_entries(store, serving_release.entry.number) if e.number == anchor), None)
    if entry is None or entry.bundle == serving_release.bundle.id or not journal.bundle_exists(store, entry):
        return ()
    manifest = Manifest.model_validate_json(store.get(f"{bundle_path(entry.bundle)}/{MANIFEST}"))
    train_until, _ = training_days(manifest, entry.bundle)
    return tuple(islice(day_records.published_days(store, "events", until=train_until), params.reference_days))[::-1]


def training_days(manifest: Manifest, bundle_id: str) -> tuple[date, date]:
    """Return (train_until, as_of) of a bundle's training set. Raises BundleError if the manifest names none."""
    train_until, as_of = lineage_train_until(manifest.lineage), manifest.lineage.get("as_of")
    if train_until is None or not isinstance(as_of, str):
        raise BundleError(
            f"bundle {bundle_id[:12]}",
            "its manifest names no training set",
            "release a bundle of the asset `bundle`",
        )
    return train_until, date.fromisoformat(as_of)


def load_events(settings: Settings, store: Store, days: Sequence[date], max_rows: int) -> "pd.DataFrame":
    """Return the events of these days; more than `max_rows` are reduced to a sample of the shoppers."""
    return _load_rows(settings, store, "events", EVENT_FIELDS, days, max_rows)


def load_shopper_days(settings: Settings, store: Store, days: Sequence[date], max_rows: int) -> "pd.DataFrame":
    """Return the rows of user_features of these days, sampled like `load_events`."""
    return _load_rows(settings, store, "user_features", SHOPPER_DAY_FIELDS, days, max_rows)


def load_histories(settings: Settings, vocabulary: Vocabulary, until: date, share: float) -> Histories:
    """Return the histories up to landing day `until` of a share of the shoppers, with indices of `vocabulary`."""
    from freshet.features.latest_histories import build_latest_histories
    from freshet.tables.reader import scan_table

    where = " and ".join([f"{c.LANDING_DATE} <= '{until}'", *_shopper_filter(share)])
    rows = scan_table(
        settings, "histories", columns=(c.SHOPPER, "events", c.LANDING_DATE), where=where
    ).combine_chunks()
    arrays = build_latest_histories(rows, MAX_HISTORY_EVENTS)
    items = vocabulary.indices([str(item) for item in arrays["item_ids"]])
    return Histories(
        shoppers=arrays["shoppers"].astype(np.str_),
        offsets=arrays["offsets"],
        items=items[arrays["items"]],
        types=arrays["types"].astype(np.int64),
        times=arrays["times"],
        days=arrays["days"].astype(np.int64),
    )


def shopper_share(store: Store, table: str, days: Sequence[date], max_rows: int) -> float:
    """Return the share of shoppers that has at most about `max_rows` rows on these days; 1 if all shoppers have."""
    records = day_records.latest_records(store, table, days).values()
    rows = sum(record.counts["rows"] for record in records)
    return min(1.0, max_rows / max(1, rows))


def _load_rows(
    settings: Settings, store: Store, table: str, fields: Sequence[str], days: Sequence[date], max_rows: int
) -> "pd.DataFrame":
    import pyarrow as pa

    from freshet.tables.reader import scan_table

    day_filter = f"{c.LANDING_DATE} >= '{days[0]}' and {c.LANDING_DATE} <= '{days[-1]}'"
    share = shopper_share(store, table, days, max_rows)
    rows = scan_table(settings, table, columns=fields, where=" and ".join([day_filter, *_shopper_filter(share)]))
    if c.PRICE in rows.column_names:
        index = rows.column_names.index(c.PRICE)
        rows = rows.set_column(index, c.PRICE, rows[c.PRICE].cast(pa.float64()))
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def _shopper_filter(share: float) -> list[str]:
    """Return a filter for a share of the shoppers: a range of keyed hashes is a random sample."""
    if share >= 1:
        return []
    return [f"{c.SHOPPER} < '{int(share * 2**32):08x}'"]
