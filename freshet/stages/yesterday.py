"""The model that a warm start begins from: the champion's."""

import logging
from datetime import date
from typing import TYPE_CHECKING

from freshet.errors import FreshetError
from freshet.live.released import Release, current_release
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables.reading import day_number
from freshet.vocabulary import Vocabulary

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.warm import Yesterday

log = logging.getLogger("freshet")


def yesterday_of(
    settings: Settings, store: Store, vocabulary: Vocabulary, params: "TrainParams", cut: int
) -> "Yesterday | None":
    """The champion's model where `params` ask for a warm start and it fits; None: train cold.

    cut: the last day that the new model may learn from; a champion that has learned from a later one does not fit.
    Raises FreshetError where only a warm start is wanted (`on`) and there is none.
    """
    if params.warm_start == "off":
        return None
    try:
        found, why = _fitting(settings, store, vocabulary, params, cut)
    except FreshetError as error:
        # What serves may be damaged; that must not keep a new model from being trained.
        found, why = None, str(error)
    if found is None and params.warm_start == "on":
        raise FreshetError("warm_start=on", why, "set warm_start to auto or off, and a cold model is trained")
    if found is None:
        log.info("training cold: %s", why)
    return found


def _fitting(
    settings: Settings, store: Store, vocabulary: Vocabulary, params: "TrainParams", cut: int
) -> "tuple[Yesterday | None, str]":
    from freshet.model.warm import why_not

    release = current_release(store, settings.cache)
    if release is None:
        return None, "nothing has been released yet"
    name = str(release.bundle.manifest.lineage.get("model", ""))
    found = _made_from(settings, store, release, name)
    why = why_not(found, vocabulary, params, cut)
    return (None, f"the champion's model {name[:12]} does not fit: {why}") if why else (found, "")


def _made_from(settings: Settings, store: Store, release: Release, name: str) -> "Yesterday":
    from freshet.model import checkpoint
    from freshet.model.warm import Yesterday
    from freshet.stages.model import model_path

    model = checkpoint.load(store.fetch_folder(model_path(name), settings.cache), name)
    vocabulary, lineage = release.bundle.vocabulary, release.bundle.manifest.lineage
    cut = day_number(date.fromisoformat(str(lineage["cut"])))
    return Yesterday(name, model, vocabulary.item_ids, vocabulary.generation, cut)
