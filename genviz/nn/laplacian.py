"""Differences of images band by band, a perceptual loss that needs no weights.

Shape legend: B tiles, C channels, H x W pixels.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, l1_loss


def laplacian_loss(x_BCHW: Tensor, y_BCHW: Tensor, n_levels: int = 3) -> Tensor:
    """Sum over bands of ``2^-level mean |band(x) - band(y)|``; a band is a level minus its own blurred half.

    Fine bands weigh most, because a plain L1 hardly feels them (Bojanowski et al. 2018 weigh the other way round, for
    generators that start from noise).

    Parameters
    ----------
    x_BCHW, y_BCHW
        Images to compare.
    n_levels
        Bands; levels of less than two pixels a side are left out.
    """
    difference_BCHW = x_BCHW - y_BCHW
    total = difference_BCHW.new_zeros(())
    for level in range(n_levels):
        if min(difference_BCHW.shape[2:]) < 2:
            break
        half_BCHW = avg_pool2d(difference_BCHW, 2)
        coarse_BCHW = interpolate(half_BCHW, size=difference_BCHW.shape[2:], mode="bilinear")
        # The pyramid is linear, so the band of the difference is the difference of the bands.
        total = total + 2.0**-level * l1_loss(difference_BCHW, coarse_BCHW)
        difference_BCHW = half_BCHW
    return total
