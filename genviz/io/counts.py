"""The raw counts of an AnnData, wherever they are kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers
from genviz.core.arguments import check_adata
from genviz.core.counts import check_counts, check_names, first_names

if TYPE_CHECKING:
    from anndata import AnnData

_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{11}(\.\d+)?$")
_NAMES_LOOKED_AT = 1000
_MOST = 0.8


def counts_of(adata: AnnData, genes: Sequence[str] | None = None) -> sparse.csr_matrix:
    """Raw counts of rows, checked.

    Reads ``layers["counts"]`` when it is there, else ``X``.

    Parameters
    ----------
    adata
        Rows with measured counts.
    genes
        Genes to take, in this order; all by default.

    Returns
    -------
    CSR (n_obs, n_genes), in the type it was stored.

    Raises
    ------
    MissingKeyError
        Without a matrix.
    DataError
        For duplicated genes, genes that are absent (named), and values that are not raw counts.
    """
    check_adata(adata)
    matrix: Any = adata.layers.get(Layers.COUNTS, adata.X)
    if matrix is None:
        raise MissingKeyError(
            f"Expected raw counts in layers['{Layers.COUNTS}'] or X; both are absent. Read the counts."
        )
    check_names(list(adata.var_names), "genes")
    if genes is not None:
        matrix = matrix[:, gene_positions(adata.var_names, genes)]
    if hasattr(matrix, "compute"):
        matrix = matrix.compute()  # dask
    elif hasattr(matrix, "to_memory"):
        matrix = matrix.to_memory()  # sparse matrix of a backed file
    names = adata.var_names if genes is None else list(genes)
    counts = check_counts(matrix, adata.obs_names, names)
    return counts if sparse.issparse(counts) else sparse.csr_matrix(np.atleast_2d(counts))


def gene_positions(var_names: pd.Index, genes: Sequence[str]) -> np.ndarray:
    """Column of each gene.

    Raises
    ------
    DataError
        Naming genes that are absent or asked for twice.
    """
    check_names(list(genes), "requested genes")
    at = pd.Index(var_names).get_indexer(pd.Index(list(genes)))
    if (at < 0).any():
        missing = [gene for gene, column in zip(genes, at, strict=True) if column < 0]
        raise DataError(
            f"Expected {len(genes)} genes; {len(missing)} are absent from the data: "
            f"{first_names(missing, 10)}. {_renaming(missing, var_names)}"
        )
    return np.asarray(at)


def _renaming(missing: Sequence[str], var_names: pd.Index) -> str:
    """What to do about absent genes, by how either side is named."""
    asked, there = _ensembl_share(missing), _ensembl_share(list(var_names[:_NAMES_LOOKED_AT]))
    if asked > _MOST and there > _MOST:
        return "Both are Ensembl identifiers: drop the versions (the part after the point) where one side has them."
    if asked > _MOST and there < 1 - _MOST:
        return "The genes asked for are Ensembl identifiers, the data has symbols: rename one of them."
    if there > _MOST and asked < 1 - _MOST:
        return (
            "The data has Ensembl identifiers, the genes asked for are symbols: set adata.var_names to its symbols, as "
            "gv.io.read_gdc keeps them in var['gene_symbol']."
        )
    return "Choose a panel the data has, or use the symbols the data uses (old symbols such as SEPW1 are common)."


def _ensembl_share(names: Sequence[str]) -> float:
    """Share of names that look like Ensembl's genes."""
    return sum(bool(_ENSEMBL.match(str(name))) for name in names) / max(len(names), 1)
