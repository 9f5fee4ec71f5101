"""Spectral initialisation of item embeddings on the checkerboard."""

import torch

from freshet.training.dataset import build_dataset
from freshet.training.spectral_init import init_biases, init_embeddings
from tests.checkerboard import N_ITEMS, checkerboard_set, histories_of


def test_items_of_one_colour_start_close_and_far_from_the_other():
    vectors = init_embeddings(build_dataset(checkerboard_set().histories), N_ITEMS, 2, 0)
    cosines = torch.nn.functional.cosine_similarity(vectors[1:, None], vectors[None, 1:], dim=2)
    same_colour = (torch.arange(N_ITEMS)[:, None] + torch.arange(N_ITEMS)[None]) % 2 == 0
    assert cosines[same_colour].min() > 0.9
    assert cosines[~same_colour].abs().max() < 0.1


def test_padding_starts_as_zeros_and_the_mean_squared_length_is_one():
    vectors = init_embeddings(build_dataset(checkerboard_set().histories), N_ITEMS, 4, 0)
    assert vectors[0].tolist() == [0, 0, 0, 0]
    assert torch.isclose(vectors[1:].pow(2).sum(1).mean(), torch.tensor(1.0))


def test_columns_beyond_the_rank_are_zeros():
    vectors = init_embeddings(build_dataset(histories_of([[(1, 0), (2, 60)]])), 2, 8, 0)
    assert vectors.shape == (3, 8)
    assert vectors.isfinite().all()
    assert (vectors[:, 2:] == 0).all()


def test_the_bias_is_the_log_of_the_target_count():
    biases = init_biases(build_dataset(histories_of([[(1, 0), (2, 60), (2, 120)]])), 3)
    assert torch.allclose(biases, torch.tensor([0, 1, 2, 0]).float().log1p())


def test_the_same_seed_gives_the_same_initialisation():
    dataset = build_dataset(checkerboard_set().histories)
    first, second = (init_embeddings(dataset, N_ITEMS, 4, 3) for _ in range(2))
    assert torch.equal(first, second)
