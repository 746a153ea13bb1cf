"""Tiles of a row's whole model beside the real ones, for experiments that score pictures.

Shape legend: N rows; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obs, Obsm
from genviz.models.genevar.checkpoint import load_fitted
from genviz.models.genevar.codec import own_tiles
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.generating import Request, generate, rule_of
from genviz.recipes.experiment import Setting
from genviz.recipes.genevar.base_models import base_fitted, whole_model
from genviz.recipes.genevar.jobs import KEY
from genviz.recipes.genevar.options import ModelOptions
from genviz.recipes.genevar.profile_rows import evenly, rows_of
from genviz.recipes.seen_by import gate, seen_by_genevar
from genviz.train.device import resolve_device

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


def case_of(setting: Setting, options: ModelOptions, seed: int, *, prior: bool = True) -> Case:
    """Read the rows, train what is not there yet, and refuse held-out rows that were seen.

    Parameters
    ----------
    setting, options
        Of the row.
    seed
        Of flow and prior.
    prior
        False: a flow alone.

    Raises
    ------
    UsageError
        For held-out rows that leak.
    """
    config = options.config()
    training, held = rows_of(setting.data, config.tokenizer.size_px + 2 * config.views.margin_px)
    held = evenly(held, options.n_held)
    if options.ablation:
        fitted = load_fitted(whole_model(setting, options, training, seed, prior=prior))
    else:
        fitted = base_fitted(setting, options, training)
    gate(held, seen_by_genevar(fitted, held))
    return Case(training, held, fitted.to(resolve_device(setting.device)))


def cohorts_of(rows: AnnData, named: Mapping[str, str]) -> dict[str, NDArray[np.bool_]]:
    """Name → rows of its cohort, and ``all``.

    Parameters
    ----------
    rows
        With ``obs["project"]``, where cohorts are named.
    named
        Name for the table → value of the column.
    """
    found = {ALL: np.ones(rows.n_obs, bool)}
    if named:
        project_N = rows.obs[Obs.PROJECT].astype(str).to_numpy()
        found |= {name: project_N == value for name, value in named.items()}
    return found
