"""Arguments that every model checks alike."""

from __future__ import annotations

import numpy as np

from genviz._errors import UsageError
from genviz.core.arguments import check_number

__all__ = ["check_number", "check_seed"]


def check_seed(seed: int) -> int:
    """A seed from 0 to 2^63 - 1.

    Parameters
    ----------
    seed
        What was given.

    Raises
    ------
    UsageError
        For any other.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise UsageError(f"Expected a seed from 0 to 2^63 - 1; got {seed!r}.")
    return int(seed)
