"""Rows out: the AnnData that generated or reconstructed tiles become.

Shape legend: N rows, H x W pixels, L tokens of all scales.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._keys import Obs, Obsm, Uns
from genviz.io.library import is_synthetic
from genviz.models.base import image_provenance
from genviz.models.genevar.condition.rows import sections_of_rows
from genviz.models.genevar.fitted import TOKENIZER, Fitted

if TYPE_CHECKING:
    from anndata import AnnData

SECTIONS, CHOSEN_BY, SYNTHETIC = "sections", "chosen_by", "synthetic"
CONDITION_ON = "condition_fitted_on"
"""The rows (`pp.fitted_rows.fitted_on`) whose profiles the condition was fitted on."""
"""Facts about training: its sections, those by which the best epoch was chosen, and whether tissue was drawn."""
PATIENTS, SPLIT_BY = "patients_of_training", "split_by"
"""More of them: patients of the rows trained on or chosen by, and the column that the split was declared by."""
UNPAIRED_SECTIONS = "sections_unpaired"
"""And the sections of tiles that were trained on without a profile."""


def drawn_rows(adata: AnnData, n: int) -> AnnData:
    """`n` rows for each row, in order, with their ``obs`` and places, without counts and pixels.

    Parameters
    ----------
    adata
        Rows; ``obs``, ``obsm["spatial"]``, ``uns["spatial"]`` and the recipe of their tiles are carried over.
    n
        Draws of each.

    Returns
    -------
    AnnData
        Rows are called as they were for ``n=1``, else ``<row>#<j>``; ``obs`` also source and draw.
    """
    row_N = np.repeat(np.arange(adata.n_obs), n)
    source = [str(adata.obs_names[row]) for row in row_N]
    draw_N = np.tile(np.arange(n, dtype=np.int64), adata.n_obs)
    names = source if n == 1 else [f"{name}#{j}" for name, j in zip(source, draw_N, strict=True)]
    obs = adata.obs.iloc[row_N].copy()
    obs.index = pd.Index(names, dtype=object)
    obs[Obs.SOURCE] = pd.Categorical(source)
    obs[Obs.DRAW] = draw_N
    made = ad.AnnData(obs=obs)
    if Obsm.SPATIAL in adata.obsm:
        made.obsm[Obsm.SPATIAL] = np.asarray(adata.obsm[Obsm.SPATIAL])[row_N]
    if Uns.SPATIAL in adata.uns:
        made.uns[Uns.SPATIAL] = _copied(adata.uns[Uns.SPATIAL])
    known = adata.uns.get(Uns.GENVIZ, {})
    made.uns[Uns.GENVIZ] = {key: known[key] for key in (Uns.TILES, Uns.SYNTHETIC, Uns.READER) if key in known}
    return made


def put_tiles(
    fitted: Fitted,
    made: AnnData,
    images_NHW3: NDArray[np.uint8],
    s_NL: NDArray[np.int32],
    record: dict[str, Any],
    key: str,
) -> None:
    """Write tiles, their tokens and where they came from into rows.

    Parameters
    ----------
    fitted
        The model.
    made
        Rows, changed in place.
    images_NHW3, s_NL
        Tiles and tokens.
    record
        From `record_of`.
    key
        Result key.
    """
    made.obsm[Obsm.image(key)] = images_NHW3
    made.obsm[Obsm.tokens(key)] = s_NL
    scales = fitted.trained_tokenizer().config.scales
    offsets = np.cumsum([0, *(n * n for n in scales)]).tolist()
    layout = {"scales": list(scales), "offsets": offsets, "tokenizer": str(fitted.facts.get(TOKENIZER, ""))}
    made.uns[Uns.GENVIZ][key] = json.dumps(record)
    made.uns[Uns.GENVIZ][Obsm.tokens(key)] = json.dumps(layout)


def record_of(
    fitted: Fitted, adata: AnnData, what: str, seed: int, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Provenance of a result: tiles that no microscope has seen.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows that it was made of.
    what
        Name of the operation.
    seed
        Seed of the call.
    parameters
        JSON values.
    """
    return image_provenance(
        model="GeneVAR", operation=what, fitted=fitted, seed=seed, parameters=parameters
    ) | {
        # What was made of rows that the model was trained on says nothing about others.
        "sections_of_training": sorted(set(sections_of_rows(adata)) & set(fitted.facts.get(SECTIONS, []))),
        "phantom": bool(fitted.facts.get(SYNTHETIC, False)) or is_synthetic(adata),
    }


def _copied(values: Any) -> Any:
    """Dictionaries anew; arrays (stored overviews) are shared, not copied."""
    if not isinstance(values, Mapping):
        return values
    return {name: _copied(value) for name, value in values.items()}
