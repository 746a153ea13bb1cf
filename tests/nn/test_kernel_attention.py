"""Attention by any kernel: the same values, and derivatives forward and backward."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.nn.kernel_attention import KernelAttention, attend


def _heads(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, n, 4, generator=generator, dtype=dtype) for n in (5, 7, 7)]


def test_kernels_agree():
    expected = attend(*_heads(), kernel="sdpa")
    for kernel in ("math", "manual"):
        assert torch.allclose(attend(*_heads(), kernel=kernel), expected, atol=1e-12)
    with pytest.raises(UsageError, match="kernel"):
        attend(*_heads(), kernel="flash")


@pytest.mark.parametrize("kernel", ["math", "manual"])
@pytest.mark.parametrize("crossed", [False, True])
def test_the_forward_derivative_is_that_of_finite_differences(kernel, crossed):
    torch.manual_seed(0)
    net = KernelAttention(8, 2, crossed=crossed).double()
    h, other, way = torch.randn(3, 2, 5, 8, dtype=torch.float64)

    def call(x):
        return net(x, other if crossed else None, kernel=kernel)

    _, slope = torch.func.jvp(call, (h,), (way,))
    step = 1e-6
    expected = (call(h + step * way) - call(h - step * way)) / (2 * step)
    assert torch.allclose(slope, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kernel", ["math", "manual"])
def test_weights_have_gradients_through_the_value_of_a_derivative(kernel):
    """Reverse mode over the primal output of `jvp`, and over its tangent."""
    torch.manual_seed(0)
    net = KernelAttention(8, 2)
    h = torch.randn(2, 5, 8)
    value, slope = torch.func.jvp(lambda x: net(x, kernel=kernel), (h,), (torch.ones_like(h),))
    plain = torch.autograd.grad(net(h, kernel=kernel).square().sum(), net.qkv.weight)[0]
    (through,) = torch.autograd.grad(value.square().sum(), net.qkv.weight, retain_graph=True)
    assert torch.allclose(through, plain, atol=1e-5)
    assert torch.autograd.grad(slope.sum(), net.qkv.weight)[0].abs().sum() > 0


def test_size():
    for crossed in (False, True):
        assert (
            sum(p.numel() for p in KernelAttention(8, 2, crossed=crossed).parameters()) == 4 * 8 * 8 + 4 * 8
        )
