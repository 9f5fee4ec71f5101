"""Which configuration a model is trained with: the launchpad's, a search's winner, or what serves."""

from typing import Any, Literal

from pydantic import JsonValue, ValidationError

from freshet.artifacts import TuningRef, published
from freshet.commands import materialize_command
from freshet.errors import FreshetError, JournalError
from freshet.inference.manifest import MANIFEST, Manifest
from freshet.model.params import TrainParams
from freshet.releases import journal
from freshet.store import Store

ParamSource = Literal["config", "tuning", "champion"]


def resolve_params(source: ParamSource, config_params: TrainParams, store: Store) -> TrainParams:
    """`given`, or the parameters of the source with everything in `given` that is not a default on top of them.

    Without a champion that can be read, `champion` is `given`. Raises FreshetError where a search is asked for and none
    has won.
    """
    if source == "tuning":
        return _merge_params(_tuned_params(store), config_params)
    champion_manifest = _champion_manifest(store) if source == "champion" else None
    return config_params if champion_manifest is None else _merge_params(champion_manifest.parameters, config_params)


def _champion_manifest(store: Store) -> Manifest | None:
    """What serves. Lost or unreadable it stops no training: the model made now may be the one that replaces it."""
    try:
        entry = journal.champion_entry(store)
        return None if entry is None else Manifest.model_validate_json(store.get(_manifest_path(entry.bundle)))
    except (JournalError, ValidationError):
        return None


def _manifest_path(bundle_id: str) -> str:
    return f"{journal.bundle_path(bundle_id)}/{MANIFEST}"


def _merge_params(base_params: Any, config_params: TrainParams) -> TrainParams:
    """What an older version of Freshet did not know yet has its default, what it alone knew is left out."""
    defaults = TrainParams()
    overrides = {name: value for name, value in config_params if value != getattr(defaults, name)}
    return TrainParams(**{**base_params, **overrides})


def _tuned_params(store: Store) -> dict[str, JsonValue]:
    ref = published(store, "tuning", TuningRef)
    if ref is None:
        raise FreshetError(
            "trained_model, `param_source`", "no search has found anything better than the defaults yet",
            f"run {materialize_command('tuning')}, or leave `param_source` at `config`",
        )  # fmt: skip
    return dict(ref.parameters)
