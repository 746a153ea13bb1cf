"""The four numbers a figure shows for a gene at a spot: measured, predicted, error, uncertainty.

All in log2(1 + count), where a difference of 1 is a factor of 2. The prediction is E[log2(1 + X)],
the read-out every score uses, not log2(1 + E[X]).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Layers, Uns
from genviz.core.gene_names import near_genes

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class GeneValues:
    """Values of one gene, each float (n,), or None where the object does not hold them.

    `level` is the share of the credible interval, 0.9 for 90 %; None where the prediction did not record it.
    """

    measured: NDArray[np.float64] | None
    predicted: NDArray[np.float64]
    lower: NDArray[np.float64] | None
    upper: NDArray[np.float64] | None
    level: float | None

    @property
    def error(self) -> NDArray[np.float64] | None:
        """Predicted minus measured."""
        return None if self.measured is None else self.predicted - self.measured

    @property
    def width(self) -> NDArray[np.float64] | None:
        """Width of the credible interval."""
        return None if self.lower is None or self.upper is None else self.upper - self.lower


def gene_values(adata: AnnData, gene: str, key: str, rows: NDArray[np.intp]) -> GeneValues:
    """Read one gene of a prediction.

    Parameters
    ----------
    adata
        A model's result; reads the layers ``counts``, ``<key>_log2``, ``<key>_lower``, ``<key>_upper``.
    gene
        Name in ``var_names``.
    key
        The result key, e.g. ``"genar"``.
    rows
        Row indices.

    Raises
    ------
    UsageError
        The gene is not in the panel.
    MissingKeyError
        The object holds no prediction under this key.
    """
    if gene not in adata.var_names:
        hint = near_genes(gene, adata.var_names)
        raise UsageError(f"Expected a gene of the panel ({adata.n_vars} genes), got {gene!r}.{hint}")
    if Layers.log2(key) not in adata.layers:
        raise MissingKeyError(
            f"Expected layers[{Layers.log2(key)!r}], found {sorted(adata.layers)}. Run model.predict first."
        )
    column = int(adata.var_names.get_loc(gene))

    def read(layer: str, *, log: bool) -> NDArray[np.float64] | None:
        """The gene in a layer over the rows, in log2; None without the layer."""
        if layer not in adata.layers:
            return None
        values = adata.layers[layer][:, column]
        dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
        dense = dense.astype(np.float64).ravel()[rows]
        return np.log2(1.0 + dense) if log else dense

    predicted = read(Layers.log2(key), log=False)
    assert predicted is not None  # for the type checker: presence was checked above
    return GeneValues(
        measured=read(Layers.COUNTS, log=True),
        predicted=predicted,
        lower=read(Layers.lower(key), log=True),
        upper=read(Layers.upper(key), log=True),
        level=interval_level(adata, key),
    )


def interval_level(adata: AnnData, key: str) -> float | None:
    """Share of a prediction's credible interval, from its record in ``uns``; None where there is none.

    Parameters
    ----------
    adata
        Reads ``uns["genviz"]["<key>"]``.
    key
        The result key.
    """
    record = adata.uns.get(Uns.GENVIZ, {}).get(key, "{}")
    try:
        return float((json.loads(record) if isinstance(record, str) else record)["level"])
    except (KeyError, TypeError, ValueError):
        return None


def interval_name(level: float | None) -> str:
    """What an interval is called: "90 % interval", or only "interval" where its share is not known.

    Parameters
    ----------
    level
        Share of the interval, from 0 to 1.
    """
    return "interval" if level is None else f"{100 * level:.4g} % interval"
