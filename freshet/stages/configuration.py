"""Which configuration a model is trained with: the launchpad's, a search's winner, or what serves."""

from typing import Any, Final, Literal

from pydantic import JsonValue, ValidationError

from freshet.commands import materialize
from freshet.errors import FreshetError, JournalError
from freshet.live import journal
from freshet.live.manifest import MANIFEST, Manifest
from freshet.model.params import TrainParams
from freshet.references import SearchRef
from freshet.store import Store

Source = Literal["config", "search", "champion"]

PUBLISHED: Final = "published/search.json"


def configuration(source: Source, given: TrainParams, store: Store) -> TrainParams:
    """`given`, or the parameters of the source with everything in `given` that is not a default on top of them.

    Without a champion that can be read, `champion` is `given`. Raises FreshetError where a search is asked for and none
    has won.
    """
    if source == "search":
        return _over(_winner(store), given)
    champion = _champion(store) if source == "champion" else None
    return given if champion is None else _over(champion.parameters, given)


def _champion(store: Store) -> Manifest | None:
    """What serves. Lost or unreadable it stops no training: the model made now may be the one that replaces it."""
    try:
        entry = journal.current(store)
        return None if entry is None else Manifest.model_validate_json(store.get(_manifest(entry.bundle)))
    except (JournalError, ValidationError):
        return None


def _manifest(bundle: str) -> str:
    return f"{journal.bundle_path(bundle)}/{MANIFEST}"


def _over(found: Any, given: TrainParams) -> TrainParams:
    """What an older version of Freshet did not know yet has its default, what it alone knew is left out."""
    default = TrainParams()
    changed = {name: value for name, value in given if value != getattr(default, name)}
    return TrainParams(**{**found, **changed})


def _winner(store: Store) -> dict[str, JsonValue]:
    if not store.exists(PUBLISHED):
        raise FreshetError(
            "trained_model, `params_from`", "no search has found anything better than the defaults yet",
            f"run {materialize('search')}, or leave `params_from` at `config`",
        )  # fmt: skip
    return dict(SearchRef.model_validate_json(store.get(PUBLISHED)).parameters)
