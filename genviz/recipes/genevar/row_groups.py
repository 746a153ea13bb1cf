"""Classes and groups of rows for what is classified: of cohorts as they are named, of one patient's sections by RNA.

Shape legend: N rows, G genes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Layers, Obs
from genviz.core.counts import first_names
from genviz.io.library import library_of_rows

if TYPE_CHECKING:
    from anndata import AnnData

EPITHELIUM = ("EPCAM", "KRT8", "KRT18", "KRT19")
STROMA = ("COL1A1", "COL1A2", "COL3A1", "SPARC", "LUM", "DCN")
KINDS = ("stromal", "between", "epithelial")
CLASSES = ("project", "rna")
_SCALE = 1e4

Names = NDArray[np.object_]


def classes_of(adata: AnnData, by: str, named: Mapping[str, str] | None = None) -> Names:
    """Class of each row, (N,).

    Parameters
    ----------
    adata
        Rows.
    by
        ``project``: the cohort; ``rna``: thirds of `tissue_contrast`, since the sections have no annotation.
    named
        Cohort → class in its place, say two for five; others are ``other``.

    Raises
    ------
    UsageError
        For another `by`.
    MissingKeyError
        When rows do not say their cohort.
    """
    if by not in CLASSES:
        raise UsageError(f"Expected classes by {' or '.join(CLASSES)}; got {by!r}.")
    if by == "rna":
        contrast_N = tissue_contrast(adata)
        edges = np.quantile(contrast_N, np.arange(1, len(KINDS)) / len(KINDS))
        return np.array(KINDS, object)[np.searchsorted(edges, contrast_N)]
    project_N = projects_of(adata)
    if not named:
        return project_N
    return np.array([named.get(name, "other") for name in project_N], object)


def projects_of(adata: AnnData) -> Names:
    """Cohort of each row, (N,).

    Parameters
    ----------
    adata
        Rows with ``obs["project"]``.

    Raises
    ------
    MissingKeyError
        Without that column.
    """
    if Obs.PROJECT not in adata.obs:
        raise MissingKeyError(
            f"Expected the cohort of each row in obs['{Obs.PROJECT}']; there is no such column. Give rows of cohorts "
            "(tcga-...), or tell them apart in another way (classes, cohorts)."
        )
    return adata.obs[Obs.PROJECT].astype(str).to_numpy(object)


def tissue_contrast(adata: AnnData) -> NDArray[np.float64]:
    """Expression of epithelial over stromal genes, in deviations of the rows, (N,).

    Parameters
    ----------
    adata
        Rows with counts of `EPITHELIUM` and `STROMA`.

    Raises
    ------
    DataError
        When genes of either are all absent.
    """
    counts: Any = adata.layers.get(Layers.COUNTS, adata.X)
    depth_N = np.maximum(np.asarray(counts.sum(axis=1), np.float64).ravel(), 1.0)
    sides = []
    for genes in (EPITHELIUM, STROMA):
        columns = np.flatnonzero(adata.var_names.isin(genes))
        if not len(columns):
            raise DataError(f"Expected genes of {first_names(genes)} to tell tissues apart; there are none.")
        own: Any = counts[:, columns]
        own_NG = np.asarray(own.todense() if hasattr(own, "todense") else own, np.float64)
        logs_NG = np.log1p(own_NG / depth_N[:, None] * _SCALE)
        spread_G = np.maximum(logs_NG.std(axis=0), 1e-6)
        sides.append(((logs_NG - logs_NG.mean(axis=0)) / spread_G).mean(axis=1))
    return np.asarray(sides[0] - sides[1], np.float64)


def patients_of(adata: AnnData, n_blocks: int, held_N: NDArray[np.bool_]) -> Names:
    """Patient of each row, (N,); of one patient's sections the section, of held-out ones one of `n_blocks` strips.

    Parameters
    ----------
    adata
        Rows.
    n_blocks
        Strips of equally many rows, from left to right over each held-out section.
    held_N
        Rows of held-out sections.
    """
    patient_N = (
        adata.obs[Obs.PATIENT].astype(str).to_numpy(object)
        if Obs.PATIENT in adata.obs
        else np.full(adata.n_obs, "", object)
    )
    if len(set(patient_N.tolist())) > 1:
        return patient_N
    found = np.asarray(library_of_rows(adata), object).astype(str).astype(object)
    for name in dict.fromkeys(found[held_N].tolist()):
        own = np.flatnonzero(found == name)
        across = adata.obs[Obs.ARRAY_X].to_numpy(np.float64)[own]
        rank = np.argsort(np.argsort(across, kind="stable"), kind="stable")
        strip = rank * n_blocks // len(own)
        found[own] = [f"{name}, strip {number + 1}" for number in strip]
    return found


def regions_of(adata: AnnData, side: int, patients_N: Names) -> Names:
    """Slide of each row, (N,): its section or slide; with `side` squares of so many places a side within it.

    Parameters
    ----------
    adata
        Rows.
    side
        0: slides as they are.
    patients_N
        From `patients_of`: a region lies in one of them.
    """
    library_N = np.asarray(library_of_rows(adata), object).astype(str).astype(object)
    if not side:
        return library_N
    place_N2 = adata.obs[[Obs.ARRAY_X, Obs.ARRAY_Y]].to_numpy(np.float64).round().astype(int) // side
    return np.array(
        [f"{patient}, {x}x{y}" for patient, (x, y) in zip(patients_N, place_N2.tolist(), strict=True)], object
    )
