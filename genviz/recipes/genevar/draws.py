"""Draws of a GeneVAR for rows that are scored, several a row, measured.

Shape legend: R draws, N rows, L tokens, Z width of the condition, D statistics; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obsm
from genviz.metrics import TissueStandard
from genviz.recipes.genevar.jobs import KEY

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.prior.rule import SampleRule
    from genviz.recipes.genevar.rows import Part

_WITH_DEPTH = ("pca", "vae")  # kinds of conditions whose last number is the depth, and nothing else is


@dataclass(frozen=True, eq=False)
class Draws:
    """Generated tiles.

    Attributes
    ----------
    tiles
        uint8 (R, N, H, W, 3).
    tokens
        int32 (R, N, L).
    statistics
        Standardised, float64 (R, N, D).
    """

    tiles: NDArray[np.uint8]
    tokens: NDArray[np.int32]
    statistics: NDArray[np.float64]


def draw(
    part: Part,
    standard: TissueStandard,
    n: int,
    seed: int,
    *,
    rule: str | SampleRule | None = None,
    depth_fixed: bool = False,
) -> Draws:
    """Draw tiles for each row.

    Parameters
    ----------
    part
        Rows and model.
    standard
        Measures the tiles.
    n
        R.
    seed, rule
        See `GeneVAR.generate`.
    depth_fixed
        Set the depth of every row to the training rows' mean, the composition of its profile as it is. The same noise
        as without.
    """
    code_NZ = part.code.copy()
    if depth_fixed:
        code_NZ[:, -1] = 0.0  # standardised by the training rows
    made = part.model.generate_from_code(part.adata, code_NZ, n, seed, rule=rule, key_added=KEY)
    tiles, tokens = (_by_draw(made, key, n) for key in (Obsm.image(KEY), Obsm.tokens(KEY)))
    statistics = np.stack([standard.measure(one) for one in tiles])
    return Draws(tiles, tokens, statistics)


def has_depth(part: Part) -> bool:
    """Whether the depth is a number of the condition by itself.

    Parameters
    ----------
    part
        Rows and model.
    """
    config = part.model.config.condition
    return config.depth and config.kind in _WITH_DEPTH


def _by_draw(made: AnnData, key: str, n: int) -> NDArray[Any]:
    values = np.asarray(made.obsm[key])
    return np.ascontiguousarray(np.swapaxes(values.reshape(-1, n, *values.shape[1:]), 0, 1))
