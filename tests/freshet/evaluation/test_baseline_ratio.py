"""The ratio to the baselines over sixty simulated nights of releases."""

from datetime import UTC, datetime

import numpy as np
import pytest

from freshet.evaluation.baseline_ratio import ReleaseMetrics, baseline_ratio, release_metrics
from freshet.releases.journal import JournalEntry

BASELINES = ("item-to-item", "popular")


def release_metrics_of(
    release: int, challenger: float, item_to_item: float = 0.2, **ndcg_by_model: float
) -> ReleaseMetrics:
    ndcg = {"challenger": challenger, "item-to-item": item_to_item, "popular": 0.05, **ndcg_by_model}
    return ReleaseMetrics(release, "a" * 64, ndcg)


def ratio_status(past_releases, challenger: float, **ndcg_by_model: float):
    return baseline_ratio(
        release_metrics_of(0, challenger, **ndcg_by_model).ndcg, past_releases, "challenger", BASELINES, 0.95
    )


def test_a_release_is_compared_with_the_better_baseline():
    result = ratio_status([release_metrics_of(1, 0.3), release_metrics_of(2, 0.3), release_metrics_of(3, 0.3)], 0.3)
    assert (result.current, result.past_best, result.relative_ratio, result.is_below_min) == (
        pytest.approx(1.5),
        pytest.approx(1.5),
        1.0,
        False,
    )


def test_a_loss_that_the_baselines_share_does_not_lower_the_ratio():
    past = [release_metrics_of(n, 0.3) for n in range(1, 6)]
    assert not ratio_status(past, 0.15, item_to_item=0.1).is_below_min


def test_a_lasting_loss_of_a_tenth_is_reported_with_the_best_release():
    past = [*(release_metrics_of(n, 0.3) for n in range(1, 6)), *(release_metrics_of(n, 0.27) for n in range(6, 9))]
    result = ratio_status(past, 0.27)
    assert result.is_below_min
    assert result.sentence == (
        "its NDCG is 1.35 times the best baseline's, 90% of the 1.50 times of release 1 (medians of 3 releases)"
    )


def test_one_night_alone_is_not_a_loss():
    assert not ratio_status([release_metrics_of(n, 0.3) for n in range(1, 6)], 0.25).is_below_min


def test_a_new_baseline_does_not_lower_the_ratio():
    past = [release_metrics_of(n, 0.3) for n in range(1, 6)]
    assert ratio_status(past, 0.3, **{"sequential rules": 0.28}).relative_ratio == 1.0


def test_without_a_past_there_is_no_ratio():
    assert ratio_status([], 0.3) is None
    assert baseline_ratio({"challenger": 0.3}, [release_metrics_of(1, 0.3)], "challenger", BASELINES, 0.95) is None


def first_night_behind(loss: float, noise: float, seed: int, count: int = 60) -> int | None:
    """The first night of a pipeline that loses this share a night on which the ratio is behind; None: never."""
    rng = np.random.default_rng(seed)
    past: list[ReleaseMetrics] = []
    for night in range(1, count + 1):
        tonight = 0.3 * (1 - loss) ** night * (1 + noise * rng.standard_normal())
        result = ratio_status(past[-30:], tonight)
        if result is not None and result.is_below_min:
            return night
        past.append(release_metrics_of(night, tonight))
    return None


def test_a_pipeline_that_loses_half_a_percent_a_night_is_seen_within_weeks():
    first_nights = [first_night_behind(0.005, 0.01, seed) for seed in range(100)]
    assert all(night is not None and night <= 30 for night in first_nights)


def test_a_pipeline_without_a_loss_rarely_raises_an_alarm():
    # 100 pipelines of 60 nights, each night's ratio off by 1 % (as of 3,000 baskets): see docs/evaluation.md
    assert sum(first_night_behind(0.0, 0.01, seed) is not None for seed in range(100)) <= 5


def journal_entry(number: int, kind: str = "release", **metrics: object) -> JournalEntry:
    return JournalEntry(
        number=number, decided_on=number - 1, kind=kind, bundle="a" * 64, verdict="", why="", metrics=metrics,
        at=datetime(2024, 3, 1, tzinfo=UTC), by="test",
    )  # fmt: skip


def test_standings_are_read_from_the_journals_releases_oldest_first():
    journal = [
        journal_entry(1, challenger={"ndcg@10": 0.3, "recall@10": 0.5}),
        journal_entry(2, "rollback", challenger={"ndcg@10": 0.9}),  # repeats the figures of the release it goes back to
        journal_entry(3),  # of a journal from before figures were kept
        journal_entry(4, challenger={"ndcg@10": 0.4}, popular={"ndcg@10": 0.1}),
    ]
    assert release_metrics(journal, 10, 30) == (
        ReleaseMetrics(1, "a" * 64, {"challenger": 0.3}),
        ReleaseMetrics(4, "a" * 64, {"challenger": 0.4, "popular": 0.1}),
    )
    assert [standing.release for standing in release_metrics(journal, 10, 1)] == [4]
