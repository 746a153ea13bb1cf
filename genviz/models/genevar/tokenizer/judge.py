"""A discriminator of tiles that also shows its features, after which images can be matched.

Shape legend: B tiles, C channels, H x W pixels or patches.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss, leaky_relu
from torch.nn.utils.parametrizations import spectral_norm

from genviz.nn.patch_gan import grain

_SLOPE = 0.2


class TileJudge(nn.Module):
    """Judges patches of 34 pixels a side at full and at half resolution (Isola et al. 2017), spectral norm one.

    At full resolution the finest detail is an input too, amplified.

    Parameters
    ----------
    width
        Channels of the first convolution.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.fine, self.coarse = _convolutions(width, 6), _convolutions(width, 3)

    def forward(self, x_B3HW: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Scores of the patches of both scales, higher means real; features of all layers before them."""
        fine = _through(self.fine, torch.cat([x_B3HW, grain(x_B3HW)], dim=1))
        coarse = _through(self.coarse, avg_pool2d(x_B3HW, 2))
        return [fine[-1], coarse[-1]], [*fine[:-1], *coarse[:-1]]


def feature_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Mean over layers of the mean absolute difference of features; the real ones have no gradient."""
    terms = [l1_loss(f.float(), r.detach().float()) for r, f in zip(real, fake, strict=True)]
    return torch.stack(terms).mean()


def _convolutions(width: int, n_in: int) -> nn.ModuleList:
    sizes = [(n_in, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1), (4 * width, 1, 1)]
    return nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, stride, 1)) for a, b, stride in sizes)


def _through(layers: nn.ModuleList, h_BCHW: Tensor) -> list[Tensor]:
    """Output of every layer, the last without its nonlinearity."""
    outputs: list[Tensor] = []
    for layer in layers:
        h_BCHW = layer(leaky_relu(outputs[-1], _SLOPE) if outputs else h_BCHW)
        outputs.append(h_BCHW)
    return outputs
