"""Who is judged: the challenger, the champion as it serves today, and the anchor, an old release that never moves."""

from dataclasses import dataclass
from typing import Final

from freshet.artifacts import BundleRef, lineage_train_until
from freshet.data.day_numbers import day_from_number, day_number
from freshet.data.training_set import TrainingSet
from freshet.errors import FreshetError
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import open_item_encoder
from freshet.inference.manifest import Manifest
from freshet.inference.new_items import with_new_items
from freshet.inference.ranker import Ranker, open_ranker
from freshet.releases import journal
from freshet.releases.current import Release, fetch_bundle
from freshet.settings import Settings
from freshet.store import Store

ANCHOR_SETTING: Final = "FRESHET_ANCHOR_RELEASE"


@dataclass(frozen=True)
class Anchor:
    """The bundle of the release that every later one is asked beside; None where there is none, with why."""

    bundle: Bundle | None
    unavailable_reason: str = ""  # "" where there is no such release yet


@dataclass(frozen=True)
class EvaluatedModels:
    """All that are asked beside the baselines. after: the last day that any of them has learned from, since 1970."""

    challenger: Ranker
    champion: Ranker | None
    anchor: Ranker | None
    after: int
    warnings: tuple[str, ...]


def open_anchor(store: Store, settings: Settings, journal_length: int) -> Anchor:
    """The bundle of the release that the settings name, of a journal of `last` entries.

    Where it does not open any more, that is said, and no other takes its place: a yardstick does not move.
    """
    release = settings.anchor_release
    if release > journal_length:
        return Anchor(None)
    try:
        return Anchor(fetch_bundle(store, journal.read_entry(store, release).bundle, settings.cache_dir))
    except FreshetError as error:
        reason = f"the anchor, release {release}, was not asked ({error.where}: {error.what}); name another in {ANCHOR_SETTING}"
        return Anchor(None, reason)


def open_models(
    settings: Settings, store: Store, ref: BundleRef, release: Release | None, data: TrainingSet, anchor: Anchor
) -> EvaluatedModels:
    """Open all of them. One bundle in two places is asked once."""
    device = settings.serving_device
    challenger = open_ranker(fetch_bundle(store, ref.id, settings.cache_dir), device=device)
    champion_bundle = None if release is None or release.bundle.id == ref.id else release.bundle
    bundle_ids = {ref.id} if champion_bundle is None else {ref.id, champion_bundle.id}
    anchor_bundle = None if anchor.bundle is None or anchor.bundle.id in bundle_ids else anchor.bundle
    train_days = [train_until_day(bundle.manifest) for bundle in (champion_bundle, anchor_bundle) if bundle is not None]
    after = max([data.train_until, *(day for day in train_days if day is not None)])
    champion_ranker, anchor_ranker = (
        None if b is None else open_ranker(_add_new_items(b, data), device=device)
        for b in (champion_bundle, anchor_bundle)
    )
    warnings = tuple(
        warning for warning in (anchor.unavailable_reason, _restriction_warning(data.train_until, after)) if warning
    )
    return EvaluatedModels(challenger, champion_ranker, anchor_ranker, after, warnings)


def train_until_day(manifest: Manifest) -> int | None:
    """The last day that a bundle has learned from, since 1970; None where its manifest does not say."""
    train_until = lineage_train_until(manifest.lineage)
    return None if train_until is None else day_number(train_until)


def _add_new_items(bundle: Bundle, data: TrainingSet) -> Bundle:
    """An older bundle with the items that have landed since it was trained: so it answers today."""
    return with_new_items(bundle, open_item_encoder(bundle), data.vocabulary)


def _restriction_warning(train_until: int, after: int) -> str:
    """What to say where another of those asked has learned from days that the challenger does not know."""
    if after <= train_until:
        return ""
    last_day = day_from_number(after)
    return f"only baskets after {last_day} are asked for, the last day that the champion or the anchor has learned from"
