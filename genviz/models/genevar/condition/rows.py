"""Profiles from rows of an AnnData: genes by name, units checked, everything that cannot be meant refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Layers, Obs
from genviz.core.counts import check_names, first_names
from genviz.io.counts import counts_of
from genviz.io.library import library_of_rows
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.profiles import Profiles

if TYPE_CHECKING:
    from anndata import AnnData

_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}")
_VERSION = re.compile(r"(ENS[A-Z]*G\d{6,})\.\d+")
_MOST_TPM = 1e6 * 1.01
_MOSTLY = 0.5


class AbsentGenes(DataError):
    """Genes that a condition is told and the rows do not have."""


def profiles_of(
    adata: AnnData,
    genes: Sequence[str],
    config: ConditionConfig,
    *,
    depth_N: NDArray[Any] | None = None,
    label_key: str = Obs.PROJECT,
) -> Profiles:
    """Profiles of all rows, their genes joined by name.

    Reads ``layers["counts"]`` or ``X``, or ``layers["tpm"]`` with ``units="tpm"``; ``obs["library_id"]`` where it is
    there; ``obs[label_key]`` for the condition "class". Writes nothing.

    Parameters
    ----------
    adata
        Rows.
    genes
        Genes of the model, in its order.
    config
        Units, kind.
    depth_N
        All reads of each row; by default the sum of its counts over all genes that `adata` has.
    label_key
        Column with the class.

    Raises
    ------
    MissingKeyError
        Without the layer or the column; without counts where the condition holds the depth.
    DataError
        For genes that are absent, ids of one kind where the model has the other, repeated rows or genes, profiles of
        zeros, TPM in place of counts and the reverse.
    """
    check_names(list(adata.obs_names), "rows")
    at = _positions(adata, genes)
    whole = counts_of_profiles(adata) if config.units == "counts" else tpm_of_profiles(adata)
    if depth_N is None and config.units == "tpm" and config.depth and config.kind != "class":
        depth_N = np.asarray(counts_of_profiles(adata).sum(axis=1)).ravel()
    if depth_N is None:
        depth_N = np.asarray(whole.sum(axis=1)).ravel()
    return Profiles.of(
        whole[:, at],
        depth_N=depth_N,
        names=[str(name) for name in adata.obs_names],
        libraries=sections_of_rows(adata),
        labels=_labels(adata, label_key) if config.kind == "class" else None,
    )


def counts_of_profiles(adata: AnnData) -> sparse.csr_matrix:
    """Raw counts of all genes; says so when they look like TPM.

    Raises
    ------
    MissingKeyError, DataError
        As `io.counts_of`.
    """
    try:
        return counts_of(adata)
    except MissingKeyError as err:
        if Layers.TPM not in adata.layers:
            raise
        raise MissingKeyError(
            f"{err} The model is told counts, for which layers['{Layers.TPM}'] cannot stand in."
        ) from err
    except DataError as err:
        stored: Any = adata.layers.get(Layers.COUNTS, adata.X)
        sums = np.asarray(stored.sum(axis=1), dtype=np.float64).ravel()
        if len(sums) and np.all(np.abs(sums / 1e6 - 1) < 0.01):
            raise DataError(
                f"{err} Its rows add up to a million, as TPM do: put them into layers['{Layers.TPM}'] and the raw "
                f"counts into layers['{Layers.COUNTS}']."
            ) from err
        raise


def tpm_of_profiles(adata: AnnData) -> sparse.csr_matrix:
    """TPM of all genes, checked.

    Raises
    ------
    MissingKeyError
        Without the layer.
    DataError
        For values that are negative or not finite, that are all whole numbers, or that exceed a million in a row.
    """
    if Layers.TPM not in adata.layers:
        raise MissingKeyError(
            f"Expected transcripts per million in layers['{Layers.TPM}']; there are none. Read the profiles with "
            "gv.io.read_gdc, or choose a condition with units='counts'."
        )
    tpm = sparse.csr_matrix(adata.layers[Layers.TPM])
    fault = ""
    if not np.isfinite(tpm.data).all() or (tpm.data < 0).any():
        fault = "some are negative or not finite"
    elif tpm.nnz and (tpm.data == np.floor(tpm.data)).all():
        fault = "all are whole numbers, as counts are"
    elif tpm.nnz and tpm.sum(axis=1).max() > _MOST_TPM:
        fault = f"a row adds up to {tpm.sum(axis=1).max():.4g}, more than a million"
    if fault:
        raise DataError(
            f"Expected transcripts per million in layers['{Layers.TPM}']; {fault}. Put counts into "
            f"layers['{Layers.COUNTS}'], and logarithms nowhere: they are taken here."
        )
    return tpm


def _positions(adata: AnnData, genes: Sequence[str]) -> NDArray[np.int64]:
    have = [str(name) for name in adata.var_names]
    check_names(have, "genes")
    place = {name: i for i, name in enumerate(have)}
    missing = [gene for gene in genes if gene not in place]
    if missing:
        hint = other_ids(have, genes) or (
            "Use the symbols that the model was trained with (old ones such as SEPW1 are common)."
        )
        raise AbsentGenes(
            f"Expected {len(genes)} genes; {len(missing)} are absent from the data: {first_names(missing, 10)}. {hint}"
        )
    return np.array([place[gene] for gene in genes], dtype=np.int64)


def other_ids(have: Sequence[str], want: Sequence[str]) -> str:
    """What to do when one side has Ensembl ids and the other symbols, or ids with versions; else empty.

    Parameters
    ----------
    have, want
        Genes of the data; of the model.
    """

    def share(names: Sequence[str]) -> float:
        return sum(bool(_ENSEMBL.match(name)) for name in names) / max(1, len(names))

    stripped = {_VERSION.sub(r"\1", name) for name in have}
    if (
        share(have) > _MOSTLY
        and share(want) > _MOSTLY
        and len(stripped & set(want)) > len(set(have) & set(want))
    ):
        return "The data's Ensembl ids carry versions (ENSG00000141510.18): take them off."
    if share(have) > _MOSTLY >= share(want):
        return (
            "The data have Ensembl ids and the model symbols: set adata.var_names to symbols, or read profiles with "
            "names='symbol'."
        )
    if share(want) > _MOSTLY >= share(have):
        return "The data have symbols and the model Ensembl ids: rename them, or read profiles with names='ensembl'."
    return ""


def sections_of_rows(adata: AnnData) -> list[str]:
    """Section of each row, "" for rows that lie on none.

    Parameters
    ----------
    adata
        Rows.
    """
    try:
        return [str(name) for name in library_of_rows(adata)]
    except MissingKeyError:
        return [""] * adata.n_obs


def _labels(adata: AnnData, key: str) -> list[str]:
    if key not in adata.obs:
        raise MissingKeyError(f"Expected obs['{key}'], the class of each row; it is absent. Name the column.")
    column = adata.obs[key]
    if column.isna().any():
        raise UsageError(
            f"Expected a class in obs['{key}'] of each row; {int(column.isna().sum())} have none."
        )
    return [str(label) for label in column]
