"""Where rows lie, and by what they can be picked. Shape legend: N rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import MissingKeyError
from genviz._keys import Obsm
from genviz.io.library import library_of_rows

if TYPE_CHECKING:
    from anndata import AnnData

_GROUPS = (2, 12)  # categories of a column that rows can be picked by


def places_of(adata: AnnData) -> NDArray[np.float32]:
    """Places of all rows, sections beside each other, in units of a section's longer side, float32 (N, 2).

    Parameters
    ----------
    adata
        Rows with ``obsm["spatial"]``.
    """
    xy_N2 = np.asarray(adata.obsm[Obsm.SPATIAL], np.float64)[:, :2]
    try:
        library_N = library_of_rows(adata)
    except MissingKeyError:
        library_N = np.full(adata.n_obs, "", object)
    placed = np.empty((adata.n_obs, 2), np.float32)
    left = 0.0
    for library in pd.unique(library_N):
        own = library_N == library
        low, high = xy_N2[own].min(axis=0), xy_N2[own].max(axis=0)
        size = max(float((high - low).max()), 1e-9)
        placed[own] = (xy_N2[own] - low) / size + [left, 0]
        left += float((high - low)[0]) / size + 0.1
    return placed


def groups_of(adata: AnnData) -> dict[str, dict[str, Any]]:
    """Columns that rows can be picked by: categories, and the category of each row, -1 for none.

    Parameters
    ----------
    adata
        Rows.
    """
    found = {}
    for name in adata.obs:
        column = adata.obs[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            used = column.cat.remove_unused_categories()
            if _GROUPS[0] <= len(used.cat.categories) <= _GROUPS[1]:
                found[str(name)] = {
                    "of": [str(one) for one in used.cat.categories],
                    "at": used.cat.codes.astype(int).tolist(),
                }
    return found
