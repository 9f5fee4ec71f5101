"""Load the champion's model for a warm start."""

import logging
from typing import TYPE_CHECKING

from freshet.artifacts import lineage_train_until, model_path
from freshet.data.day_numbers import day_number
from freshet.data.vocabulary import Vocabulary
from freshet.errors import FreshetError
from freshet.releases.current import Release, current_release
from freshet.settings import Settings
from freshet.store import Store

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.training.warm_start import WarmStartModel

log = logging.getLogger("freshet")


def load_warm_start(
    settings: Settings, store: Store, vocabulary: Vocabulary, params: "TrainParams", train_until: int
) -> "WarmStartModel | None":
    """Return the champion's model if `params` ask for a warm start and it fits; None: a cold start.

    train_until: the last day of the new training set; a champion that was trained on a later day does not fit.
    Raises FreshetError if `warm_start` is `on` and no warm start is possible.
    """
    if params.warm_start == "off":
        return None
    try:
        warm_model, reason = _load_champion_model(settings, store, vocabulary, params, train_until)
    except FreshetError as error:
        # A damaged champion must not prevent the training of a new model.
        warm_model, reason = None, str(error)
    if warm_model is None and params.warm_start == "on":
        raise FreshetError("warm_start=on", reason, "set warm_start to auto or off for a cold start")
    if warm_model is None:
        log.info("training cold: %s", reason)
    return warm_model


def _load_champion_model(
    settings: Settings, store: Store, vocabulary: Vocabulary, params: "TrainParams", train_until: int
) -> "tuple[WarmStartModel | None, str]":
    from freshet.training.warm_start import warm_start_blocker

    release = current_release(store, settings.cache_dir)
    if release is None:
        return None, "there is no release yet"
    model_id = str(release.bundle.manifest.lineage.get("model", ""))
    warm_model = _load_released_model(settings, store, release, model_id)
    reason = warm_start_blocker(warm_model, vocabulary, params, train_until)
    return (None, f"the champion's model {model_id[:12]} does not fit: {reason}") if reason else (warm_model, "")


def _load_released_model(settings: Settings, store: Store, release: Release, model_id: str) -> "WarmStartModel":
    from freshet.model import checkpoint
    from freshet.training.warm_start import WarmStartModel

    model = checkpoint.load(store.fetch_folder(model_path(model_id), settings.cache_dir), model_id)
    vocabulary, lineage = release.bundle.vocabulary, release.bundle.manifest.lineage
    train_until = lineage_train_until(lineage)
    assert train_until is not None  # a lineage with a model names its training set
    return WarmStartModel(model_id, model, vocabulary.item_ids, vocabulary.generation, day_number(train_until))
