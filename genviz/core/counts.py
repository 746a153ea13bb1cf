"""What counts as a count matrix: whole, finite, non-negative numbers under unique names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from genviz._errors import DataError

_SHOWN = 3
_BLOCK_VALUES = 1 << 24  # values per block of a dense check, so that no full-size mask is made


def first_names(names: Sequence[str], limit: int = 5) -> str:
    """Write the first names of a list for a message: ``'A', 'B' and 12 more``."""
    shown = ", ".join(repr(str(name)) for name in list(names)[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def check_names(names: Sequence[str], what: str) -> None:
    """Refuse empty and repeated names, because every join is made by name.

    Parameters
    ----------
    names
        Gene or row names.
    what
        What they name, as it is called in the message ("genes", "rows").

    Raises
    ------
    DataError
        Naming the first repeated names.
    """
    empty = sum(not str(name).strip() or str(name) == "nan" for name in names)
    if empty:
        raise DataError(
            f"Expected a name for each of the {len(names)} {what}; {empty} are empty. Name them or drop them."
        )
    if len(set(names)) == len(names):
        return
    repeated = [name for name, n in Counter(names).items() if n > 1]
    way_out = (
        "Sum or rename the duplicates, for example with adata.var_names_make_unique()."
        if what == "genes"
        else "Drop or rename the duplicates."
    )
    raise DataError(
        f"Expected unique names of {what}; {len(repeated)} occur more than once: {first_names(repeated)}. {way_out}"
    )


def check_counts(matrix: Any, obs_names: Sequence[str], var_names: Sequence[str]) -> Any:
    """Let raw counts through and refuse everything else, naming the first genes and rows.

    Parameters
    ----------
    matrix
        (n_obs, n_genes) array or scipy sparse matrix of raw counts.
    obs_names, var_names
        Names of its rows and genes.

    Returns
    -------
    The same values: CSR when sparse, else a numpy array. Nothing is copied that need not be.

    Raises
    ------
    DataError
        For NaN, infinite, negative or fractional values, or when names and shape disagree.
    """
    counts = sparse.csr_matrix(matrix) if sparse.issparse(matrix) else np.asarray(matrix)
    if counts.shape != (len(obs_names), len(var_names)):
        raise DataError(
            f"Expected counts of shape (rows, genes) = ({len(obs_names)}, {len(var_names)}); got "
            f"{counts.shape}. "
            "Is the table transposed?"
        )
    if counts.dtype.kind not in "buif":
        raise DataError(
            f"Expected numeric counts; got values of type {counts.dtype}. Read the table as numbers."
        )
    if counts.dtype.kind in "bu":
        return counts
    for fault, rows, columns, values in _faults(counts):
        raise DataError(_message(fault, rows, columns, values, obs_names, var_names))
    return counts


def _faults(counts: Any) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Find the first kind of fault with its places: at most one entry (kind, rows, columns, values)."""
    kinds = {"NaN or infinite": _not_finite, "negative": _negative, "not whole": _fractional}
    for kind, test in kinds.items():
        rows, columns, values = _places(counts, test)
        if len(values):
            return [(kind, rows, columns, values)]
    return []


def _not_finite(values: np.ndarray) -> np.ndarray:
    return np.asarray(~np.isfinite(values))


def _negative(values: np.ndarray) -> np.ndarray:
    return np.asarray(values < 0)


def _fractional(values: np.ndarray) -> np.ndarray:
    return np.asarray(values != np.floor(values))


def _places(counts: Any, test: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and values where a test holds; dense matrices are walked block by block."""
    if sparse.issparse(counts):
        at = np.flatnonzero(test(counts.data))
        rows = np.searchsorted(counts.indptr, at, side="right") - 1
        return rows, counts.indices[at], counts.data[at]
    step = max(1, _BLOCK_VALUES // max(1, counts.shape[1]))
    found = []
    for start in range(0, counts.shape[0], step):
        rows, columns = np.nonzero(test(counts[start : start + step]))
        found.append((rows + start, columns))
    rows = np.concatenate([r for r, _ in found]) if found else np.zeros(0, int)
    columns = np.concatenate([c for _, c in found]) if found else np.zeros(0, int)
    return rows, columns, counts[rows, columns]


def _message(
    fault: str,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    obs_names: Sequence[str],
    var_names: Sequence[str],
) -> str:
    first = ", ".join(
        f"gene {str(var_names[c])!r} in row {str(obs_names[r])!r} = {v:g}"
        for r, c, v in zip(rows[:_SHOWN], columns[:_SHOWN], values[:_SHOWN], strict=True)
    )
    genes = len(np.unique(columns))
    return (
        f"Expected raw counts (whole numbers >= 0); {len(values)} values in {genes} genes are {fault}: "
        f"{first}. "
        "Give the raw, unnormalised counts, in X or in layers['counts']."
    )
