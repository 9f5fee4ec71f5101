"""The source of the training parameters: the launchpad, the last tuning, or the champion."""

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
    """Return the parameters of the source, overridden by those of `config_params` that are not defaults.

    If there is no readable champion, `champion` returns `config_params`. Raises FreshetError for `tuning` if no tuning
    has been published.
    """
    if source == "tuning":
        return _merge_params(_tuned_params(store), config_params)
    champion_manifest = _champion_manifest(store) if source == "champion" else None
    return config_params if champion_manifest is None else _merge_params(champion_manifest.parameters, config_params)


def _champion_manifest(store: Store) -> Manifest | None:
    """Return the champion's manifest; None if it is lost or damaged, because a new model may replace it."""
    try:
        entry = journal.champion_entry(store)
        return None if entry is None else Manifest.model_validate_json(store.get(_manifest_path(entry.bundle)))
    except (JournalError, ValidationError):
        return None


def _manifest_path(bundle_id: str) -> str:
    return f"{journal.bundle_path(bundle_id)}/{MANIFEST}"


def _merge_params(base_params: Any, config_params: TrainParams) -> TrainParams:
    """Return `base_params`, under current or former names, with the non-default values of `config_params` on top.

    Parameters that a former version did not have get their defaults; those that no longer exist are ignored.
    """
    defaults = TrainParams()
    overrides = {name: value for name, value in config_params if value != getattr(defaults, name)}
    return TrainParams(**{**base_params, **overrides})


def _tuned_params(store: Store) -> dict[str, JsonValue]:
    ref = published(store, "tuning", TuningRef)
    if ref is None:
        raise FreshetError(
            "trained_model, `param_source`", "no tuning has found better parameters than the defaults yet",
            f"run {materialize_command('tuning')}, or set `param_source` to `config`",
        )  # fmt: skip
    return dict(ref.parameters)
