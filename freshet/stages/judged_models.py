"""Who is judged: the challenger, the champion as it serves today, and the anchor, an old release that never moves."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from freshet.errors import FreshetError
from freshet.live import journal
from freshet.live.bundle import Bundle
from freshet.live.item_encoder import open_item_encoder
from freshet.live.manifest import Manifest
from freshet.live.new_items import welcomed
from freshet.live.ranker import Ranker, open_ranker
from freshet.live.released import Release, fetch_bundle
from freshet.references import BundleRef
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables.reading import EPOCH, day_number
from freshet.training_set import TrainingSet

SETTING: Final = "FRESHET_ANCHOR_RELEASE"


@dataclass(frozen=True)
class Anchor:
    """The bundle of the release that every later one is asked beside; None where there is none, with why."""

    bundle: Bundle | None
    why: str = ""  # "" where there is no such release yet


@dataclass(frozen=True)
class JudgedModels:
    """All that are asked beside the baselines. after: the last day that any of them has learned from, since 1970."""

    challenger: Ranker
    champion: Ranker | None
    anchor: Ranker | None
    after: int
    warnings: tuple[str, ...]


def open_anchor(store: Store, settings: Settings, last: int) -> Anchor:
    """The bundle of the release that the settings name, of a journal of `last` entries.

    Where it does not open any more, that is said, and no other takes its place: a yardstick does not move.
    """
    release = settings.anchor_release
    if release > last:
        return Anchor(None)
    try:
        return Anchor(fetch_bundle(store, journal.read_entry(store, release).bundle, settings.cache))
    except FreshetError as error:
        why = f"the anchor, release {release}, was not asked ({error.where}: {error.what}); name another in {SETTING}"
        return Anchor(None, why)


def judged_models(
    settings: Settings, store: Store, ref: BundleRef, release: Release | None, data: TrainingSet, anchor: Anchor
) -> JudgedModels:
    """Open all of them. One bundle in two places is asked once."""
    device = settings.serving_device
    challenger = open_ranker(fetch_bundle(store, ref.id, settings.cache), device=device)
    champion = None if release is None or release.bundle.id == ref.id else release.bundle
    asked = {ref.id} if champion is None else {ref.id, champion.id}
    frozen = None if anchor.bundle is None or anchor.bundle.id in asked else anchor.bundle
    cuts = [learned_until(bundle.manifest) for bundle in (champion, frozen) if bundle is not None]
    after = max([data.cut, *(cut for cut in cuts if cut is not None)])
    served, old = (
        None if b is None else open_ranker(_as_it_serves(b, data), device=device) for b in (champion, frozen)
    )
    warnings = tuple(why for why in (anchor.why, _later(data.cut, after)) if why)
    return JudgedModels(challenger, served, old, after, warnings)


def learned_until(manifest: Manifest) -> int | None:
    """The last day that a bundle has learned from, since 1970; None where its manifest does not say."""
    cut = manifest.lineage.get("cut")
    return day_number(date.fromisoformat(cut)) if isinstance(cut, str) else None


def _as_it_serves(bundle: Bundle, data: TrainingSet) -> Bundle:
    """An older bundle with the items that have landed since it was trained: so it answers today."""
    return welcomed(bundle, open_item_encoder(bundle), data.vocabulary)


def _later(cut: int, after: int) -> str:
    """What to say where another of those asked has learned from days that the challenger does not know."""
    if after <= cut:
        return ""
    last = EPOCH + timedelta(days=after)
    return f"only baskets after {last} are asked for, the last day that the champion or the anchor has learned from"
