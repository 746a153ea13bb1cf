"""Identity, position and neighbours as a network takes them in: `FiLM`, `FourierPosition`, `RingAttention`."""

from __future__ import annotations

import math

import torch

from genviz.nn.dropout_mlp import DropoutMLP
from genviz.nn.film import FiLM
from genviz.nn.fourier import FourierPosition
from genviz.nn.ring import RingAttention


def test_film_starts_as_the_identity_bit_for_bit():
    film, hidden, identity = FiLM(5, 8), torch.randn(3, 7, 8), torch.randn(7, 5)
    assert torch.equal(film(hidden, identity), hidden)


def test_film_scales_and_shifts_each_position_by_its_own_identity():
    film, hidden, identity = FiLM(5, 8), torch.randn(3, 7, 8), torch.randn(7, 5)
    torch.nn.init.normal_(film.out.weight)
    gamma, beta = film.modulation(identity)
    assert gamma.shape == beta.shape == (7, 8) and gamma.std() > 0.1
    torch.testing.assert_close(film(hidden, identity), hidden * (1 + gamma) + beta)
    changed = film(hidden, identity.index_fill(0, torch.tensor([2]), 9.0)) != film(hidden, identity)
    assert changed.any(-1).any(0).tolist() == [i == 2 for i in range(7)]


def test_film_learns_from_the_first_step():
    film = FiLM(5, 8)
    film(torch.randn(7, 8), torch.randn(7, 5)).square().sum().backward()
    assert film.out.weight.grad.abs().sum() > 0


def test_fourier_is_sine_and_cosine_of_each_wavelength():
    code = FourierPosition(400.0, 6400.0, n_wavelengths=3)
    torch.testing.assert_close(
        2 * math.pi / code.frequency_W, torch.tensor([6400.0, 1600.0, 400.0]), rtol=1e-4, atol=0
    )
    xy = torch.tensor([[800.0, 100.0]])
    x, y = (2 * math.pi * v / torch.tensor([6400.0, 1600.0, 400.0]) for v in (800.0, 100.0))
    expected = torch.cat([x.sin(), x.cos(), y.sin(), y.cos()])
    torch.testing.assert_close(code(xy)[0], expected, atol=1e-5, rtol=0)
    assert code(xy).shape == (1, code.n_out) == (1, 12)


def test_fourier_codes_tell_places_apart_and_rows_stand_alone():
    code = FourierPosition(400.0, 20_000.0)
    xy = torch.rand(50, 2) * 8000
    codes = code(xy)
    assert codes.abs().max() <= 1
    assert torch.equal(code(xy[7:8]), codes[7:8])
    apart = torch.cdist(codes, codes) + 10 * torch.eye(50)
    assert apart.min() > 0.05
    assert not list(code.state_dict())  # nothing to store: wavelengths are options


def test_ring_attention_starts_as_own_tile_and_mean_of_the_ring():
    ring, x = RingAttention(6, 4, 8), torch.randn(5, 38)
    out = ring(x)
    assert out.shape == (5, ring.n_out) == (5, 10)
    torch.testing.assert_close(out[:, :6], x[:, :6])
    torch.testing.assert_close(out[:, 6:], x[:, 6:].view(5, 8, 4).mean(1))


def test_ring_attention_does_not_know_the_order_of_the_ring():
    ring = RingAttention(4, 4, 8)
    torch.nn.init.normal_(ring.query.weight)
    x = torch.randn(5, 9, 4)
    turned = torch.cat([x[:, :1], x[:, torch.randperm(8) + 1]], dim=1)
    torch.testing.assert_close(ring(turned.flatten(1)), ring(x.flatten(1)))
    assert not torch.allclose(ring(x.flatten(1))[:, 4:], x[:, 1:].mean(1), atol=1e-2)


def test_dropout_mlp_gives_zero_before_training_and_drops_only_in_training():
    mlp, x = DropoutMLP(6, 16, 3, 0.5), torch.randn(4, 6)
    assert torch.equal(mlp(x), torch.zeros(4, 3))
    torch.nn.init.normal_(mlp.out[-1].weight)
    assert not torch.equal(mlp(x), mlp(x))
    mlp.eval()
    assert torch.equal(mlp(x), mlp(x))
    w, v = mlp.hidden[-1], mlp.out[-1]
    torch.testing.assert_close(mlp(x), v(torch.nn.functional.gelu(w(x))))
