"""What a model reads of an AnnData, stored in it as plain JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz._errors import MissingKeyError
from genviz._keys import Uns
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
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.SETUP, {}).get(model)
    if text is None:
        raise MissingKeyError(
            f"Expected a declared AnnData. Run gv.models.{name}.setup_anndata(adata) first."
        )
    values: dict[str, Any] = json.loads(text)
    return values


def trained_on(adata: AnnData, split_key: str) -> dict[str, Any]:
    """What held-out rows could share with the training rows, as `pp.fitted_rows.fitted_on` tells it.

    Parameters
    ----------
    adata
        Rows; those marked ``train`` are meant, or all without a split.
    split_key
        Column of the split.
    """
    rows = np.ones(adata.n_obs, bool)
    if split_key in adata.obs:
        rows = (adata.obs[split_key].astype(str) == TRAIN).to_numpy(bool)
    return fitted_on(adata, rows, split_key=split_key, names=False)
