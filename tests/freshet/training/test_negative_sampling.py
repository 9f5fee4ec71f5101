"""Negative sampling: unbiased sums and gradients."""

import numpy as np
import pytest
import torch

from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.training.batching import batches, pack
from freshet.training.dataset import build_dataset
from freshet.training.losses import SoftTargets, SparseScoreDelta, catalogue_cross_entropy
from freshet.training.negative_sampling import NegativeSampler
from freshet.training.objective import batch_loss
from tests.checkerboard import histories_of

N_ITEMS, N_SHOPPERS, N_DRAWS, CPU = 60, 200, 400, torch.device("cpu")
PARAMS = TrainParams(max_history=6, hidden_dim=8, embedding_dim=8, n_heads=2, n_layers=1, ensemble_size=1, dropout=0.0)


def training_dataset():
    """Histories of three items; item 1 is in every second one, the last twenty in none."""
    rng = np.random.default_rng(0)
    rows = rng.integers(2, N_ITEMS - 19, (N_SHOPPERS, 3))
    rows[::2, 0] = 1
    return build_dataset(histories_of([[(int(item), 60 * n) for n, item in enumerate(row)] for row in rows]))


def batch_of(dataset, shoppers):
    pieces = np.stack([np.asarray(shoppers), np.zeros(len(shoppers), int), dataset.lengths[shoppers]], axis=1)
    return pack(dataset, pieces, 0.0, np.random.default_rng(0))


def small_model() -> Recommender:
    torch.manual_seed(1)
    model = Recommender(ModelConfig.from_params(PARAMS, N_ITEMS))
    return model.init_item_embeddings(torch.randn(N_ITEMS + 1, 8), torch.randn(N_ITEMS + 1)).eval()


