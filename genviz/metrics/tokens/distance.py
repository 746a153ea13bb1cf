"""In how many tokens a tile differs from the most similar training tile: copies differ in few.

Shape legend: N rows, M training rows, L tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError

_CHUNK = 64


def nearest_tokens(tokens_NL: ArrayLike, training_ML: ArrayLike) -> NDArray[np.int64]:
    """Least number (N,) of tokens in which a row differs from a training row (Hamming distance).

    Parameters
    ----------
    tokens_NL, training_ML
        Tokens of one tokenizer, whole numbers.

    Raises
    ------
    DataError
        For other lengths, or no training rows.
    """
    tokens, training = np.asarray(tokens_NL), np.asarray(training_ML)
    if tokens.ndim != 2 or training.ndim != 2 or tokens.shape[1] != training.shape[1] or not len(training):
        raise DataError(f"Expected tokens of one length; got {tokens.shape} and {training.shape}.")
    found = np.empty(len(tokens), np.int64)
    for start in range(0, len(tokens), _CHUNK):
        part = tokens[start : start + _CHUNK]
        found[start : start + len(part)] = (part[:, None] != training[None]).sum(axis=-1).min(axis=1)
    return found
