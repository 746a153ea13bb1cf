"""Sequencing depth as an argument of prediction.

Depth is most of the error that is left, and no image of another patient can tell it: a lab that knows it should say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError

if TYPE_CHECKING:
    from anndata import AnnData

_FACTOR = 2.0


@dataclass(frozen=True)
class Depth:
    """What is known about depth.

    Attributes
    ----------
    total_N
        Panel total of each row, or None.
    median
        Median panel total of each section, or None.
    """

    total_N: NDArray[np.int64] | None = None
    median: float | None = None

    @property
    def value(self) -> float | None:
        """The number told, or the median of the rows' own; None where nothing was told."""
        return self.median if self.total_N is None else float(np.median(self.total_N))

    @property
    def told(self) -> str:
        """``"spot"``, ``"section"`` or ``"no"``, for provenance."""
        return "spot" if self.total_N is not None else "section" if self.median is not None else "no"


def read_depth(adata: AnnData, depth: Any) -> Depth:
    """Understand the argument ``depth``: None, a number, a column of ``obs``, or one number a row.

    Raises
    ------
    UsageError
        For a column that is not there.
    DataError
        For values that are negative, not finite or of the wrong length.
    """
    if depth is None:
        return Depth()
    if isinstance(depth, str):
        if depth not in adata.obs:
            raise UsageError(
                f"Expected depth as a column of obs ({', '.join(map(str, adata.obs))}); got {depth!r}."
            )
        depth = adata.obs[depth].to_numpy()
    values = np.asarray(depth, dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        wrong = values[~(np.isfinite(values) & (values >= 0))]
        raise DataError(
            f"Expected depths that are finite and not negative, sums of counts of the panel; got {wrong.flat[0]:g}. "
            "Correct depth, or leave it out."
        )
    if values.ndim == 0:
        if values == 0:
            raise DataError("Expected a section's median panel count above 0; got 0.")
        return Depth(median=float(values))
    if values.shape != (adata.n_obs,):
        raise DataError(
            f"Expected one depth a row ({adata.n_obs}) or a single number; got shape {values.shape}."
        )
    return Depth(total_N=np.rint(values).astype(np.int64))


def section_factors(
    median: float, expected_N: NDArray[np.floating], libraries: NDArray[Any]
) -> tuple[NDArray[np.float64], list[str]]:
    """Factor on each row's expected total, so that the median of each section's expected totals is the one told.

    Returns
    -------
    Factors (N,), and a sentence for each section whose predicted depth is off by more than 2x.
    """
    factors = np.ones(len(libraries))
    for library in dict.fromkeys(libraries):
        rows = libraries == library
        factors[rows] = median / max(float(np.median(expected_N[rows])), 1e-9)
    return factors, depth_notes(np.full(len(libraries), median), expected_N, libraries)


def depth_notes(told_N: NDArray[Any], expected_N: NDArray[Any], libraries: NDArray[Any]) -> list[str]:
    """A sentence for each section whose median depth is predicted off by more than 2x."""
    notes = []
    for library in dict.fromkeys(libraries):
        rows = libraries == library
        told, predicted = float(np.median(told_N[rows])), float(np.median(expected_N[rows]))
        if not predicted / _FACTOR <= told <= predicted * _FACTOR:
            notes.append(
                f"Section {library}: predicted median panel count {predicted:.0f}, told {told:.0f}. This section was "
                "probably sequenced unlike the training sections; predictions are scaled, their spread is less certain."
            )
    return notes
