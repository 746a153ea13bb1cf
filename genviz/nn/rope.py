"""Rotary position embedding on a grid of cells: half of the channel pairs turn with the row, half with the column.

Su et al. 2021, "RoFormer", on two axes. Shape legend: L positions, H heads, C channels of a head, P = C / 2 pairs.
"""

from __future__ import annotations

import torch
from torch import Tensor


def grid_rotation(cell_L: Tensor, grid: tuple[int, int], n_channels: int, base: float = 10000.0) -> Tensor:
    """Cosines and sines by which the pairs of a head are turned at each position.

    Pair f of the first half turns by ``row * base^(-2f / P)``, pair f of the second half by the column. A position
    of no cell is not turned at all (cosine 1, sine 0); zeros there would erase its key and its query.

    Parameters
    ----------
    cell_L
        int64 raster index of each position's cell; -1 for none.
    grid
        Rows and columns of cells.
    n_channels
        C, a multiple of 4.
    base
        Longest wavelength over 2 pi, in cells.

    Returns
    -------
    float32 (2, L, C): cosines, and sines with the sign that `rotate` needs.
    """
    n_columns = grid[1]
    frequency_F = base ** (-torch.arange(n_channels // 4, dtype=torch.float64) * 4 / n_channels)
    cell_L = cell_L.cpu()
    place_L2 = torch.stack([cell_L // n_columns, cell_L % n_columns], dim=-1)
    place_L2 = torch.where(cell_L[:, None] >= 0, place_L2, 0)
    angle_LP = (place_L2[:, :, None] * frequency_F).flatten(1)
    cosine_LP, sine_LP = angle_LP.cos(), angle_LP.sin()
    return torch.stack([cosine_LP.repeat(1, 2), torch.cat([-sine_LP, sine_LP], dim=1)]).float()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn pair p, made of channels p and P + p, by its angle.

    Parameters
    ----------
    x
        (..., C).
    cosine, sine
        From `grid_rotation`, broadcast against `x`.

    Returns
    -------
    As `x`.
    """
    # The partner of every channel by one roll: a third of the time of halves taken apart and joined again.
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, -1), sine)
