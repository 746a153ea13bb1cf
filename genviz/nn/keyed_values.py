"""Uniform and normal numbers that belong to a row, a stream and a place, whatever computes them and when.

From the counter-based Gumbel noise of `genviz.nn.keyed_noise`. Shape legend: B rows, K places.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genviz.nn.keyed_noise import gumbel


def uniform(key_B: Tensor, place_K: Tensor) -> Tensor:
    """Draw numbers uniform in [0, 1], float32 (B, K).

    Parameters
    ----------
    key_B
        From `genviz.nn.keyed_noise.position_keys`.
    place_K
        int64; the number of a place does not depend on which others are asked for.
    """
    return (-_exponential(key_B, place_K)).exp().float()


def normal(key_B: Tensor, place_K: Tensor) -> Tensor:
    """Draw standard normal numbers, float32 (B, K): the quantile function of `uniform`, exact in both tails.

    Parameters
    ----------
    key_B, place_K
        As in `uniform`.
    """
    e_BK = _exponential(key_B, place_K)
    below_BK = torch.special.ndtri((-e_BK).exp())
    # Close to 1 the distance from 1 is what keeps its digits.
    above_BK = -torch.special.ndtri(-torch.expm1(-e_BK))
    return torch.where(e_BK > math.log(2), below_BK, above_BK).float()


def _exponential(key_B: Tensor, place_K: Tensor) -> Tensor:
    """Standard exponential numbers, float64: minus the logarithm of a uniform one."""
    return (-gumbel(key_B, place_K).double()).exp()
