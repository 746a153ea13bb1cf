"""Perceptual losses of the tokenizer, by name.

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from genviz._errors import MissingDependencyError
from genviz.nn.laplacian import laplacian_loss


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
