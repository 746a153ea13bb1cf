"""Keyed Gumbel noise: its law, its independence, and that it depends on its address alone."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chi2, gumbel_r, kstest

from genviz.core.keyed import row_key
from genviz.nn.keyed_noise import gumbel, noise_keys, position_keys

KEYS = noise_keys([row_key(0, "", str(row), "tokens") for row in range(200)])


def _field(stream=0, position=0, n_codes=500):
    return gumbel(position_keys(KEYS, stream, position), torch.arange(n_codes)).double()


def test_it_is_standard_gumbel():
    noise = _field().flatten()
    assert kstest(noise.numpy(), gumbel_r.cdf).pvalue > 1e-3
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.02)
    assert float(noise.var()) == pytest.approx(1.6449, abs=0.05)
    assert noise.isfinite().all()


@pytest.mark.parametrize("neighbours", ["codes", "positions", "streams", "rows"])
def test_neighbours_are_independent(neighbours):
    """Of uniforms: a chi-square of pairs on a grid of 8 x 8."""
    field = _field(0, 3)
    one, two = {
        "codes": (field[:, :-1], field[:, 1:]),
        "positions": (field, _field(0, 4)),
        "streams": (field, _field(1, 3)),
        "rows": (field[:-1], field[1:]),
    }[neighbours]
    bins = [((-(-x).exp()).exp() * 8).long().flatten() for x in (one, two)]
    counts = torch.bincount(bins[0] * 8 + bins[1], minlength=64).double()
    expected = counts.sum() / 64
    assert chi2.sf(float(((counts - expected) ** 2 / expected).sum()), 63) > 1e-3


def test_sequential_keys_are_as_good():
    """Plain counters as keys, as a user might pass."""
    noise = gumbel(position_keys(torch.arange(1000), 0, 0), torch.arange(100)).double()
    assert kstest(noise.flatten().numpy(), gumbel_r.cdf).pvalue > 1e-3
    assert abs(float(torch.corrcoef(noise.T[:2])[0, 1])) < 0.12


def test_only_the_address_counts():
    whole = _field(1, 9)
    chosen = torch.tensor([7, 3, 499])
    part = gumbel(position_keys(KEYS[[5, 2]], 1, 9), chosen)
    assert torch.equal(part.double(), whole[[5, 2]][:, chosen])


def test_numbers_never_change():
    """The same on every platform and in every version: tokens of a seed are part of the contract."""
    found = gumbel(position_keys(noise_keys([2**127 + 5, 1]), 1, 2), torch.tensor([0, 1023]))
    expected = torch.tensor([[-0.102963, 0.655953], [1.279475, -0.310676]])
    assert torch.allclose(found, expected, atol=1e-6)


def test_all_of_a_128_bit_key_counts():
    keys = noise_keys([1, 1 << 64, 1 << 100, 2, (1 << 64) + 2])
    assert len(set(keys.tolist())) == 4  # the halves are folded: 1 and 2^64 fall together
    assert keys.dtype == torch.int64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_draws_the_same():
    key = position_keys(KEYS.cuda(), 0, 0)
    assert torch.allclose(gumbel(key, torch.arange(500, device="cuda")).cpu().double(), _field(), atol=1e-5)
