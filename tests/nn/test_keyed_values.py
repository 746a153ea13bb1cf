"""Keyed uniform and normal numbers: their laws, tails, and that they depend on their address alone."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import kstest

from genviz.nn import keyed_values
from genviz.nn.keyed_values import normal, uniform

KEYS = torch.arange(100)


def test_laws():
    place = torch.arange(400)
    assert kstest(uniform(KEYS, place).flatten().numpy(), "uniform").pvalue > 1e-3
    noise = normal(KEYS, place)
    assert kstest(noise.flatten().double().numpy(), "norm").pvalue > 1e-3
    assert abs(float(torch.corrcoef(noise.double())[0, 1:].mean())) < 0.02
    assert noise.isfinite().all()


def test_only_the_address_counts():
    place = torch.arange(50)
    for draw in (normal, uniform):
        assert torch.equal(draw(KEYS[[7, 2]], place[[4, 9]]), draw(KEYS, place)[[7, 2]][:, [4, 9]])


def test_both_tails_are_exact(monkeypatch):
    """Gumbel numbers of -3.5 and of 35 are probabilities of 1e-15 and 1 - 1e-15."""
    monkeypatch.setattr(keyed_values, "gumbel", lambda key, place: torch.tensor([[-3.55, 34.6, 36.74]]))
    found = normal(KEYS[:1], torch.arange(3))[0]
    assert found.isfinite().all()
    assert float(found[0]) == pytest.approx(-8.0, abs=0.1)
    assert float(found[1]) == pytest.approx(7.9, abs=0.1)
