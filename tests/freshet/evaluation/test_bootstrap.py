"""The cluster bootstrap over shoppers."""

import numpy as np
import pytest

from freshet.evaluation.bootstrap import effective_shoppers, shopper_bootstrap, shopper_sums


def bootstrap_means(values, owners, samples=2000):
    return shopper_bootstrap(values, np.asarray(owners), samples, np.random.default_rng(0))


def test_the_mean_of_values_that_are_all_equal_is_that_value():
    assert (bootstrap_means(np.full((30, 1), 0.25), np.arange(30)) == 0.25).all()


def test_means_lie_about_a_standard_error_around_the_mean():
    values = np.random.default_rng(0).normal(0.1, 1.0, (10_000, 1))
    sample_means = bootstrap_means(values, np.arange(10_000))
    assert sample_means.mean() == pytest.approx(values.mean(), abs=0.001)
    assert sample_means.std() == pytest.approx(0.01, rel=0.05)
    assert np.quantile(sample_means, 0.05) == pytest.approx(values.mean() - 1.645 * values.std() / 100, abs=0.001)


def test_a_basket_repeated_three_times_does_not_narrow_the_interval():
    values = np.random.default_rng(0).normal(size=(50, 2))
    single_means, tripled_means = (
        bootstrap_means(values, np.arange(50)),
        bootstrap_means(np.repeat(values, 3, axis=0), np.repeat(np.arange(50), 3)),
    )
    assert tripled_means == pytest.approx(single_means)


def test_a_shopper_is_drawn_with_all_of_their_baskets():
    # Of shopper 7 two baskets worth 1, of shopper 3 one worth 0: drawn twice each, or one of each.
    sample_means = bootstrap_means(np.array([[1.0], [0.0], [1.0]]), [7, 3, 7])
    assert set(np.unique(sample_means).round(4)) == {0.0, 0.6667, 1.0}
    assert np.mean(sample_means == 0.0) == pytest.approx(0.25, abs=0.03)


def test_quantities_share_their_draws():
    values = np.random.default_rng(0).normal(size=(40, 1))
    sample_means = bootstrap_means(np.hstack([values, values + 1]), np.arange(40))
    assert sample_means[:, 1] - sample_means[:, 0] == pytest.approx(np.ones(2000))


def test_many_shoppers_are_drawn_in_parts_and_few_at_once_alike():
    values = np.random.default_rng(1).normal(size=(30_000, 1))  # 66 draws at once, so that the last part is smaller
    assert bootstrap_means(values, np.arange(30_000), 100).std() == pytest.approx(1 / np.sqrt(30_000), rel=0.2)


def test_sums_and_sizes_are_by_shopper():
    sums, sizes = shopper_sums(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]), np.array([5, 2, 5]))
    assert sums.tolist() == [[2.0, 20.0], [5.0, 50.0]]
    assert sizes.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("baskets", "effective"),
    [([1, 1, 1, 1], 4.0), ([3, 3], 2.0), ([4], 1.0), ([9, 1], 100 / 82), ([], 0.0)],
)
def test_shoppers_with_uneven_baskets_count_as_fewer(baskets, effective):
    owners = np.repeat(np.arange(len(baskets)), baskets)
    assert effective_shoppers(owners) == pytest.approx(effective)
