"""Where a mask is nucleus: one reading for all masks that come in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError


def foreground(masks: ArrayLike, what: str = "masks") -> NDArray[np.bool_]:
    """Where a mask is above 0; a map of probabilities is no mask, and its threshold is its maker's choice.

    Parameters
    ----------
    masks
        Whole numbers, 0 for background, of any type.
    what
        Named in the error.

    Raises
    ------
    DataError
        For fractions, NaN, or negative values.
    """
    values: NDArray[Any] = np.asarray(masks)
    if values.dtype.kind not in "buif" or (
        values.dtype.kind == "f" and not np.equal(values, np.round(values)).all()
    ):
        raise DataError(
            f"Expected {what} of whole numbers, 0 for background; got {values.dtype} with fractions or NaN. Threshold "
            "the map first, for example masks > 0.5."
        )
    if values.dtype.kind in "if" and (values < 0).any():
        raise DataError(
            f"Expected {what} from 0, background; got {values.min()}. Write 0 where there is nothing to see."
        )
    return np.asarray(values > 0)
