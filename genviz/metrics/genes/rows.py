"""Measured and predicted rows side by side, joined by names. Shape legend: N rows, G genes."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Uns
from genviz.core.arguments import check_adata
from genviz.core.counts import check_names, first_names
from genviz.io.counts import counts_of, gene_positions
from genviz.io.library import library_of_rows

if TYPE_CHECKING:
    from anndata import AnnData

log = logging.getLogger("genviz")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """What the scores read. Rows are those both objects have, in the order of the measured object.

    Attributes
    ----------
    key
        Result key of the prediction.
    genes
        The G genes that are scored.
    counts_NG
        Measured counts.
    library_N
        Measured total over all genes of the measured object.
    n_measured_genes
        How many genes that total is over.
    labels
        (N,) section of each row.
    true_rows, pred_rows
        Positions of the rows in the two objects.
    true, pred
        The two objects.
    """

    key: str
    genes: tuple[str, ...]
    counts_NG: Floats
    library_N: Floats
    n_measured_genes: int
    labels: NDArray[np.object_]
    true_rows: NDArray[np.intp]
    pred_rows: NDArray[np.intp]
    true: AnnData
    pred: AnnData

    @property
    def sections(self) -> list[NDArray[np.intp]]:
        """Rows of each section."""
        return [np.flatnonzero(self.labels == name) for name in dict.fromkeys(self.labels.tolist())]

    @property
    def log_counts_NG(self) -> Floats:
        """log2(1 + measured count)."""
        return np.asarray(np.log2(self.counts_NG + 1.0))

    def layer(self, name: str) -> Floats | None:
        """A layer of the prediction on these rows and genes, (N, G); None where it is absent.

        Raises
        ------
        DataError
            When it holds NaN or infinity.
        """
        if name not in self.pred.layers:
            return None
        values = self.pred.layers[name][self.pred_rows][:, gene_positions(self.pred.var_names, self.genes)]
        dense = np.asarray(values.toarray() if sparse.issparse(values) else values, np.float64)
        return self.finite(dense, f"layers['{name}']")

    def needed(self, name: str) -> Floats:
        """As `layer`, but its absence is an error."""
        values = self.layer(name)
        if values is None:
            raise MissingKeyError(
                f"Expected layers['{name}'] in the prediction; found "
                f"{first_names(list(self.pred.layers), 8) or 'none'}. Give the model's result key as key=."
            )
        return values

    def obsm(self, name: str) -> Floats | None:
        """An array of the prediction's ``obsm`` on these rows, (N, columns); None where it is absent."""
        if name not in self.pred.obsm:
            return None
        values = np.asarray(self.pred.obsm[name], np.float64)[self.pred_rows]
        return self.finite(values.reshape(len(values), -1), f"obsm['{name}']")

    @staticmethod
    def finite(values: Floats, where: str) -> Floats:
        """Let finite predictions through."""
        bad = int((~np.isfinite(values)).any(axis=1).sum())
        if bad:
            raise DataError(
                f"Expected finite numbers in {where}; {bad} rows hold NaN or infinity. Predict again."
            )
        return values

    @property
    def recorded_level(self) -> float | None:
        """Content of the stored intervals as the provenance records it; None where it does not."""
        record: Any = self.pred.uns.get(Uns.GENVIZ, {}).get(self.key, {})
        record = json.loads(record) if isinstance(record, str) else dict(record)
        inner = record.get("parameters", {})
        inner = json.loads(inner) if isinstance(inner, str) else dict(inner)
        level = record.get("level", inner.get("level"))
        return None if level is None else float(level)


def join(true: AnnData, pred: AnnData, *, key: str, genes: Sequence[str] | None) -> Pairs:
    """Put measured and predicted rows side by side.

    Parameters
    ----------
    true
        Measured counts in ``layers["counts"]`` or ``X``.
    pred
        A model's result.
    key
        Its result key.
    genes
        Genes to score; default: all genes of the prediction.

    Raises
    ------
    DataError
        For repeated names, no common rows, or genes that are not measured, named.
    """
    check_adata(true, "true")
    check_adata(pred, "pred")
    check_names(list(true.obs_names), "measured rows")
    check_names(list(pred.obs_names), "predicted rows")
    names = tuple(str(gene) for gene in (pred.var_names if genes is None else genes))
    at = pred.obs_names.get_indexer(true.obs_names)
    true_rows = np.flatnonzero(at >= 0)
    if len(true_rows) == 0 or not names:
        raise DataError(
            f"Expected rows and genes in common; measured rows are {first_names(list(true.obs_names), 2)}, "
            f"predicted ones {first_names(list(pred.obs_names), 2)}, {len(names)} genes. Is it one section?"
        )
    unmeasured = pred.n_obs - len(true_rows)
    if unmeasured:
        warnings.warn(
            f"{unmeasured} of {pred.n_obs} predicted rows have no measured counts; they are not scored.",
            stacklevel=4,
        )
    if len(true_rows) < true.n_obs:
        log.info("%d measured rows have no prediction and are not scored.", true.n_obs - len(true_rows))
    measured = true[true_rows]
    everything = counts_of(measured)
    panel = everything[:, gene_positions(true.var_names, names)]
    return Pairs(
        key=key,
        genes=names,
        counts_NG=panel.toarray().astype(np.float64),
        library_N=np.asarray(everything.sum(axis=1), np.float64).ravel(),
        n_measured_genes=true.n_vars,
        labels=_labels(measured, pred, at[true_rows]),
        true_rows=true_rows,
        pred_rows=np.asarray(at[true_rows], np.intp),
        true=true,
        pred=pred,
    )


def _labels(measured: AnnData, pred: AnnData, pred_rows: NDArray[np.intp]) -> NDArray[np.object_]:
    """Section of each row, as the measured object says, else the prediction, else one section."""
    if Obs.LIBRARY in measured.obs:
        return np.asarray(library_of_rows(measured), dtype=object)
    if Obs.LIBRARY in pred.obs:
        return np.asarray(library_of_rows(pred)[pred_rows], dtype=object)
    return np.full(measured.n_obs, "", dtype=object)
