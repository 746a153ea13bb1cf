"""What the gene tree view knows of its rows: expected and measured counts, sections, tables of groups.

Shape legend: N rows, G genes, n rows of one section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers, Obsm
from genviz.core.counts import first_names
from genviz.core.gene_tree import GeneTree
from genviz.core.statistics import pearson_columns
from genviz.io.counts import counts_of
from genviz.io.library import library_of_rows
from genviz.pp.tree import tree_of

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GenAR

Floats = NDArray[np.float64]


class TreeRows:
    """Expected and measured counts of the panel's genes.

    Parameters
    ----------
    adata
        Rows: features for the model to predict from, or a prediction with its tree.
    model
        A trained GenAR; None reads ``layers[key]`` and ``varm["gene_tree"]``.
    depth
        As for `GenAR.predict`.
    key
        Result key that is read without a model.

    Attributes
    ----------
    genes, tree
        The panel; the tree that the model (or the object) has.
    mean_NG, measured_NG
        Expected counts; measured ones, or None.

    Raises
    ------
    MissingKeyError
        Without positions, or without a model and a prediction.
    """

    def __init__(self, adata: AnnData, model: GenAR | None, *, depth: Any = None, key: str = "genar") -> None:
        if Obsm.SPATIAL not in adata.obsm:
            raise MissingKeyError(
                f"Expected spot centres in obsm[{Obsm.SPATIAL!r}] to draw maps, found none. Read the data with "
                "gv.io.read_*."
            )
        self.adata, self.depth = adata, depth
        self.libraries = [str(name) for name in library_of_rows(adata)]
        self.mean_NG: Floats
        if model is None:
            self.tree = tree_of(adata)
            self.mean_NG = _predicted(adata, self.tree, key)
        else:
            self.tree = model.tree
            self.mean_NG = model.expected(adata, depth=depth)
        self.genes = self.tree.genes
        self.measured_NG = _measured(adata, list(self.genes), predicted=model is None)

    @property
    def sections(self) -> list[str]:
        """Names of the sections, in order of appearance."""
        return list(dict.fromkeys(self.libraries))

    def rows_of(self, library: str) -> NDArray[np.intp]:
        """Rows of a section."""
        return np.flatnonzero(np.asarray(self.libraries) == library)

    def gene_table(self, tree: GeneTree, k: int, group: int, clamped_NG: Floats | None) -> list[list[Any]]:
        """A line a gene of a group: name, mean expected, mean measured, r over rows, mean under the clamp; by mean."""
        at = np.asarray([tree.genes.index(gene) for gene in tree.members(k, group)])
        mean_A = self.mean_NG[:, at].mean(axis=0)
        columns: list[Any] = [[tree.genes[i] for i in at], mean_A, [None] * len(at), [None] * len(at)]
        if self.measured_NG is not None:
            measured = self.measured_NG[:, at]
            columns[2] = measured.mean(axis=0)
            columns[3] = pearson_columns(np.log2(1 + self.mean_NG[:, at]), np.log2(1 + measured))
        columns.append([None] * len(at) if clamped_NG is None else clamped_NG[:, at].mean(axis=0))
        order = np.argsort(-mean_A, kind="stable")
        return [[_plain(column[i]) for column in columns] for i in order]

    def sums(self, tree: GeneTree, k: int, group: int, values_NG: Floats | None) -> Floats | None:
        """Sum of a group's genes in each row, (N,)."""
        if values_NG is None:
            return None
        inside = tree.groups[:, k] == group
        return np.asarray(values_NG[:, inside].sum(axis=1), np.float64)


def number(value: Any) -> float | None:
    """Four digits; None for what is not a number: JSON has no NaN."""
    return float(f"{float(value):.4g}") if np.isfinite(value) else None


def log_correlation(predicted_N: NDArray[Any], measured_N: NDArray[Any]) -> float | None:
    """Correlation of log2(1 + count) over rows; None where it is not defined."""
    logs = [np.log2(1 + values)[:, None] for values in (predicted_N, measured_N)]
    return number(pearson_columns(*logs)[0])


def _plain(value: Any) -> Any:
    """JSON knows neither numpy nor NaN."""
    if value is None or isinstance(value, str):
        return value
    return number(value)


def _predicted(adata: AnnData, tree: GeneTree, key: str) -> Floats:
    if Layers.mean(key) not in adata.layers:
        raise MissingKeyError(
            f"Expected a model, or a prediction in layers[{Layers.mean(key)!r}]; found {sorted(adata.layers)}. Pass a "
            "trained GenAR, or run model.predict first."
        )
    layer = adata[:, list(tree.genes)].layers[Layers.mean(key)]
    return np.asarray(layer.toarray() if hasattr(layer, "toarray") else layer, np.float64)


def _measured(adata: AnnData, genes: list[str], *, predicted: bool) -> Floats | None:
    """Measured counts where all genes have them; a prediction's X is no measurement."""
    if predicted and Layers.COUNTS not in adata.layers:
        return None
    try:
        return np.asarray(counts_of(adata, genes=genes).toarray(), np.float64)
    except (MissingKeyError, DataError):
        return None


def require_measured(measured_NG: Floats | None, genes: tuple[str, ...]) -> None:
    """Refuse to train without measurements.

    Raises
    ------
    DataError
        When the rows have no raw counts of the panel.
    """
    if measured_NG is None:
        raise DataError(
            f"Expected raw counts of the panel ({first_names(genes)}) in layers['{Layers.COUNTS}'] or X to train "
            "on; these rows have none. Give rows with measured counts."
        )
