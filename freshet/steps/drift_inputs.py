"""What a drift report looks at, read from the lake without a JVM: two stretches of days, and no more than fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

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
MAX_HISTORY_EVENTS = 2_000  # events of a history, as in a training set


@dataclass(frozen=True)
class DriftWindows:
    """The days that are compared. as_of, cut: of the champion's training set; both stretches in order."""

    train_until: date
    as_of: date
    reference: tuple[date, ...]
    current: tuple[date, ...]


def drift_windows(store: Store, release: Release, today: date, params: DriftParams) -> DriftWindows:
    """Published days with events: the last ones up to the champion's cut, and the last ones after what it knows.

    A day that is not over is left out: its morning is no sample of it. Raises BundleError where the bundle does not
    say what it was made from.
    """
    train_until, as_of = training_days(release.bundle.manifest, release.bundle.id)
    yesterday = today - timedelta(days=1)
    reference = islice(
        day_records.published_days(store, "events", until=min(train_until, yesterday)), params.reference_days
    )
    current = islice(day_records.published_days(store, "events", after=as_of, until=yesterday), params.current_days)
    return DriftWindows(train_until, as_of, tuple(reference)[::-1], tuple(current)[::-1])


def anchor_days(store: Store, anchor: int, serving_release: Release, params: DriftParams) -> tuple[date, ...]:
    """The reference days of release `anchor`, in order; () where it is what serves, or nothing of them is left.

    They are those of its training set, as `spans` has them for the champion, and stay what they are however many
    releases follow. Raises BundleError where its bundle does not say what it was made from.
    """
    entry = next((e for e in journal.readable_entries(store, serving_release.entry.number) if e.number == anchor), None)
    if entry is None or entry.bundle == serving_release.bundle.id or not journal.bundle_exists(store, entry):
        return ()
    manifest = Manifest.model_validate_json(store.get(f"{bundle_path(entry.bundle)}/{MANIFEST}"))
    train_until, _ = training_days(manifest, entry.bundle)
    return tuple(islice(day_records.published_days(store, "events", until=train_until), params.reference_days))[::-1]


def training_days(manifest: Manifest, bundle_id: str) -> tuple[date, date]:
    """(cut, as_of) of a bundle's training set. Raises BundleError where the manifest does not say."""
    days = [manifest.lineage.get(name) for name in ("cut", "as_of")]
    if not all(isinstance(value, str) for value in days):
        raise BundleError(
            f"bundle {bundle_id[:12]}",
            "its manifest names no training set",
            "release a bundle that the asset `bundle` made",
        )
    train_until, as_of = (date.fromisoformat(str(value)) for value in days)
    return train_until, as_of


def load_events(settings: Settings, store: Store, days: Sequence[date], max_rows: int) -> "pd.DataFrame":
    """The events of these days, those of a sample of the shoppers where there are more than `most`."""
    return _load_rows(settings, store, "events", EVENT_FIELDS, days, max_rows)


def load_shopper_days(settings: Settings, store: Store, days: Sequence[date], max_rows: int) -> "pd.DataFrame":
    """The rows of user_features of these days, likewise."""
    return _load_rows(settings, store, "user_features", SHOPPER_DAY_FIELDS, days, max_rows)


def load_histories(settings: Settings, vocabulary: Vocabulary, until: date, share: float) -> Histories:
    """Everything landed by `until`, of a share of the shoppers, in the vocabulary's own indexes."""
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
    """The share of the shoppers whose rows on these days are `most` at most; 1 where all are."""
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
    """A filter for a share of the shoppers: pseudonyms are keyed hashes, so a range of them is a fair draw."""
    if share >= 1:
        return []
    return [f"{c.SHOPPER} < '{int(share * 2**32):08x}'"]
