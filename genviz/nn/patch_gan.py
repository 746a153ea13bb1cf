"""A discriminator of patches at two scales, and its hinge losses (Isola et al. 2017; Lim & Ye 2017).

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad, relu
from torch.nn.utils.parametrizations import spectral_norm

_GRAIN = 200  # a step of one grey level of 256 becomes 1.6, where the arcsinh begins to bend
_SHRINK = 1 / 3


def _patches(width: int, n_in: int) -> nn.Sequential:
    """Convolutions whose outputs each judge a patch of 34 pixels a side."""
    sizes = [(n_in, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1)]
    layers: list[nn.Module] = []
    for a, b, stride in sizes:
        layers += [spectral_norm(nn.Conv2d(a, b, 4, stride, 1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(4 * width, 1, 4, 1, 1)))


class PatchDiscriminator(nn.Module):
    """Judges an image together with its mask, at full and at half resolution.

    The mask is an input so that nuclei must look right where nuclei are meant to be. At full resolution the finest
    detail is an input too, amplified: grain of one or two grey levels is most of what tells a fluorescence image from
    its smooth reconstruction, and a net of spectral norm one would not feel it in the image itself.

    Parameters
    ----------
    width
        Channels of the first convolution.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.fine = _patches(width, 7)
        self.coarse = _patches(width, 4)

    def forward(self, x_B3HW: Tensor, m_B1HW: Tensor) -> list[Tensor]:
        """Scores of the patches of both scales; higher means real."""
        pair_B4HW = torch.cat([x_B3HW, 2 * m_B1HW - 1], dim=1)
        seen_B7HW = torch.cat([pair_B4HW, grain(x_B3HW)], dim=1)
        return [self.fine(seen_B7HW), self.coarse(avg_pool2d(pair_B4HW, 2))]


def grain(x_BCHW: Tensor) -> Tensor:
    """Difference from the mean of 3 x 3 pixels, large ones shrunk by an arcsinh."""
    mean_BCHW = avg_pool2d(pad(x_BCHW, (1, 1, 1, 1), mode="reflect"), 3, 1)
    return torch.asinh(_GRAIN * (x_BCHW - mean_BCHW)) * _SHRINK


def discriminator_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Hinge: ``mean relu(1 - D(x)) + mean relu(1 + D(y))``, averaged over scales."""
    terms = [relu(1 - r.float()).mean() + relu(1 + f.float()).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(terms).mean()


def generator_loss(fake: list[Tensor]) -> Tensor:
    """``-mean D(y)``, averaged over scales."""
    return torch.stack([-f.float().mean() for f in fake]).mean()
