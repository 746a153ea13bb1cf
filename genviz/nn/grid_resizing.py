"""Resizing of square grids as two small products, the same numbers as torch's `interpolate`.

Products have deterministic gradients on every device, which the gradient that becomes a mask must have, and derivatives
of every kind. Shape legend: B tiles, D features, n x n and m x m cells.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def resizing(n_from: int, n_to: int, mode: str) -> Tensor:
    """Weights (m, n) of the cells along one side; along the other side they are the same.

    Parameters
    ----------
    n_from, n_to
        n and m.
    mode
        "bicubic", "nearest" or "area".
    """
    units_1nn1 = torch.eye(n_from)[None, :, :, None]
    if n_from == n_to:
        return units_1nn1[0, :, :, 0]
    columns_1nm1 = interpolate(units_1nn1, size=(n_to, 1), mode=mode)
    return columns_1nm1[0, :, :, 0].T.contiguous()


def resize(x_BDnn: Tensor, weight_mn: Tensor) -> Tensor:
    """Apply weights of `resizing` to both sides, (B, D, m, m).

    Parameters
    ----------
    x_BDnn
        Square grids.
    weight_mn
        Weights.
    """
    if weight_mn.shape[0] == weight_mn.shape[1]:
        return x_BDnn
    weight_mn = weight_mn.to(x_BDnn.dtype)
    return weight_mn @ x_BDnn @ weight_mn.T
