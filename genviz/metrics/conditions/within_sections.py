"""Correlations of the columns of two tables within sections: what differs between sections says nothing.

Shape legend: N rows, D statistics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError

Floats = NDArray[np.float64]
Labels = NDArray[np.object_]

_FLAT = 1e-9


def section_labels(sections: ArrayLike | None, n: int) -> Labels:
    """Section of each of n rows as an object array; "" for all without any.

    Parameters
    ----------
    sections
        (n,) names, or None.
    n
        Rows.

    Raises
    ------
    DataError
        For another number of names.
    """
    if sections is None:
        return np.full(n, "", object)
    found = np.asarray(sections, object)
    if found.shape != (n,):
        raise DataError(f"Expected {n} sections, one a row; got {found.shape}.")
    return found


def centred_within(values_ND: ArrayLike, sections: Labels | None = None) -> Floats:
    """Values minus the mean of their section, float64 (N, D).

    Parameters
    ----------
    values_ND
        Statistics.
    sections
        (N,) or None: one section.
    """
    values = np.array(values_ND, np.float64)
    labels = section_labels(sections, len(values))
    for name in dict.fromkeys(labels.tolist()):
        own = labels == name
        values[own] -= values[own].mean(axis=0)
    return values


def correlations(made_ND: ArrayLike, real_ND: ArrayLike, sections: Labels | None = None) -> Floats:
    """Pearson correlation of each column, within sections.

    Parameters
    ----------
    made_ND, real_ND
        The same rows.
    sections
        (N,) or None: one section.

    Returns
    -------
    (D,); NaN where the real column is constant, 0 where only the made one is: it says nothing of what varies.
    """
    made, real = centred_within(made_ND, sections), centred_within(real_ND, sections)
    return correlations_of_centred(made, real)


def correlations_of_centred(made_ND: Floats, real_ND: Floats) -> Floats:
    """The same for columns whose section means are 0.

    Parameters
    ----------
    made_ND, real_ND
        The same rows.
    """
    if made_ND.shape != real_ND.shape:
        raise DataError(f"Expected equal tables; got {made_ND.shape} and {real_ND.shape}.")
    moved, spread = (np.sqrt((part**2).sum(axis=0)) for part in (made_ND, real_ND))
    safe = np.maximum(moved, _FLAT) * np.maximum(spread, _FLAT)
    r_D = (made_ND * real_ND).sum(axis=0) / safe
    return np.where(spread > _FLAT, np.where(moved > _FLAT, r_D, 0.0), np.nan)


def mean_of(r_D: NDArray[Any]) -> float:
    """Mean of the defined correlations; NaN without any.

    Parameters
    ----------
    r_D
        Correlations.
    """
    return float(np.nanmean(r_D)) if np.isfinite(r_D).any() else float("nan")
