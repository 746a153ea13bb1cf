"""Values of one gene at every spot, by panel: measured, predicted, error, uncertainty, and their colour limits."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Layers, Uns
from genviz.core.gene_names import near_genes
from genviz.pl.colours import shared_range, symmetric_range

if TYPE_CHECKING:
    from anndata import AnnData

Values = NDArray[np.float32]
Limits = tuple[float, float]

MEASURED, PREDICTED, ERROR, UNCERTAINTY = "measured", "predicted", "error", "uncertainty"
PANELS = (MEASURED, PREDICTED, ERROR, UNCERTAINTY)
LOWER, UPPER = "lower", "upper"

_BY_COLUMN_MOST = 30_000_000  # stored values up to which a second copy, ordered by gene, is worth its memory
_LOOKED_AT = 1 << 20  # values that decide whether X holds counts
_KEPT_GENES = 8


class GeneReader:
    """Reads genes of an AnnData, all in log2(1 + count).

    Measured counts are ``layers["counts"]``, or ``X`` where it holds whole numbers. The prediction is
    ``layers["<key>_log2"]``, its interval ``layers["<key>_lower"]`` and ``..._upper`` (raw counts).

    Parameters
    ----------
    adata
        Rows with counts, with a prediction, or both.
    key
        The result key of the model.
    """

    def __init__(self, adata: AnnData, key: str) -> None:
        self.key = key
        self._adata = adata
        self._column: dict[str, int] = {}
        for i, name in enumerate(adata.var_names):
            self._column.setdefault(str(name), i)  # of names that occur twice, the first
        self._by_column: dict[str, Any] = {}
        self._kept: OrderedDict[str, dict[str, Values]] = OrderedDict()
        self._sources = self._find()

    def _find(self) -> dict[str, str]:
        """Which layer each part is read from; "" is X."""
        layers = self._adata.layers
        found = {}
        if Layers.COUNTS in layers:
            found[MEASURED] = Layers.COUNTS
        elif _whole(self._adata.X):
            found[MEASURED] = ""
        if Layers.log2(self.key) in layers:
            found[PREDICTED] = Layers.log2(self.key)
            if Layers.lower(self.key) in layers and Layers.upper(self.key) in layers:
                found |= {LOWER: Layers.lower(self.key), UPPER: Layers.upper(self.key)}
        return found

    @property
    def genes(self) -> list[str]:
        """Names of the genes, when there is something to show of them."""
        return list(self._column) if self.panels else []

    @property
    def panels(self) -> tuple[str, ...]:
        """What the object holds, of measured, predicted, error and uncertainty."""
        has = self._sources
        there = {
            MEASURED: MEASURED in has,
            PREDICTED: PREDICTED in has,
            ERROR: MEASURED in has and PREDICTED in has,
            UNCERTAINTY: LOWER in has,
        }
        return tuple(name for name in PANELS if there[name])

    @property
    def level(self) -> float | None:
        """Share of the credible interval (0.9 is 90 %), where the model recorded it."""
        try:
            record = json.loads(self._adata.uns.get(Uns.GENVIZ, {}).get(self.key, "{}"))
            return float(record["level"])
        except (KeyError, TypeError, ValueError):
            return None

    def parts(self, gene: str) -> dict[str, Values]:
        """What is stored of a gene, each float32 (n_obs,): measured, predicted, lower, upper.

        Raises
        ------
        UsageError
            No such gene.
        MissingKeyError
            Neither counts nor a prediction.
        """
        if not self._sources:
            raise MissingKeyError(
                f"Expected counts (layers[{Layers.COUNTS!r}], or whole numbers in X) or a prediction "
                f"(layers[{Layers.log2(self.key)!r}]); the object has neither. Read the section with gv.io.read_*, "
                "or run model.predict(adata)."
            )
        if gene not in self._column:
            hint = near_genes(gene, self._column)
            raise UsageError(f"Expected one of {len(self._column)} genes; got {gene!r}.{hint}")
        if gene not in self._kept:
            column = self._column[gene]
            self._kept[gene] = {
                name: self._read(name, layer, column) for name, layer in self._sources.items()
            }
            while len(self._kept) > _KEPT_GENES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(gene)
        return self._kept[gene]

    def _read(self, part: str, layer: str, column: int) -> Values:
        matrix = self._matrix(layer)[:, column]
        dense = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
        values = dense.astype(np.float64).ravel()
        if part != PREDICTED:  # which is in log2 already
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log2(1.0 + values)
        values[~np.isfinite(values)] = np.nan
        return values.astype(np.float32)

    def _matrix(self, layer: str) -> Any:
        matrix = self._adata.layers[layer] if layer else self._adata.X
        if not sparse.issparse(matrix) or matrix.format == "csc" or matrix.nnz > _BY_COLUMN_MOST:
            return matrix
        if layer not in self._by_column:
            self._by_column[layer] = matrix.tocsc()
        return self._by_column[layer]

    def busiest(self, n: int) -> list[str]:
        """The genes that vary most over the spots: first by what was measured, else by what was predicted.

        Parameters
        ----------
        n
            How many.
        """
        part = next((p for p in (PREDICTED, MEASURED) if p in self._sources), None)
        if part is None:
            return []
        matrix = self._adata.layers[self._sources[part]] if self._sources[part] else self._adata.X
        variance = _log_variance(matrix, log=part != PREDICTED)
        order = np.argsort(-np.nan_to_num(variance, nan=-1.0), kind="stable")
        names = [str(name) for name in self._adata.var_names]
        return list(dict.fromkeys(names[i] for i in order))[:n]


def panels_of(parts: dict[str, Values]) -> dict[str, Values]:
    """The panels that follow from what is stored: error = predicted - measured, uncertainty = upper - lower."""
    found = {name: parts[name] for name in (MEASURED, PREDICTED) if name in parts}
    if MEASURED in parts and PREDICTED in parts:
        found[ERROR] = parts[PREDICTED] - parts[MEASURED]
    if LOWER in parts:
        found[UNCERTAINTY] = parts[UPPER] - parts[LOWER]
    return found


def limits_of(panels: dict[str, Values]) -> dict[str, Limits]:
    """Colour limits: one for measured and predicted, symmetric for error; never empty, whatever the values."""
    found: dict[str, Limits] = {}
    shared = [panels[name] for name in (MEASURED, PREDICTED) if name in panels]
    if shared:
        both = _range(np.concatenate(shared))
        found |= {name: both for name in (MEASURED, PREDICTED) if name in panels}
    if ERROR in panels:
        finite = _finite(panels[ERROR])
        low, high = symmetric_range(finite) if finite.size else (-1.0, 1.0)
        found[ERROR] = (low, high) if high > 1e-2 else (-1.0, 1.0)
    if UNCERTAINTY in panels:
        found[UNCERTAINTY] = _range(panels[UNCERTAINTY])
    return found


def _finite(values: Values) -> Values:
    return values[np.isfinite(values)]


def _range(values: Values) -> Limits:
    """From 0, or below it where values are, to the 99.5th percentile; one unit wide when nothing varies."""
    finite = _finite(values)
    if not finite.size:
        return 0.0, 1.0
    low, high = shared_range(finite)
    if float(finite.min()) < 0:
        low = float(np.percentile(finite, 0.5))
    return (low, high) if high - low > 1e-2 else (low, low + 1.0)


def _whole(matrix: Any) -> bool:
    """Whether a matrix looks like counts: its first values are whole, finite and not negative."""
    if matrix is None:
        return False
    if sparse.issparse(matrix):
        some = matrix.data[:_LOOKED_AT]
    else:
        width = max(1, matrix.shape[1])
        head = matrix[: max(1, _LOOKED_AT // width)]
        some = head.data if sparse.issparse(head) else np.asarray(head)
    if some.dtype.kind not in "buif" or some.size == 0:
        return False
    return bool(np.isfinite(some).all() and (some >= 0).all() and (some == np.floor(some)).all())


def _log_variance(matrix: Any, *, log: bool) -> NDArray[np.float64]:
    """Variance of log2(1 + x) of each column, in blocks of rows."""
    n, width = matrix.shape
    total, squares = np.zeros(width), np.zeros(width)
    step = max(1, (1 << 22) // max(1, width))
    for start in range(0, n, step):
        block = matrix[start : start + step]
        if sparse.issparse(block):
            block = block.astype(np.float64)
            if log:
                block.data = np.log2(1.0 + block.data)
            total += np.asarray(block.sum(axis=0)).ravel()
            squares += np.asarray(block.multiply(block).sum(axis=0)).ravel()
        else:
            dense = np.asarray(block, dtype=np.float64)
            dense = np.log2(1.0 + dense) if log else dense
            total += dense.sum(axis=0)
            squares += (dense**2).sum(axis=0)
    return np.asarray(squares / max(n, 1) - (total / max(n, 1)) ** 2)
