"""Read the lake's tables through pyiceberg, without a JVM: scans, training sets, a shopper's history."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from freshet.artifacts import TrainingSetRef
from freshet.commands import materialize_hint
from freshet.data.columns import ATTRIBUTES, CATEGORY, ITEM_ID, LANDING_DATE, PRICE, SHOPPER, TITLE
from freshet.data.content_embeddings import read_content_embeddings
from freshet.data.day_numbers import day_number
from freshet.data.history import Histories, Ints
from freshet.data.history_events import HistoryEvent
from freshet.data.text_columns import TextArray, text_array
from freshet.data.training_set import TrainingSet
from freshet.data.vocabulary import Vocabulary
from freshet.errors import BundleError, LakeError
from freshet.item_schema import DEFAULT_SCHEMA, ItemSchema, attribute_columns
from freshet.lake_checks import CATALOG_FILE, check_lake, require_lake
from freshet.settings import Settings
from freshet.store import open_store

POPULARITY_DAYS = 7


def scan_table(
    settings: Settings,
    table: str,
    snapshot: int | None = None,
    columns: Sequence[str] = ("*",),
    where: str | None = None,
) -> pa.Table:
    """Return rows of one table, as of a snapshot if one is given. Raises LakeError if table or snapshot is missing."""
    return _table_scan(settings, table, snapshot=snapshot, columns=columns, where=where).to_arrow()


def scan_batches(
    settings: Settings, table: str, columns: Sequence[str], where: str | None = None, snapshot: int | None = None
) -> Iterator[pa.RecordBatch]:
    """As `scan_table`, but yield batches of rows, for rows that need not be in memory at once."""
    yield from _table_scan(settings, table, snapshot=snapshot, columns=columns, where=where).to_arrow_batch_reader()


def _table_scan(settings: Settings, table: str, snapshot: int | None, columns: Sequence[str], where: str | None) -> Any:
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.expressions.parser import parse

    try:
        iceberg_table = _catalog(settings).load_table(("shop", table))
    except (NoSuchTableError, FileNotFoundError):
        raise LakeError(
            f"{settings.lake}/tables/{table}",
            "the table does not exist yet",
            materialize_hint(open_store(settings.lake), f"+{table}"),
        ) from None
    if snapshot is not None and iceberg_table.snapshot_by_id(snapshot) is None:
        raise LakeError(
            f"{settings.lake}/tables/{table}", f"its snapshot {snapshot} is gone", "materialize `training_set` again"
        )
    row_filter = AlwaysTrue() if where is None else parse(where)
    return iceberg_table.scan(row_filter=row_filter, selected_fields=tuple(columns), snapshot_id=snapshot)


def load_training_set(settings: Settings, ref: TrainingSetRef) -> TrainingSet:
    """Return the training set in memory, as packed arrays. Raises LakeError if a snapshot is gone."""
    rows = scan_table(settings, "vocabulary", ref.snapshots["vocabulary"])
    vocabulary = with_content_embeddings(
        load_vocabulary(rows, settings.item_feature_schema), settings, ref.content_embeddings
    )
    rows = scan_table(settings, "training_set", ref.snapshots["training_set"]).sort_by(SHOPPER).combine_chunks()
    features = scan_table(
        settings,
        "item_features",
        ref.snapshots["item_features"],
        where=f"{LANDING_DATE} <= '{ref.train_until.isoformat()}'",
    )
    popularity, audience = item_demand(features, vocabulary, ref.train_until)
    return TrainingSet(
        histories=_to_histories(rows),
        vocabulary=vocabulary,
        popularity=popularity,
        audience=audience,
        first_days=_to_ints(rows["first_day"]),
        event_counts=_to_ints(rows["activity"]),
        purchase_counts=_to_ints(rows["purchases"]),
        train_until=day_number(ref.train_until),
        as_of=day_number(ref.as_of),
    )


def load_vocabulary(rows: pa.Table, item_schema: ItemSchema = DEFAULT_SCHEMA) -> Vocabulary:
    """Return the published vocabulary, row i for index i, with the columns that the item schema names.

    Raises BundleError if the indexes are not dense.
    """
    rows = rows.sort_by("index")
    if rows["index"].to_pylist() != list(range(1, len(rows) + 1)):
        raise BundleError("vocabulary", "its indexes have a hole", "materialize the asset `vocabulary` again")
    return to_vocabulary(rows, item_schema)


def with_content_embeddings(vocabulary: Vocabulary, settings: Settings, embeddings_id: str | None) -> Vocabulary:
    """Return the vocabulary with the lake's content embeddings `embeddings_id`, if its item schema has a vector.

    Raises LakeError if the embeddings are gone.
    """
    if embeddings_id is None or all(field.kind != "vector" for field in vocabulary.item_schema):
        return vocabulary
    embeddings = read_content_embeddings(open_store(settings.lake), embeddings_id)
    return replace(vocabulary, content_embeddings=embeddings.for_items(vocabulary.item_ids.tolist()))


def to_vocabulary(rows: pa.Table, item_schema: ItemSchema = DEFAULT_SCHEMA) -> Vocabulary:
    """Return a Vocabulary of these rows in their order, behind a row of padding."""
    prices = rows[PRICE].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return Vocabulary(
        item_ids=text_array(["", *rows[ITEM_ID].to_pylist()]),
        titles=text_array(["", *rows[TITLE].to_pylist()]),
        categories=text_array(["", *rows[CATEGORY].to_pylist()]),
        prices=np.concatenate([[np.nan], prices]),
        delisted=np.concatenate([[False], rows["tombstone"].to_numpy(zero_copy_only=False).astype(bool)]),
        generation=int(rows["generation"][0].as_py()) if len(rows) else 1,
        attributes=_attributes(rows, attribute_columns(item_schema)),
        item_schema=item_schema,
    )


def _attributes(rows: pa.Table, names: Sequence[str]) -> dict[str, TextArray]:
    """Name → (V + 1,); "" for an item without the attribute, and in older vocabularies without attributes."""
    has_attributes = ATTRIBUTES in rows.column_names
    values = (
        [dict(pairs or ()) for pairs in rows[ATTRIBUTES].to_pylist()] if has_attributes and names else [{}] * len(rows)
    )
    return {name: text_array(["", *(of_item.get(name, "") for of_item in values)]) for name in names}


def item_demand(
    item_features: pa.Table, vocabulary: Vocabulary, train_until: date
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (popularity, audience), each (V + 1,): see TrainingSet. item_features: rows landed up to `train_until`."""
    n_interactions = pc.add(pc.add(item_features["views"], item_features["carts"]), item_features["purchases"])
    index = vocabulary.indices(item_features[ITEM_ID].to_pylist())
    days = _to_ints(item_features[LANDING_DATE].cast(pa.int32()))
    is_recent = days > day_number(train_until) - POPULARITY_DAYS
    size = len(vocabulary) + 1
    popularity = np.bincount(index[is_recent], _to_ints(n_interactions)[is_recent], size).astype(np.float64)
    shopper_days = np.bincount(index, _to_ints(item_features["shoppers"]), size).astype(np.float64)
    popularity[0] = shopper_days[0] = 0.0
    return popularity, shopper_days / max(1.0, shopper_days.sum())


