"""Linear maps of a handful of rows with weights that were packed once for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import gelu, linear, pad

_FEWEST = 4  # one or two rows take oneDNN half as long again as four


def packed_linear(weight_OI: Tensor, n_rows: int, *, then_gelu: bool = False) -> Callable[[Tensor], Tensor]:
    """Give the function ``x -> x W^T``, or its GELU, for inputs of a fixed number of rows.

    On the CPU in float32 the weights are copied into the blocked layout of oneDNN, where this build of torch has it:
    up to twice as fast for a few rows. The copy does not follow later changes of the weights.

    Parameters
    ----------
    weight_OI
        W, outputs by inputs.
    n_rows
        Rows that the function will be given; with another number it is slower.
    then_gelu
        Apply GELU to the result.
    """
    weight_OI = weight_OI.detach()
    packable = weight_OI.device.type == "cpu" and weight_OI.dtype == torch.float32
    if packable and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight_OI, n_rows)
        return partial(_packed, packed, "gelu" if then_gelu else "none")
    return partial(_plain, weight_OI, then_gelu)


def _packed(packed_OI: Tensor, activation: str, x: Tensor) -> Tensor:
    n_rows = len(x)
    if n_rows < _FEWEST:
        x = pad(x, (0, 0, 0, _FEWEST - n_rows))
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, packed_OI, None, activation, [], "none")
    return out[:n_rows]


def _plain(weight_OI: Tensor, then_gelu: bool, x: Tensor) -> Tensor:
    x = linear(x, weight_OI)
    return gelu(x) if then_gelu else x
