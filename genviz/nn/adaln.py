"""Conditions of adaptive layer norm: a vector, given or left out, and the scales, shifts and gates made from it.

Shape legend: B rows, Z width of a condition, D features; leading axes shown as ``...`` are free.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


def start_matrix(weight_OI: Tensor, width: int, gain: float = 1.0) -> None:
    """Draw a weight matrix from a truncated normal of standard deviation ``gain / sqrt(3 width)``.

    Parameters
    ----------
    weight_OI
        Overwritten.
    width
        Width of the network, which need not be the number of inputs.
    gain
        0 gives zeros.
    """
    nn.init.trunc_normal_(weight_OI, std=(3 * width) ** -0.5)
    with torch.no_grad():
        weight_OI.mul_(gain)


class ConditionVector(nn.Module):
    """``Linear(norm(z))``, or one learned vector for rows without a condition.

    Parameters
    ----------
    n_condition
        Z.
    width
        D.
    norm
        Layer norm of z, which forgets the length of z; False takes z as it is.
    """

    def __init__(self, n_condition: int, width: int, *, norm: bool = True) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_condition) if norm else nn.Identity()
        self.linear = nn.Linear(n_condition, width)
        self.null_D = nn.Parameter(torch.empty(width))
        start_matrix(self.linear.weight, width)
        nn.init.zeros_(self.linear.bias)
        nn.init.trunc_normal_(self.null_D, std=(3 * width) ** -0.5)

    def forward(self, z_BZ: Tensor, given_B: Tensor | None = None) -> Tensor:
        """Give the vectors, (B, D).

        Parameters
        ----------
        z_BZ
            Conditions.
        given_B
            bool, which rows have one; what `z_BZ` holds in the others, even NaN, is not looked at. None: all have.
        """
        if given_B is None:
            every_BD: Tensor = self.linear(self.norm(z_BZ))
            return every_BD
        given_B1 = given_B[:, None]
        c_BD = self.linear(self.norm(z_BZ.masked_fill(~given_B1, 0.0)))
        return torch.where(given_B1, c_BD, self.null_D.to(c_BD.dtype))


class ModulationVectors(nn.Module):
    """SiLU - Linear from a condition to some vectors, each with its own size before training.

    Parameters
    ----------
    n_condition
        Width of the condition.
    width
        D.
    gains
        One a vector: its weights begin as a truncated normal of standard deviation ``gain / sqrt(3 n_condition)``. 0
        makes scales, shifts and gates of zero; a gate of nearly 0 keeps gradients in all blocks.
    """

    def __init__(self, n_condition: int, width: int, gains: Sequence[float]) -> None:
        super().__init__()
        self.n = len(gains)
        self.linear = nn.Linear(n_condition, self.n * width)
        nn.init.zeros_(self.linear.bias)
        for part_DC, gain in zip(self.linear.weight.chunk(self.n), gains, strict=True):
            start_matrix(part_DC.data, n_condition, gain)

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Give the vectors, (..., D) each.

        Parameters
        ----------
        condition
            (..., C): one a row, or one a position.
        """
        out: Tensor = self.linear(silu(condition))
        return out.chunk(self.n, dim=-1)
