"""What an image should have where its pixels cannot be known: as much fine detail as the original, in no fixed grid.

A loss of pixels is least at the mean of what might be there, which is smooth; a discriminator alone finds the right
amount of detail slowly, and is content with detail that repeats in every cell of the latent grid. These two losses say
how much and where not, and leave what the detail looks like to the discriminator.

Shape legend: B tiles, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, l1_loss, pad

N_LEVELS = 3
WINDOW = 8
_FLOOR = 1e-5  # of a mean square; the slope of a root is infinite at 0


def energy_loss(x_BCHW: Tensor, y_BCHW: Tensor) -> Tensor:
    """Difference of the strength of detail, band by band and place by place, whatever its sign and position.

    ``sum_bands mean |rms(band(x)) - rms(band(y))|``, the root mean square over windows of 8 x 8 pixels. Bands are the
    difference from the mean of 3 x 3 pixels, and three levels of a Laplacian pyramid.

    Parameters
    ----------
    x_BCHW, y_BCHW
        Images to compare; sides of at least 16 pixels.
    """
    pairs = zip(_bands(x_BCHW), _bands(y_BCHW), strict=True)
    return torch.stack(
        [l1_loss(_strength(x, window), _strength(y, window)) for (x, window), (y, _) in pairs]
    ).sum()


def phase_loss(x_BCHW: Tensor, y_BCHW: Tensor, period: int) -> Tensor:
    """Mean square, in each tile, of what two images differ by at a place of a grid cell, on average over its cells.

    Parameters
    ----------
    x_BCHW, y_BCHW
        Images to compare, their sides multiples of `period`.
    period
        Side of a cell of the latent grid, pixels.
    """
    difference_BCHW = x_BCHW - y_BCHW
    n_batch, n_channels, height, width = difference_BCHW.shape
    cells = difference_BCHW.view(n_batch, n_channels, height // period, period, width // period, period)
    return cells.mean(dim=(2, 4)).square().mean()


def _bands(x_BCHW: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Bands from fine to coarse, each with the window that its strength is measured in."""
    yield x_BCHW - avg_pool2d(pad(x_BCHW, (1, 1, 1, 1), mode="replicate"), 3, 1), WINDOW
    for level in range(N_LEVELS):
        half_BCHW = avg_pool2d(x_BCHW, 2)
        yield x_BCHW - interpolate(half_BCHW, size=x_BCHW.shape[2:], mode="bilinear"), WINDOW >> level
        x_BCHW = half_BCHW


def _strength(band_BCHW: Tensor, window: int) -> Tensor:
    return (avg_pool2d(band_BCHW.square(), window) + _FLOOR).sqrt()
