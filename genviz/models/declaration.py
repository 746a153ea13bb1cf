"""What a model reads of an AnnData, stored in it as plain JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Uns
from genviz.core.arguments import check_adata
from genviz.core.splits import SPLITS
from genviz.pp.fitted_rows import fitted_on

if TYPE_CHECKING:
    from anndata import AnnData

TRAIN, VALIDATION = SPLITS[:2]
"""Marks of a column of ``obs`` that says which rows are trained on."""


def declare(adata: AnnData, model: str, values: dict[str, Any]) -> None:
    """Write a declaration into ``uns["genviz"]["setup"][model]``.

    Parameters
    ----------
    adata
        Changed in place.
    model
        Key of the model.
    values
        JSON values.
    """
    store = adata.uns.setdefault(Uns.GENVIZ, {}).setdefault(Uns.SETUP, {})
    store[model] = json.dumps(values)


def declared(adata: AnnData, model: str, name: str) -> dict[str, Any]:
    """What `declare` wrote.

    Parameters
    ----------
    adata
        Rows.
    model
        Key of the model.
    name
        Of the class in `genviz.models`.

    Raises
    ------
    MissingKeyError
        When there is no declaration.
    """
    check_adata(adata)
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.SETUP, {}).get(model)
    if text is None:
        raise MissingKeyError(
            f"Expected a declared AnnData. Run gv.models.{name}.setup_anndata(adata) first."
        )
    values: dict[str, Any] = json.loads(text)
    return values


def rows_to_train_on(adata: AnnData, split_key: str) -> NDArray[np.bool_]:
    """Which rows are trained on, (n_obs,): those marked ``train``, or all without a split.

    Parameters
    ----------
    adata
        Rows.
    split_key
        Column of the split.

    Raises
    ------
    DataError
        When none is marked.
    """
    if split_key not in adata.obs:
        return np.ones(adata.n_obs, bool)
    marked = (adata.obs[split_key].astype(str) == TRAIN).to_numpy(bool)
    if not marked.any():
        raise DataError(
            f"Expected rows with obs['{split_key}'] == '{TRAIN}'; got none. Mark some, or name another split_key= in "
            "setup_anndata."
        )
    return marked


def trained_on(adata: AnnData, split_key: str) -> dict[str, Any]:
    """What held-out rows could share with the training rows, as `pp.fitted_rows.fitted_on` tells it.

    Parameters
    ----------
    adata
        Rows; those marked ``train`` are meant, or all without a split.
    split_key
        Column of the split.
    """
    return fitted_on(adata, rows_to_train_on(adata, split_key), split_key=split_key, names=False)
