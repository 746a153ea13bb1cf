"""The two likelihoods against scipy, against sums to one, and at their edges."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats

from genviz.nn.count_likelihoods import dirichlet_multinomial_log_prob, negative_binomial_log_prob
from genviz.nn.segments import segment_log_softmax


def double(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.5), (4.0, 2.0), (900.0, 12.0)])
def test_negative_binomial_is_scipys(mean, dispersion):
    counts = np.array([0, 1, 2, 7, 300, 2000])
    found = negative_binomial_log_prob(double(counts), double(mean).log(), double(dispersion).log())
    expected = stats.nbinom(dispersion, dispersion / (dispersion + mean)).logpmf(counts)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_negative_binomial_becomes_poisson_and_stays_finite():
    counts = double([0.0, 3.0, 20.0])
    found = negative_binomial_log_prob(counts, double(5.0).log(), double(18.0))  # dispersion e^18
    np.testing.assert_allclose(found.numpy(), stats.poisson(5.0).logpmf(counts.numpy()), rtol=1e-5)
    for log_mean, log_dispersion in product((-30.0, 30.0), repeat=2):
        value = torch.tensor(log_mean, requires_grad=True)
        nll = -negative_binomial_log_prob(torch.tensor(3.0), value, torch.tensor(log_dispersion))
        nll.backward()
        assert nll.isfinite() and value.grad.isfinite()


def test_dirichlet_multinomial_is_scipys_within_each_parent():
    parent = torch.tensor([0, 1, 0, 1, 1])
    counts = double([3.0, 0.0, 4.0, 5.0, 2.0])
    log_share = segment_log_softmax(double([0.2, -1.0, 0.7, 0.0, 1.0]), parent, 2)
    log_concentration = double([1.5, 3.0])
    found = dirichlet_multinomial_log_prob(counts, log_share, log_concentration, parent, 2)
    for q in (0, 1):
        alpha = (log_share[parent == q] + log_concentration[q]).exp().numpy()
        own = counts[parent == q].numpy().astype(int)
        expected = stats.dirichlet_multinomial(alpha, own.sum()).logpmf(own)
        assert found[q].item() == pytest.approx(expected, rel=1e-9)


def test_all_ways_to_split_a_total_sum_to_one():
    parent, log_share = torch.zeros(3, dtype=torch.int64), double([0.5, 0.3, 0.2]).log()
    ways = double([c for c in product(range(6), repeat=3) if sum(c) == 5])
    found = dirichlet_multinomial_log_prob(ways, log_share, double([0.4]), parent, 1)
    assert found.shape == (21, 1)
    assert found.exp().sum().item() == pytest.approx(1.0)


def test_an_only_child_and_an_empty_parent_cost_nothing():
    parent = torch.tensor([0, 1, 1])
    log_share = double([0.0, np.log(0.25), np.log(0.75)])
    found = dirichlet_multinomial_log_prob(double([17.0, 0.0, 0.0]), log_share, double([2.0, 2.0]), parent, 2)
    torch.testing.assert_close(found, torch.zeros(2, dtype=torch.float64), atol=1e-9, rtol=0)