def tag_snapshot(settings: Settings, table: str, snapshot: int, name: str) -> None:
    """Tag a snapshot, so that expiry keeps it as long as the tag exists."""
    iceberg_table = _catalog(settings).load_table(("shop", table))
    if name not in iceberg_table.metadata.refs:
        iceberg_table.manage_snapshots().create_tag(snapshot, name).commit()


def read_shopper_history(settings: Settings, pseudonym: str) -> list[HistoryEvent]:
    """Return every published event of the shopper, in canonical order."""
    rows = scan_table(
        settings, "histories", columns=(LANDING_DATE, "events"), where=f"{SHOPPER} == '{pseudonym}'"
    ).to_pylist()
    entries = [
        (int(event["event_time"].timestamp()), day_number(row[LANDING_DATE]), position, event)
        for row in rows
        for position, event in enumerate(row["events"])
    ]
    entries.sort(key=lambda entry: entry[:3])
    return [HistoryEvent(event["item_id"], event["event_type"], time, day) for time, day, _, event in entries]


def _to_histories(rows: pa.Table) -> Histories:
    lists = {name: _list_array(rows, name) for name in ("items", "types", "times", "days")}
    return Histories(
        np.array(rows[SHOPPER].to_pylist(), dtype=np.str_),
        lists["items"].offsets.to_numpy().astype(np.int64),
        *(_to_ints(lists[name].values) for name in ("items", "types", "times", "days")),
    )


def _list_array(rows: pa.Table, name: str) -> Any:
    column = rows[name].combine_chunks()
    array = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    # A sliced list array still holds its parent's values: flatten gives those of the slice, offsets start at 0.
    lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, array.flatten())


def _to_ints(values: Any) -> Ints:
    return np.asarray(
        values.to_numpy(zero_copy_only=False) if isinstance(values, pa.Array) else values.to_numpy(), np.int64
    )


def _catalog(settings: Settings) -> Any:
    from pyiceberg.catalog.sql import SqlCatalog

    require_lake(settings.lake)
    check_lake(settings.lake)
    database = Path(settings.lake) / CATALOG_FILE
    if not database.exists():
        raise FileNotFoundError(database)
    return SqlCatalog("lake", uri=f"sqlite:///{database}", warehouse=f"{settings.lake}/tables")
