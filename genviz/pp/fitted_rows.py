"""Which rows something was fitted on, kept with it so that nobody scores on them unawares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs
from genviz.io.library import library_of_rows
from genviz.pp.splitting import declared_group

if TYPE_CHECKING:
    from anndata import AnnData

FITTED_ON = "fitted_on"
"""Where such a record stands inside others: of a panel, a tree, a checkpoint."""


def fitted_on(
    adata: AnnData, rows: NDArray[np.bool_], *, split_key: str = Obs.SPLIT, names: bool = True
) -> dict[str, Any]:
    """Record rows by what held-out rows could share with them, as JSON values.

    Parameters
    ----------
    adata
        Reads ``obs["library_id"]`` (or the only section of ``uns["spatial"]``), and ``obs`` scene, patient and source
        where they are there.
    rows
        Mask (n_obs,) of the rows fitted on.
    split_key
        Column that parted them from others; `pp.split` says by what it was made.
    names
        Whether names of rows without a section are listed; for the others the section stands for them.

    Returns
    -------
    ``n_rows``; ``sections``, ``scenes``, ``patients``, ``sources`` (what rows were made from: the profile of a tile,
    the image of a crop) as far as the rows have them; ``rows``, names of those without a section; ``split_by``, the
    column that the split was declared by.
    """
    part = adata.obs[rows]
    record: dict[str, Any] = {"n_rows": int(np.count_nonzero(rows))}
    section_N = _sections(adata)
    if section_N is not None:
        record["sections"] = sorted(set(section_N[rows]))
    elif names:
        record["rows"] = [str(name) for name in part.index]
    for name, column in (("scenes", Obs.SCENE), ("patients", Obs.PATIENT), ("sources", Obs.SOURCE)):
        if column in part:
            record[name] = sorted(set(part[column].dropna().astype(str)))
    if (group := declared_group(adata, split_key)) is not None:
        record["split_by"] = group
    return record


def _sections(adata: AnnData) -> NDArray[np.object_] | None:
    """Section of each row; None where rows do not all say."""
    try:
        return np.asarray(library_of_rows(adata), object)
    except (MissingKeyError, DataError):
        return None
