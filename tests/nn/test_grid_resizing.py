"""Resizing by products is torch's."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from genviz.nn.grid_resizing import resize, resizing


@pytest.mark.parametrize(("mode", "n", "m"), [("bicubic", 3, 16), ("bicubic", 1, 4), ("nearest", 5, 16),
                                              ("area", 16, 13), ("area", 16, 4), ("area", 8, 8)])  # fmt: skip
def test_it_is_interpolation(mode, n, m):
    x = torch.randn(2, 3, n, n, generator=torch.Generator().manual_seed(0))
    found = resize(x, resizing(n, m, mode))
    assert torch.allclose(found, interpolate(x, size=(m, m), mode=mode), atol=1e-5)
    if n == m:
        assert found is x
