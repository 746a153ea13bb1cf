"""Rows of a perturbation: the tiles of all genes and doses in one AnnData.

Shape legend: N rows, M tiles (n of each row), D statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._keys import Obs, Obsm, Uns
from genviz.models.genevar.rows import drawn_rows, put_tiles, record_of
from genviz.tl.perturbation.draws import Codes, Tiles
from genviz.tl.perturbation.tables import to_json

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.fitted import Fitted


@dataclass(frozen=True)
class Part:
    """One gene (or set) at one dose.

    Attributes
    ----------
    gene, dose, level
        Name, label and value.
    tiles, code_NZ
        n of each row; the rows' codes.
    statistics_MD
        Of the tiles.
    code_change_N
        Length of the change of each row's code.
    genes_outside_N, codes_outside_N
        Rows outside the range.
    """

    gene: str
    dose: str
    level: float
    tiles: Tiles
    code_NZ: Codes
    statistics_MD: NDArray[np.float64]
    code_change_N: NDArray[np.float32]
    genes_outside_N: NDArray[np.bool_]
    codes_outside_N: NDArray[np.bool_]


def joined_rows(
    fitted: Fitted,
    adata: AnnData,
    parts: list[Part],
    effects: pd.DataFrame,
    summary: pd.DataFrame,
    facts: dict[str, Any],
    n: int,
    seed: int,
    key: str,
) -> AnnData:
    """All parts one after the other, with the tables.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows as they were given.
    parts
        In order.
    effects, summary, facts
        See `tables`.
    n, seed, key
        Draws of each row, seed, result key.
    """
    once = drawn_rows(adata, n)
    again = np.tile(np.arange(once.n_obs), len(parts))
    obs = once.obs.iloc[again].copy()
    obs.index = pd.Index(
        [
            f"{source}|{part.gene}|{part.dose}" + (f"#{draw}" if n > 1 else "")
            for part in parts
            for source, draw in zip(once.obs[Obs.SOURCE], once.obs[Obs.DRAW], strict=True)
        ],
        dtype=object,
    )
    made = ad.AnnData(
        obs=obs, obsm={name: np.asarray(once.obsm[name])[again] for name in once.obsm}, uns=once.uns
    )
    levels = list(dict.fromkeys(part.dose for part in parts))

    def of_parts(values: list[Any]) -> list[Any]:
        return [value for value in values for _ in range(once.n_obs)]

    made.obs[Obs.GENE] = pd.Categorical(of_parts([part.gene for part in parts]))
    made.obs[Obs.DOSE] = np.array(of_parts([part.level for part in parts]), np.float64)
    made.obs[Obs.DOSE_LABEL] = pd.Categorical(of_parts([part.dose for part in parts]), categories=levels)
    for column, attribute in {
        Obs.CODE_CHANGE: "code_change_N",
        Obs.GENE_OUT_OF_RANGE: "genes_outside_N",
        Obs.CODE_OUT_OF_RANGE: "codes_outside_N",
    }.items():
        made.obs[column] = np.concatenate([np.repeat(getattr(part, attribute), n) for part in parts])
    tiles = Tiles.joined([part.tiles for part in parts])
    asked = {"n": n, **{name: facts[name] for name in ("doses", "sets", "controls")}}
    record = record_of(fitted, adata, "perturb", seed, asked)
    put_tiles(fitted, made, tiles.images_MHW3, tiles.tokens_ML, record, key)
    made.obsm[Obsm.RNA] = np.concatenate([np.repeat(part.code_NZ, n, axis=0) for part in parts])
    made.obsm[Obsm.statistics(key)] = np.concatenate([part.statistics_MD for part in parts])
    made.uns[Uns.GENVIZ][Obsm.statistics(key)] = to_json(effects, summary, facts)
    return made
