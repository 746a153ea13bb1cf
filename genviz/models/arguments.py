"""Arguments that every model checks alike."""

from __future__ import annotations

import numpy as np

from genviz._errors import UsageError


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


def check_number(name: str, value: int) -> int:
    """A whole number from 1.

    Parameters
    ----------
    name, value
        What was given, and what it is called.

    Raises
    ------
    UsageError
        For any other.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UsageError(f"Expected {name}, a whole number from 1; got {value!r}.")
    return int(value)
