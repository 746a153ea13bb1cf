"""Conditions given and left out; sizes of modulations before training."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.adaln import ConditionVector, ModulationVectors


@pytest.mark.parametrize("norm", [True, False])
def test_a_left_out_condition_is_not_looked_at(norm):
    net = ConditionVector(4, 8, norm=norm)
    z_BZ = torch.randn(3, 4, requires_grad=True)
    given_B = torch.tensor([True, False, True])
    c_BD = net(z_BZ.masked_fill(~given_B[:, None], float("nan")), given_B)
    assert torch.equal(c_BD[1], net.null_D)
    assert torch.allclose(c_BD[[0, 2]], net(z_BZ)[[0, 2]], atol=1e-6)
    c_BD.square().sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in net.parameters()
    )
    assert z_BZ.grad[[0, 2]].abs().sum() > 0 and not z_BZ.grad[1].nan_to_num(0).any()


def test_the_norm_forgets_the_length():
    z_BZ = torch.randn(3, 16)
    with_norm, without = ConditionVector(16, 8), ConditionVector(16, 8, norm=False)
    assert torch.allclose(with_norm(z_BZ), with_norm(2 * z_BZ), atol=1e-4)
    assert not torch.allclose(without(z_BZ), without(2 * z_BZ), atol=1e-2)


def test_modulations_begin_at_their_gains():
    net = ModulationVectors(64, 300, (0.0, 1e-5, 0.5))
    gate, small, scale = net.linear.weight.chunk(3)
    assert not gate.any() and float(small.detach().abs().max()) < 1e-5
    assert float(scale.detach().std()) == pytest.approx(0.5 * (3 * 64) ** -0.5, rel=0.05)
    for shape in ((5, 64), (5, 7, 64)):
        vectors = net(torch.randn(shape))
        assert [vector.shape for vector in vectors] == [(*shape[:-1], 300)] * 3
