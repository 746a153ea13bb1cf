"""Pixels as networks take and give them.

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in [-1, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(x_B3HW: Tensor) -> NDArray[np.uint8]:
    """The way back, rounded and clipped."""
    bytes_BHW3 = ((x_B3HW.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    images: NDArray[np.uint8] = np.ascontiguousarray(bytes_BHW3.cpu().numpy())
    return images


def mask_tensor(masks: NDArray[np.bool_]) -> Tensor:
    """Bool (B, H, W) to float32 (B, 1, H, W) in {0, 1}."""
    return torch.from_numpy(np.ascontiguousarray(masks))[:, None].float()
