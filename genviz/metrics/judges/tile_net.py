"""A residual classifier of tiles, small for one core or ResNet-18 as published, trained from scratch.

The network is MONAI's ResNet (He et al., CVPR 2016), which needs only torch.
Shape legend: B rows of a batch, N rows, C classes; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz._lazy import require
from genviz.core.keyed import row_generator
from genviz.metrics.image_set import Tiles
from genviz.metrics.judges.small_training import SmallFit, draw_rows, fit_small, keyed_weights, squares

_SETTLED = 8  # batches that the statistics of normalisation are taken from


@dataclass(frozen=True)
class TileNetSize:
    """How large the net is.

    Attributes
    ----------
    layers
        Blocks of each of the four levels.
    widths
        Channels of each level.
    crop_px
        Largest side of what it is trained on.
    """

    layers: tuple[int, ...]
    widths: tuple[int, ...]
    crop_px: int


SIZES = {
    "small": TileNetSize((1, 1, 1, 1), (16, 32, 64, 128), 128),
    "resnet18": TileNetSize((2, 2, 2, 2), (64, 128, 256, 512), 512),
}


def tile_net(size: str, n_classes: int, seed: int) -> nn.Module:
    """A new network with keyed weights; takes (B, 3, H, W), about -1 to 1, gives logits (B, C).

    Parameters
    ----------
    size
        ``small`` (0.3 M parameters) or ``resnet18`` (11.2 M).
    n_classes
        C.
    seed
        Of the weights.

    Raises
    ------
    UsageError
        For another size.
    MissingDependencyError
        Without the extra ``metrics``.
    """
    if size not in SIZES:
        raise UsageError(f"Expected a size of {', '.join(SIZES)}; got {size!r}.")
    nets = require("monai.networks.nets", extra="metrics", purpose="train the tile classifier")
    with keyed_weights(seed, "tile net"):
        network: nn.Module = nets.ResNet(
            block="basic",
            layers=list(SIZES[size].layers),
            block_inplanes=list(SIZES[size].widths),
            spatial_dims=2,
            n_input_channels=3,
            conv1_t_size=7,
            conv1_t_stride=2,
            num_classes=n_classes,
            bias_downsample=False,
        )
    return network


def train_tile_net(
    network: nn.Module,
    tiles: Tiles,
    target_N: NDArray[np.intp],
    fit: SmallFit,
    *,
    crop_px: int,
) -> list[float]:
    """Train in place: squares at random places, eight turns, each class drawn equally often; see `settle`.

    Parameters
    ----------
    network
        From `tile_net`.
    tiles
        uint8 (N, H, W, 3).
    target_N
        Classes, 0 to C - 1.
    fit
        How.
    crop_px
        Side of the squares, at most that of the tiles.

    Returns
    -------
    The loss of every step.
    """
    side = min(*tiles.shape[1:3], crop_px)

    def batch(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = draw_rows(rng, len(tiles), fit.batch_size, target_N)
        return squares(rng, tiles, rows, side), torch.from_numpy(target_N[rows])

    losses = fit_small(network, batch, nn.functional.cross_entropy, fit)
    purpose = f"{fit.purpose} settled"
    batches = [batch(row_generator(fit.seed, "", str(i), purpose))[0] for i in range(_SETTLED)]
    settle(network, batches, fit.device)
    return losses


@torch.no_grad()
def settle(network: nn.Module, batches: Sequence[Tensor], device: torch.device) -> None:
    """Take the means and variances of batch normalisation from some batches alone.

    Running averages still hold the first steps' when training was short, which would cost short trainings more than
    long ones.

    Parameters
    ----------
    network
        Left in eval mode.
    batches
        Inputs (B, 3, H, W).
    device
        Where to compute.
    """
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    network.train()
    for x in batches:
        network(x.to(device))
    network.eval()
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
