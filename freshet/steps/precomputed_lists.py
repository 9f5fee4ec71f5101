"""Convert the published table of recommendations to the arrays that a gateway reads."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from freshet.data.columns import SHOPPER
from freshet.data.vocabulary import Vocabulary
from freshet.inference.latest_histories import LatestHistories


def precomputed_arrays(
    rows: pa.Table, vocabulary: Vocabulary, latest: LatestHistories, k: int
) -> dict[str, NDArray[Any]]:
    """Return the arrays of `PrecomputedLists` by name.

    rows: one per shopper of `latest`. Shoppers without a known event are left out: they get popular items, which need
    no list of their own.
    """
    rows = rows.filter(pc.equal(rows["tier"], "sequence")).sort_by(SHOPPER).combine_chunks()
    shoppers = np.asarray(rows[SHOPPER].to_pylist(), dtype=latest.shoppers.dtype)
    shopper_indices = np.searchsorted(latest.shoppers, shoppers)
    lengths = pc.list_value_length(rows["items"]).to_numpy(zero_copy_only=False).astype(np.int64)
    item_ids = pc.list_flatten(rows["items"]).combine_chunks().dictionary_encode()
    item_indices = vocabulary.indices(item_ids.dictionary.to_pylist())
    items, scores = (np.zeros((len(rows), k), dtype=dtype) for dtype in (np.int32, np.float32))
    is_filled = np.arange(k) < lengths[:, None]
    items[is_filled] = item_indices[item_ids.indices.to_numpy(zero_copy_only=False)]
    scores[is_filled] = pc.list_flatten(rows["scores"]).to_numpy()
    last_times = latest.times[latest.offsets[1:][shopper_indices] - 1]
    return {"shoppers": shoppers, "last_event_times": np.asarray(last_times), "items": items, "scores": scores}
