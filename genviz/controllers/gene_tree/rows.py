"""What the gene tree view knows of its rows: expected and measured counts, sections, tables of groups.

Shape legend: N rows, G genes, n rows of one section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers, Obsm
from genviz.core.arguments import check_adata
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
        Expected counts; measured ones, or None. Genes are contiguous, so that a group is summed at the price of its
        genes.
    mean_G, measured_G, r_G
        Means over all rows, and correlations of log2(1 + count) over them; None without measurements. They cost a
        second for 100,000 rows, so they are known before anybody asks for a group.
    sections
        Names of the sections, in order of appearance.

    Raises
    ------
    MissingKeyError
        Without positions, or without a model and a prediction.
    """

    def __init__(self, adata: AnnData, model: GenAR | None, *, depth: Any = None, key: str = "genar") -> None:
        check_adata(adata)
        if Obsm.SPATIAL not in adata.obsm:
            raise MissingKeyError(
                f"Expected spot centres in obsm[{Obsm.SPATIAL!r}] to draw maps, found none. Read the data with "
                "gv.io.read_*."
            )
        self.adata, self.depth = adata, depth
        library_N = np.asarray([str(name) for name in library_of_rows(adata)], object)
        self.sections: list[str] = list(dict.fromkeys(library_N))
        self._rows_of = {name: np.flatnonzero(library_N == name) for name in self.sections}
        self.tree = tree_of(adata) if model is None else model.tree
        self.genes = self.tree.genes
        self.measured_NG = _measured(adata, list(self.genes), predicted=model is None)
        self.measured_G = None if self.measured_NG is None else self.measured_NG.mean(axis=0)
        self.mean_NG = (
            _predicted(adata, self.tree, key) if model is None else model.expected(adata, depth=depth)
        )

    @property
    def mean_NG(self) -> Floats:
        """Expected counts; may be set."""
        return self._mean_NG

    @mean_NG.setter
    def mean_NG(self, mean_NG: Floats) -> None:
        """Look at the expectation of another model."""
        self._mean_NG = np.asfortranarray(mean_NG)
        self.mean_G: Floats = self._mean_NG.mean(axis=0)
        self.r_G = None if self.measured_NG is None else _log_correlations(self._mean_NG, self.measured_NG)

    def rows_of(self, library: str) -> NDArray[np.intp]:
        """Rows of a section."""
        return self._rows_of.get(library, np.empty(0, np.intp))

    def columns_of(self, tree: GeneTree, k: int, group: int) -> NDArray[np.intp]:
        """Columns of a group's genes, the most abundant first."""
        inside = np.flatnonzero(tree.groups[:, k] == group)
        return inside[np.argsort(-self.mean_G[inside], kind="stable")]

    def gene_table(self, tree: GeneTree, k: int, group: int, clamped_G: Floats | None) -> list[list[Any]]:
        """A line a gene of a group: name, mean expected, mean measured, r over rows, mean under the clamp; by mean."""
        facts = (self.mean_G, self.measured_G, self.r_G, clamped_G)
        return [
            [self.genes[i], *(None if fact is None else number(fact[i]) for fact in facts)]
            for i in self.columns_of(tree, k, group)
        ]

    def sums(self, tree: GeneTree, k: int, group: int, values_NG: Floats | None) -> Floats | None:
        """Sum of a group's genes in each row, (N,)."""
        if values_NG is None:
            return None
        total_N = np.zeros(len(values_NG))
        for i in np.flatnonzero(tree.groups[:, k] == group):
            total_N += values_NG[:, i]
        return total_N


def number(value: Any) -> float | None:
    """Four digits; None for what is not a number: JSON has no NaN."""
    return float(f"{float(value):.4g}") if np.isfinite(value) else None


def log_correlation(predicted_N: NDArray[Any], measured_N: NDArray[Any]) -> float | None:
    """Correlation of log2(1 + count) over rows; None where it is not defined."""
    logs = [np.log2(1 + values)[:, None] for values in (predicted_N, measured_N)]
    return number(pearson_columns(*logs)[0])


def _log_correlations(predicted_NG: Floats, measured_NG: Floats) -> Floats:
    """Correlation of log2(1 + count) over rows, gene by gene, (G,); NaN where it is not defined."""
    genes = range(predicted_NG.shape[1])
    logs = ([np.log2(1 + values[:, i : i + 1]) for values in (predicted_NG, measured_NG)] for i in genes)
    return np.asarray([pearson_columns(*pair)[0] for pair in logs], np.float64)


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
        return np.asarray(counts_of(adata, genes=genes).toarray(order="F"), np.float64)
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
