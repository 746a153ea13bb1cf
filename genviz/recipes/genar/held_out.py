"""Rows as a lab with only an image has them, and measured counts put beside a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genviz._errors import DataError
from genviz._keys import Layers
from genviz.io.counts import counts_of

if TYPE_CHECKING:
    from anndata import AnnData


def without_counts(adata: AnnData) -> AnnData:
    """The rows without any expression."""
    bare = adata[:, []].copy()
    bare.layers.clear()
    return bare


def attach_counts(predicted: AnnData, measured: AnnData) -> tuple[AnnData, AnnData]:
    """Join measured rows to a prediction, by row and gene names.

    Returns
    -------
    The common rows of the prediction with ``layers["counts"]``, and of the measurement with all its genes.

    Raises
    ------
    DataError
        When they have no row in common.
    """
    known = set(measured.obs_names)
    common = [name for name in predicted.obs_names if name in known]
    if not common:
        turned = measured.var_names.isin(predicted.obs_names).any()
        hint = "It has spots in its columns: transpose it." if turned else "Is it the same section?"
        raise DataError(
            f"Expected measured rows among the predicted ones (such as {predicted.obs_names[0]!r}), found "
            f"none (the table has {measured.obs_names[0]!r}). {hint}"
        )
    joined, rows = predicted[common].copy(), measured[common].copy()
    joined.layers[Layers.COUNTS] = counts_of(rows, genes=list(joined.var_names))
    return joined, rows
