"""Losses of tokenizers on pixels.

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from genviz._errors import MissingDependencyError
from genviz.nn.laplacian import laplacian_loss


def pixel_loss(y_B3HW: Tensor, x_B3HW: Tensor, l1: float = 1.0, l2: float = 1.0) -> Tensor:
    """Weighted mean absolute and mean squared error."""
    total = y_B3HW.new_zeros(())
    if l1:
        total = total + l1 * l1_loss(y_B3HW, x_B3HW)
    if l2:
        total = total + l2 * mse_loss(y_B3HW, x_B3HW)
    return total


def perceptual_loss(kind: str, y_B3HW: Tensor, x_B3HW: Tensor) -> Tensor:
    """Loss by name: "none", "laplacian" (no weights) or "lpips" (VGG; needs the `lpips` package and its weights).

    Raises
    ------
    MissingDependencyError
        For "lpips" without the package or without the weights it downloads.
    """
    if kind == "laplacian":
        return laplacian_loss(y_B3HW, x_B3HW)
    if kind == "lpips":
        value: Tensor = _lpips(y_B3HW.device.type)(y_B3HW, x_B3HW).mean()
        return value
    return y_B3HW.new_zeros(())


@cache
def _lpips(device: str) -> nn.Module:
    try:
        from lpips import LPIPS

        net: nn.Module = LPIPS(net="vgg", verbose=False)
    except (ImportError, OSError) as err:
        raise MissingDependencyError(
            "Expected the lpips package and VGG's weights for perceptual='lpips'; "
            f"{err}. Run pip install lpips once with a network, or take perceptual='laplacian'."
        ) from err
    return net.eval().requires_grad_(False).to(torch.device(device))
