"""Linear analysis and synthesis of patches, started at their principal components.

Orthonormal components keep distances: the nearest code of a patch's coordinates is the nearest patch in pixels. A
codebook over them is good before any training, and a net beside them only has to learn what is not linear.
Shape legend: B tiles, C channels, H x W pixels, h x w patches, D coordinates of a patch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SCALE = 0.25
_SMALL = 0.1
_MOST_PATCHES = 8192


class PatchBasis(nn.Module):
    """Patches to coordinates and back, both learned, both linear.

    Parameters
    ----------
    channels, side
        C and the side of a patch, pixels.
    n_coordinates
        D.
    """

    def __init__(self, channels: int, side: int, n_coordinates: int) -> None:
        super().__init__()
        self.analyse = nn.Conv2d(channels, n_coordinates, side, stride=side)
        self.synthesise = nn.ConvTranspose2d(n_coordinates, channels, side, stride=side)

    @torch.no_grad()
    def start(self, x_BCHW: Tensor) -> None:
        """Take the first principal components of these images' patches, coordinates scaled by a quarter."""
        side = self.analyse.kernel_size[0]
        patches = x_BCHW.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5)
        flat = patches.flatten(3).flatten(0, 2)
        flat = flat[torch.randperm(len(flat), device=flat.device)[:_MOST_PATCHES]]
        shape = self.analyse.weight.shape[1:]
        # One grey level a channel stands for the mean patch, so that analysis and synthesis use the same.
        level_C = flat.view(-1, *shape).mean((0, 2, 3))
        centre = level_C.view(-1, 1, 1).expand(shape).flatten()
        components = torch.linalg.svd(flat - centre, full_matrices=False)[2][: self.analyse.out_channels]
        n = len(components)  # a patch of few pixels has fewer components than there are coordinates
        self.analyse.weight.zero_()[:n] = _SCALE * components.view(n, *shape)
        self.analyse.bias.zero_()[:n] = -_SCALE * components @ centre  # type: ignore[union-attr]
        self.synthesise.weight.zero_()[:n] = components.view(n, *shape) / _SCALE
        self.synthesise.bias.copy_(level_C)  # type: ignore[union-attr]


def finishing(channels: int) -> nn.Sequential:
    """Two convolutions from decoder features and the linear image to what is added to that image; it begins small.

    They see the linear image at full resolution, so that they can mend the edges of its patches.

    Parameters
    ----------
    channels
        Of the decoder features.
    """
    last = nn.Conv2d(4 * channels, 3, 3, padding=1)
    with torch.no_grad():
        last.weight.mul_(_SMALL)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(nn.Conv2d(channels + 3, 4 * channels, 3, padding=1), nn.SiLU(), last)
