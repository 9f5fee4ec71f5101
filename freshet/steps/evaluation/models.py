"""Models of an evaluation: the challenger, the champion, and the anchor, a fixed old release."""

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
    """The bundle of the anchor release; None if it does not exist or cannot be opened."""

    bundle: Bundle | None
    unavailable_reason: str = ""  # "" if there is no such release yet


@dataclass(frozen=True)
class EvaluatedModels:
    """The rankers to compare with the baselines."""

    challenger: Ranker
    champion: Ranker | None
    anchor: Ranker | None
    after: int  # the last training day of any of them, in days since 1970
    warnings: tuple[str, ...]


def open_anchor(store: Store, settings: Settings, journal_length: int) -> Anchor:
    """Open the bundle of the release that the settings name, in a journal of `journal_length` entries.

    If it cannot be opened, the anchor holds the reason; no other release replaces it, because an anchor must not move.
    """
    release = settings.anchor_release
    if release > journal_length:
        return Anchor(None)
    try:
        return Anchor(fetch_bundle(store, journal.read_entry(store, release).bundle, settings.cache_dir))
    except FreshetError as error:
        reason = (
            f"the anchor, release {release}, was not evaluated ({error.where}: {error.what}); "
            f"set another in {ANCHOR_SETTING}"
        )
        return Anchor(None, reason)


def open_models(
    settings: Settings, store: Store, ref: BundleRef, release: Release | None, data: TrainingSet, anchor: Anchor
) -> EvaluatedModels:
    """Open the rankers; a bundle that is also champion or challenger is not opened twice."""
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
    """Return the last training day of a bundle, in days since 1970; None if its manifest does not name it."""
    train_until = lineage_train_until(manifest.lineage)
    return None if train_until is None else day_number(train_until)


def _add_new_items(bundle: Bundle, data: TrainingSet) -> Bundle:
    """Append the items that landed since the bundle was trained, as serving does."""
    return with_new_items(bundle, open_item_encoder(bundle), data.vocabulary)


def _restriction_warning(train_until: int, after: int) -> str:
    """Return a warning if champion or anchor were trained on later days than the challenger; "" if not."""
    if after <= train_until:
        return ""
    last_day = day_from_number(after)
    return f"only baskets after {last_day} are evaluated, the last training day of the champion or the anchor"
