"""Gumbel noise that belongs to a row, a stream, a position and a code, whatever computes it and when.

A counter-based generator: the numbers are hashes of what they are for, so there is no state to carry, nothing depends
on the order of calls, and a CUDA graph can hold it. Shape legend: B rows, K codes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators": SplitMix64.
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _signed(value: int) -> int:
    """The int64 with the low 64 bits of `value`."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def _shifted(x: Tensor, n_bits: int) -> Tensor:
    """Logical shift to the right: int64's own brings the sign along."""
    return (x >> n_bits).bitwise_and_(2 ** (64 - n_bits) - 1)


def _mix(x: Tensor) -> Tensor:
    """Finaliser of SplitMix64, a bijection; int64 products wrap around."""
    # In place: new memory of this size costs more than the arithmetic.
    x = _shifted(x, 30).bitwise_xor_(x).mul_(_signed(_FIRST))
    x = _shifted(x, 27).bitwise_xor_(x).mul_(_signed(_SECOND))
    return _shifted(x, 31).bitwise_xor_(x)


def noise_keys(row_keys: Sequence[int]) -> Tensor:
    """Fold the rows' 128-bit keys of `genviz.core.keyed.row_key` into int64, (B,).

    Parameters
    ----------
    row_keys
        One integer in [0, 2**128) a row.
    """
    return torch.tensor([_signed(key ^ (key >> 64)) for key in row_keys], dtype=torch.int64)


def position_keys(key_B: Tensor, stream: int, position: int) -> Tensor:
    """Key of one draw of each row, int64 (B,).

    Parameters
    ----------
    key_B
        From `noise_keys`.
    stream
        Number of the token stream.
    position
        Cell of the token.
    """
    return _mix(_mix(key_B + _signed(_GOLDEN * (stream + 1))) + _signed(_GOLDEN * (position + 1)))


def gumbel(key_B: Tensor, code_BK: Tensor) -> Tensor:
    """Draw standard Gumbel noise for some codes: ``-log(-log(u))``.

    ``argmax(log p + noise)`` over codes is a draw from p. u has 52 bits and lies strictly between 0 and 1.

    Parameters
    ----------
    key_B
        From `position_keys`.
    code_BK
        int64 codes, (B, K) or (K,); the noise of a code does not depend on which others are asked for.

    Returns
    -------
    float32 (B, K); on CPU and on CUDA equal up to the rounding of the logarithm.
    """
    bits_BK = _mix(key_B[:, None] + (code_BK + 1).mul_(_signed(_GOLDEN)))
    u_BK = _shifted(bits_BK, 12).double().add_(0.5).mul_(2.0**-52)
    return u_BK.log_().neg_().log_().neg_().float()
