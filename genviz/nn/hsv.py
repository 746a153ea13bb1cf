"""Hue, saturation and value of colours, and back.

Shape legend: B tiles, 3 channels, H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-12


def rgb_to_hsv(x_B3HW: Tensor) -> Tensor:
    """Hue in turns, saturation and value, each in [0, 1], of colours in [0, 1]; the hue of grey is 0."""
    value_BHW, highest_BHW = x_B3HW.max(dim=1)
    range_BHW = value_BHW - x_B3HW.amin(dim=1)
    red, green, blue = x_B3HW.unbind(1)
    sixth_BHW = torch.stack([green - blue, blue - red, red - green], dim=1)
    sixth_BHW = sixth_BHW.gather(1, highest_BHW[:, None])[:, 0] / range_BHW.clamp(min=_TINY)
    hue_BHW = ((sixth_BHW + 2 * highest_BHW) / 6) % 1
    return torch.stack([hue_BHW, range_BHW / value_BHW.clamp(min=_TINY), value_BHW], dim=1)


def hsv_to_rgb(h_B3HW: Tensor) -> Tensor:
    """The way back: ``value (1 - saturation clip(min(p, 4 - p), 0, 1))``, ``p = (n + 6 hue) mod 6``, n = 5, 3, 1."""
    hue_BHW, saturation_BHW, value_BHW = h_B3HW.unbind(1)
    first_3 = torch.tensor([5.0, 3.0, 1.0], device=h_B3HW.device, dtype=h_B3HW.dtype)
    p_B3HW = (first_3[:, None, None] + 6 * hue_BHW[:, None]) % 6
    ramp_B3HW = torch.minimum(p_B3HW, 4 - p_B3HW).clamp(0, 1)
    return value_BHW[:, None] * (1 - saturation_BHW[:, None] * ramp_B3HW)
