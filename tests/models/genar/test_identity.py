"""T9 and T12: where networks start, and what position may say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genviz.nn.fourier import FourierPosition
from tests.models.genar.cases import EVERY_KIND, counts, generators, inputs, network


def _forward(net):
    body = net.body
    x, xy = inputs()
    tokens = body.targets.tokens(body.targets.group_means(torch.as_tensor(counts(5)).float()))
    with torch.no_grad():
        return body(x, xy, tokens)


@pytest.mark.parametrize("skip", [True, False])
def test_film_starts_as_the_identity(skip):
    """T9: before training, gene identity changes no bit, and logits are not degenerate."""
    net = network("tokens", "transformer", trained=False, skip=skip)
    with_identity = _forward(net)
    net.body.film = None
    without = _forward(net)
    assert torch.equal(with_identity, without)
    assert with_identity.std() > 1e-3


def test_film_learns():
    """T9 would be empty if FiLM could not act: a changed map changes the logits."""
    net = network("tokens", "transformer", trained=False, skip=False)
    before = _forward(net)
    with torch.no_grad():
        net.body.film.out.weight.normal_()
    assert not torch.equal(before, _forward(net))


@pytest.mark.parametrize(("kind", "trunk"), EVERY_KIND)
def test_networks_start_at_the_training_rows(kind, trunk):
    """Before a step, expected counts are those of the training rows, whatever the features."""
    net = network(kind, trunk, trained=False, width=64)
    x, xy = inputs(3)
    finest = net.sample(x, xy, generators(3), 400)[-1].mean(axis=(0, 1))
    assert np.corrcoef(finest, counts().mean(axis=0))[0, 1] > 0.5 or kind == "tree"
    assert finest.sum() == pytest.approx(counts().sum(axis=1).mean(), rel=0.35)


def test_every_parameter_learns():
    """No parameter is left without a gradient after one step away from the start."""
    for kind, trunk in EVERY_KIND:
        net = network(kind, trunk, position=True, autoregressive=kind == "tree").train()
        x, xy = inputs(20)
        loss, _ = net.loss(x, xy, torch.as_tensor(counts(20)))
        loss.backward()
        still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        # A key's bias moves all scores of a query alike, which a softmax cannot see.
        assert not [name for name in still if "qkv.bias" not in name], (kind, trunk)


def test_position_separates_neighbours():
    """T12: at least 16 directions hold more than 1 % of the variance; neighbouring spots differ."""
    code = FourierPosition(400.0, 20_000.0)
    grid = torch.cartesian_prod(torch.arange(0, 6400, 200.0), torch.arange(0, 6400, 200.0))
    values = code(grid)
    share = torch.linalg.svdvals(values - values.mean(0)) ** 2
    share = share / share.sum()
    assert int((share > 0.01).sum()) >= 16
    step = (code(torch.tensor([[1000.0, 1000.0]])) - code(torch.tensor([[1200.0, 1000.0]]))).norm()
    assert step > 0.5


def test_position_is_a_rows_own():
    """T12: a spot's code depends on its own micrometres only; a shift of all spots changes it, as documented."""
    code = FourierPosition(400.0, 20_000.0)
    xy = 5000 * torch.rand(50, 2)
    torch.testing.assert_close(code(xy)[7:8], code(xy[7:8]))
    assert not torch.allclose(code(xy), code(xy + 300.0))
