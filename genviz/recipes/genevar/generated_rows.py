"""Tiles of a row's whole model beside the real ones, for experiments that score pictures.

Shape legend: N rows; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obsm
from genviz.models.genevar.codec import own_tiles
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.generating import Request, generate, rule_of
from genviz.recipes.genevar.jobs import KEY
from genviz.recipes.genevar.row_groups import projects_of

if TYPE_CHECKING:
    from anndata import AnnData

Tiles = NDArray[np.uint8]
ALL = "all"


@dataclass(frozen=True, eq=False)
class Case:
    """Real rows, and the model of a row of the table.

    Attributes
    ----------
    training, held
        Rows of either side.
    fitted
        Trained on `training`; of a row without a model tokenizer and condition alone.
    """

    training: AnnData
    held: AnnData
    fitted: Fitted

    def real(self, rows: AnnData) -> Tiles:
        """Real tiles as the model sees them, (N, H, W, 3)."""
        return np.asarray(own_tiles(self.fitted, rows))

    def generated(self, rows: AnnData, n: int, seed: int) -> Tiles:
        """Tiles for the profiles of rows, n a row, in order, (N, H, W, 3)."""
        made = generate(self.fitted, rows, Request(n, seed, rule_of(self.fitted, None)), KEY)
        return np.asarray(made.obsm[Obsm.image(KEY)])


def cohorts_of(rows: AnnData, named: Mapping[str, str]) -> dict[str, NDArray[np.bool_]]:
    """Name → rows of its cohort, and ``all``.

    Parameters
    ----------
    rows
        With ``obs["project"]``, where cohorts are named.
    named
        Name for the table → value of the column.

    Raises
    ------
    MissingKeyError
        When cohorts are named and rows do not say theirs.
    """
    found = {ALL: np.ones(rows.n_obs, bool)}
    if named:
        project_N = projects_of(rows)
        found |= {name: project_N == value for name, value in named.items()}
    return found