def test_a_small_catalogue_is_not_sampled():
    assert NegativeSampler.fit(training_dataset(), N_ITEMS, PARAMS.max_history, N_ITEMS // 2, CPU) is None
    assert NegativeSampler.fit(training_dataset(), N_ITEMS, PARAMS.max_history, N_ITEMS // 2 - 1, CPU) is not None


def test_the_corrected_sum_of_a_sample_is_unbiased():
    dataset, scores = training_dataset(), torch.randn(N_ITEMS + 1, generator=torch.Generator().manual_seed(3))
    scores[1] = 3.0  # the best-seller would count far too often if its chance were that of the others
    sampler = NegativeSampler.fit(dataset, N_ITEMS, PARAMS.max_history, 15, CPU)
    rng, estimates = np.random.default_rng(1), []
    for seed in range(1500):
        torch.manual_seed(seed)
        sampled_items = sampler.sample([batch_of(dataset, rng.permutation(N_SHOPPERS)[:10])])
        estimates.append(float((scores[sampled_items.items] + sampled_items.log_q_correction)[1:].exp().sum()))
    assert np.mean(estimates) == pytest.approx(float(scores[1:].exp().sum()), rel=0.03)


def test_the_sum_is_unbiased_for_short_and_long_histories_with_repeats():
    """Windows of one length lie in one batch, and a long history is several windows."""
    rng = np.random.default_rng(0)
    lengths = np.concatenate([rng.integers(1, 4, 500), np.full(30, 6), np.full(12, 60)])
    rows = [rng.choice(rng.integers(1, N_DRAWS, 8), length) for length in lengths]  # eight separate items each
    dataset = build_dataset(histories_of([[(int(item), 60 * n) for n, item in enumerate(row)] for row in rows]))
    sampler = NegativeSampler.fit(dataset, N_DRAWS, 6, 30, CPU)
    assert sampler is not None
    estimates = {"short": [], "long": []}
    for epoch in range(40):
        for batch in batches(dataset, 6, 100, 0.0, np.random.default_rng(epoch)):
            sampled_items = sampler.sample([batch])
            assert len(sampled_items.items) < N_DRAWS / 2
            kind = "short" if batch.groups[-1][1] < 6 else "long"
            estimates[kind].append(float(sampled_items.log_q_correction[1:].exp().sum()))
    all_estimates = estimates["short"] + estimates["long"]
    assert np.mean(all_estimates) == pytest.approx(N_DRAWS, rel=0.05)  # as if every score were 0
    # Shoppers here share hardly an item, so short windows bring those of short histories a little too often.
    assert np.mean(estimates["short"]) == pytest.approx(N_DRAWS, rel=0.25)
    assert np.mean(estimates["long"]) == pytest.approx(N_DRAWS, rel=0.25)


def test_items_that_are_certain_for_a_query_count_once():
    dataset = training_dataset()
    batch = batch_of(dataset, [0, 1])
    sampled_items = NegativeSampler.fit(dataset, N_ITEMS, PARAMS.max_history, 10, CPU).sample([batch])
    remapped_batch = sampled_items.remap_batch(batch)
    assert torch.equal(sampled_items.items[remapped_batch.items], batch.items)
    assert torch.equal(sampled_items.items[remapped_batch.targets.items], batch.targets.items)
    soft_targets = SoftTargets(remapped_batch.targets.items, remapped_batch.targets.starts)
    score_bias = SparseScoreDelta(
        torch.tensor([0, 0, 2]), remapped_batch.items[[0, 0, 4]], torch.tensor([0.5, 0.25, 2.0])
    )
    all_targets = sampled_items.cancel_target_correction(soft_targets, score_bias)
    assert torch.equal(all_targets.queries, all_targets.queries.sort().values)
    total = torch.zeros(len(soft_targets.starts), len(sampled_items.items))
    total.index_put_((all_targets.queries, all_targets.items), all_targets.values, accumulate=True)
    expected = torch.zeros_like(total)
    for query, item in enumerate(soft_targets.items.tolist()):
        expected[query, item] = -sampled_items.log_q_correction[item]
    expected[0, remapped_batch.items[0]] = (
        0.75 - sampled_items.log_q_correction[remapped_batch.items[0]]
    )  # twice in the window, once raised
    expected[2, remapped_batch.items[4]] = 2.0 - sampled_items.log_q_correction[remapped_batch.items[4]]
    assert torch.allclose(total, expected)


def test_with_nearly_all_items_sampled_loss_and_gradients_are_those_of_all_items():
    dataset, model, other = training_dataset(), small_model(), small_model()
    batch = batch_of(dataset, range(20))
    sampler = NegativeSampler(
        NegativeSampler.fit(dataset, N_ITEMS, PARAMS.max_history, 5, CPU).windows_per_item,
        3 * N_SHOPPERS,
        n_uniform=60 * N_ITEMS,
    )
    plain, sampled_loss = batch_loss(model, [batch]), batch_loss(other, [batch], sampler)
    assert sampled_loss.item() == pytest.approx(plain.item(), rel=1e-4)
    plain.backward()
    sampled_loss.backward()
    for (name, parameter), other_parameter in zip(model.named_parameters(), other.parameters(), strict=True):
        if parameter.grad is not None:
            assert torch.allclose(parameter.grad, other_parameter.grad, atol=1e-4), name


def test_a_larger_sample_is_closer_to_the_loss_of_all_items():
    dataset, model = training_dataset(), small_model()
    batch = batch_of(dataset, range(20))
    plain = batch_loss(model, [batch]).item()
    holding = NegativeSampler.fit(dataset, N_ITEMS, PARAMS.max_history, 10, CPU).windows_per_item
    off = {
        n_uniform: plain - mean_sampled_loss(model, batch, NegativeSampler(holding, 3 * N_SHOPPERS, n_uniform))
        for n_uniform in (10, 50)
    }
    assert 0 < off[50] < off[10] / 2  # the logarithm of a sum that is right on average is a little low
    assert off[50] < 0.1


def mean_sampled_loss(model, batch, sampler):
    losses = []
    for seed in range(200):
        torch.manual_seed(seed)
        losses.append(batch_loss(model, [batch], sampler).item())
    return np.mean(losses)


def test_a_batch_without_queries_has_no_sampled_loss():
    dataset = training_dataset()
    empty = torch.zeros(0, dtype=torch.int64)
    sampled_items = NegativeSampler.fit(dataset, N_ITEMS, PARAMS.max_history, 10, CPU).sample([batch_of(dataset, [0])])
    soft_targets = SoftTargets(empty, empty)
    score_bias = sampled_items.cancel_target_correction(soft_targets, SparseScoreDelta(empty, empty, torch.zeros(0)))
    assert (
        catalogue_cross_entropy(torch.zeros(0, 9), torch.zeros(5, 9), torch.zeros(5), soft_targets, score_bias).item()
        == 0
    )
