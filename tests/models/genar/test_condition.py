"""What the trunks are told of a spot."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genar.condition import Condition, ConditionEncoder
from genviz.models.genar.config import GenARConfig

X, XY = torch.randn(5, 18), 4000 * torch.rand(5, 2)


def test_features_alone_by_default():
    condition = Condition(GenARConfig(), 18)
    assert condition.n_out == 18 and torch.equal(condition(X, XY), X)


def test_position_is_beside_them_when_asked():
    condition = Condition(GenARConfig(position=True), 18)
    out = condition(X, XY)
    assert out.shape == (5, condition.n_out) and condition.n_out > 18
    assert torch.equal(out[:, :18], X)
    moved = condition(X, XY + 100)
    assert torch.equal(moved[:, :18], X) and not torch.allclose(moved[:, 18:], out[:, 18:])


def test_attention_pools_the_ring():
    condition = Condition(GenARConfig(neighbours="attention"), 18)
    assert condition.n_out == 4  # own two features, and two of the ring
    torch.testing.assert_close(condition(X, XY)[:, 2:], X.view(5, 9, 2)[:, 1:].mean(1))
    with pytest.raises(UsageError, match=r"8 equal blocks.*got 20 columns.*ring='each'.*neighbours='concat'"):
        Condition(GenARConfig(neighbours="attention"), 20)


def test_the_own_tile_may_be_measured_more_closely_than_the_ring():
    condition = Condition(GenARConfig(neighbours="attention", n_own=10), 18)
    assert condition.n_out == 11
    torch.testing.assert_close(condition(X, XY)[:, :10], X[:, :10])
    torch.testing.assert_close(condition(X, XY)[:, 10], X[:, 10:].mean(1))
    with pytest.raises(UsageError, match="11 features of the own tile"):
        Condition(GenARConfig(neighbours="attention", n_own=11), 18)


def test_the_encoder_keeps_rows_apart():
    encoder = ConditionEncoder(18, 8, 0.5).eval()
    assert encoder(X).shape == (5, 8)
    torch.testing.assert_close(encoder(X)[2:3], encoder(X[2:3]))
