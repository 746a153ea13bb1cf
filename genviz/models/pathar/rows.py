"""Rows out: the AnnData that a result becomes, and what its rows are asked for.

Shape legend: R rows, H x W pixels, N cells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._keys import Obs, Obsm, Uns
from genviz.models.base import image_provenance
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.fitted import TOKENIZER, Fitted

if TYPE_CHECKING:
    from anndata import AnnData

TOKENS = "tokens"  # what is on record about the tokens of rows: their grid and their tokenizer


def new_rows(
    fitted: Fitted,
    names: Sequence[str],
    obs: Mapping[str, Any],
    *,
    images: NDArray[np.uint8] | None,
    masks: NDArray[np.uint16] | None,
    tokens: Tokens,
    record: dict[str, Any],
    key: str,
) -> AnnData:
    """The AnnData of a result: one row for each image, with its mask, its tokens and where it came from.

    Parameters
    ----------
    fitted
        The model.
    names
        Of the rows.
    obs
        Columns; texts become categories, as a file gives them back.
    images, masks
        Decoded; None is left out.
    tokens
        What was decoded.
    record
        Provenance, from `record_of`.
    key
        Result key.
    """
    columns = {name: _column(values) for name, values in obs.items()}
    frame = pd.DataFrame(columns, index=pd.Index([str(name) for name in names], dtype=object))
    adata = ad.AnnData(obs=frame)
    if images is not None:
        adata.obsm[Obsm.image(key)] = images
    if masks is not None:
        adata.obsm[Obsm.mask(key)] = masks
        adata.obs[Obs.N_NUCLEI] = masks.reshape(len(masks), -1).max(axis=1).astype(np.int64)
    adata.uns[Uns.GENVIZ] = {key: json.dumps(record)}
    put_tokens(fitted, adata, tokens)
    return adata


def put_tokens(fitted: Fitted, adata: AnnData, tokens: Tokens) -> None:
    """Write tokens into rows, with their grid and whose they are."""
    slots = {Obsm.STRUCTURE_TOKENS: tokens.structure_RN, Obsm.APPEARANCE_TOKENS: tokens.appearance_RN}
    for slot, values in slots.items():
        adata.obsm.pop(slot, None)
        if values.shape[1]:
            adata.obsm[slot] = values
    record = {"grid": list(tokens.grid), "tokenizer": str(fitted.facts.get(TOKENIZER, ""))}
    adata.uns.setdefault(Uns.GENVIZ, {})[TOKENS] = json.dumps(record)


def record_of(fitted: Fitted, what: str, seed: int, parameters: dict[str, Any]) -> dict[str, Any]:
    """Provenance of a result: images that no microscope has seen."""
    return image_provenance(model="PathAR", operation=what, fitted=fitted, seed=seed, parameters=parameters)


def _column(values: Any) -> Any:
    texts = len(values) > 0 and all(value is None or isinstance(value, str) for value in values)
    if not texts:
        return np.asarray(values, np.int64)
    return pd.Categorical([None if value is None else str(value) for value in values])
