"""Randomness that belongs to a row, whatever batch, order or process it is computed in."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def row_key(seed: int, library: str, row_name: str, stream: str = "") -> int:
    """128-bit key of one row's random stream, the same on every platform.

    Parameters
    ----------
    seed
        Seed of the call.
    library
        Section the row belongs to ("" when there is one).
    row_name
        Name of the row in ``obs_names``.
    stream
        Purpose, so that two uses of randomness for one row are independent ("sample", "pit", ...).

    Returns
    -------
    Integer in [0, 2**128), the blake2b digest of the four parts.
    """
    # JSON keeps the parts apart: ("ab", "c") and ("a", "bc") must not collide.
    text = json.dumps([int(seed), str(library), str(row_name), str(stream)], ensure_ascii=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def row_generator(seed: int, library: str, row_name: str, stream: str = "") -> np.random.Generator:
    """Generator of all randomness of one row: a Philox stream keyed by (seed, library, row, stream).

    Two calls with equal arguments draw equal numbers; a row's draws never depend on other rows.

    Parameters
    ----------
    seed, library, row_name, stream
        As `row_key` takes them.

    Returns
    -------
    A new generator at the start of its stream, keyed by `row_key` of the four.
    """
    return np.random.Generator(np.random.Philox(key=row_key(seed, library, row_name, stream)))
