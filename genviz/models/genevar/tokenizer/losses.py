"""Loss of the tokenizer on pixels.

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss


def pixel_loss(y_B3HW: Tensor, x_B3HW: Tensor, l1: float, l2: float) -> Tensor:
    """Weighted mean absolute and mean squared error."""
    total = y_B3HW.new_zeros(())
    if l1:
        total = total + l1 * l1_loss(y_B3HW, x_B3HW)
    if l2:
        total = total + l2 * mse_loss(y_B3HW, x_B3HW)
    return total
