"""Targets spread over counts, and the losses on them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div

from genviz.nn.soft_targets import gaussian_target, hard_nll, sparse_kl, two_point_target


def dense(value: torch.Tensor, probability: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """The target as one probability for each value of the vocabulary."""
    zeros = torch.zeros(*value.shape[:-1], vocabulary, dtype=probability.dtype)
    return zeros.scatter_add(-1, value, probability)


def test_two_points_keep_the_mean():
    mean = torch.tensor([0.0, 0.25, 3.0, 6.9, 9.0], dtype=torch.float64)
    value, probability = two_point_target(mean, 10)
    torch.testing.assert_close((value * probability).sum(-1), mean)
    torch.testing.assert_close(probability.sum(-1), torch.ones(5, dtype=torch.float64))
    assert probability[2].tolist() == [1.0, 0.0]
    assert value.max() <= 9 and value.dtype == torch.int64


def test_the_gaussian_is_normalised_on_what_exists():
    centre = torch.tensor([0.0, 4.0, 19.0], dtype=torch.float64)
    value, probability = gaussian_target(centre, torch.ones(3, dtype=torch.float64), 20, 6)
    target = dense(value, probability, 20)
    torch.testing.assert_close(target.sum(-1), torch.ones(3, dtype=torch.float64))
    grid = torch.arange(20, dtype=torch.float64)
    expected = (-0.5 * (grid - centre[:, None]) ** 2).softmax(-1)
    torch.testing.assert_close(target, expected, atol=1e-8, rtol=0)
    # The lost tail at zero, as the docstring says.
    assert (target[0] * grid).sum().item() == pytest.approx(0.52, abs=0.005)
    assert (target[1] * grid).sum().item() == pytest.approx(4.0, abs=1e-3)


def test_the_sparse_divergence_equals_the_dense_one():
    logits = torch.randn(4, 20, dtype=torch.float64)
    centre = torch.tensor([0.0, 2.0, 9.0, 19.0], dtype=torch.float64)
    value, probability = gaussian_target(centre, 1 + 0.1 * centre, 20, 19)
    expected = kl_div(logits.log_softmax(-1), dense(value, probability, 20), reduction="none").sum(-1)
    torch.testing.assert_close(sparse_kl(logits, value, probability), expected)


def test_the_divergence_is_zero_exactly_at_the_target():
    value, probability = two_point_target(torch.tensor([2.5, 4.0]), 8)
    logits = dense(value, probability, 8).clamp(min=1e-30).log()
    torch.testing.assert_close(sparse_kl(logits, value, probability), torch.zeros(2), atol=1e-6, rtol=0)
    assert (sparse_kl(logits.flip(-1), value, probability) > 1).all()


def test_hard_targets_are_cross_entropy():
    logits, value = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    expected = cross_entropy(logits.flatten(0, 1), value.flatten(), reduction="none").view(3, 5)
    torch.testing.assert_close(hard_nll(logits, value), expected)
