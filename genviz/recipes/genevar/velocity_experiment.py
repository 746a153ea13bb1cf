"""Where a causal and a vanilla MeanFlow take the same noise: what their ends show of the rows' classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genviz import tl
from genviz._errors import DataError
from genviz._keys import Layers, Uns
from genviz.metrics import Score
from genviz.models import GeneVAR
from genviz.recipes.checks import FromOne, FromZero
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genevar.base_models import whole_model
from genviz.recipes.genevar.genevar_cost import model_cost
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.row_groups import classes_of
from genviz.recipes.genevar.shared_base import SharedBase
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

VANILLA = "vanilla"
_KEY = "velocity"
_CONTROLS = ("start", "before", "real")
_CLASS = "velocity_class"


@dataclass(frozen=True)
class VelocityOptions(ModelOptions):
    """What is followed.

    Attributes
    ----------
    beside
        Ablation that the row's flow is held against.
    classes
        See `row_groups.classes_of`.
    scale
        That the flow predicts; 0: the last.
    n_per_group
        Rows of each class, at most.
    min_reads
        Rows with fewer are left out.
    """

    beside: str = "a2_mf_rna"
    classes: str = "project"
    scale: FromZero = 0
    n_per_group: FromOne = 200
    min_reads: FromZero = 0


class Velocities(SharedBase):
    """Two flows on held-out rows, the same noise; one job fills the rows of both and of the controls."""

    options: ClassVar[type[ModelOptions]] = VelocityOptions
    prior: ClassVar[bool] = False

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """``silhouette``, ``knn`` (beside it that of permuted classes) of ends, and of noise, f_{k-1} and real f_k."""
        options = options_of(VelocityOptions, setting, row)
        case = self.case(setting, options, seed)
        other = replace(options, ablation=options.beside)
        causal, vanilla = (
            GeneVAR.load(whole_model(setting, one, case.training, seed, prior=False), device=setting.device)
            for one in (options, other)
        )
        rows = _classed(case.held, options)
        found = tl.velocity(
            causal, rows, scale=options.scale or None, n_per_group=options.n_per_group, colour_key=_CLASS,
            compare={VANILLA: vanilla}, seed=seed,
            key_added=_KEY,
        )  # fmt: skip
        told = json.loads(found.uns[Uns.GENVIZ][_KEY])
        return told_rows(row.name, told)

    def ready(self, options: ModelOptions) -> None:
        """The other flow's ablation is known."""
        if isinstance(options, VelocityOptions):
            replace(options, ablation=options.beside).config()

    def look(self, options: ModelOptions, training: AnnData, held: AnnData) -> None:
        """Deep rows of several classes."""
        if isinstance(options, VelocityOptions) and _classed(held, options).obs[_CLASS].nunique() < 2:
            raise DataError(
                f"Expected held-out rows of two classes or more with at least {options.min_reads} reads; got fewer. "
                "Name other classes, or a lower min_reads."
            )

    def cost(self, setting: Setting, row: Row) -> Cost:
        """Of both flows."""
        options = options_of(VelocityOptions, setting, row)
        other = replace(options, ablation=options.beside, n_held=0)
        sharing = 2 * len(setting.size.seeds)
        return sum((model_cost(one, n=0, sharing=sharing, prior=False) for one in (options, other)), Cost())


def _classed(held: AnnData, options: VelocityOptions) -> AnnData:
    """Rows with reads enough, and their class."""
    counts: Any = held.layers.get(Layers.COUNTS, held.X)
    rows = held[np.asarray(counts.sum(axis=1)).ravel() >= options.min_reads].copy()
    rows.obs[_CLASS] = classes_of(rows, options.classes).astype(str)
    return rows


def told_rows(name: str, told: Mapping[str, Any]) -> Table:
    """Rows of the table from the record of `tl.velocity`.

    Parameters
    ----------
    name
        Of the row of the first model.
    told
        The record.
    """
    n = sum(told["groups"].values())
    numbers = told["numbers"]
    table: Table = {one: _scores(numbers[one], n) for one in _CONTROLS}
    for row, key in ((name, "model"), (VANILLA, VANILLA)):
        table[row] = _scores(numbers[f"end:{key}"], n)
        others = numbers[f"end, others' profiles:{key}"]
        change = numbers[f"change:{key}"]
        table[row] |= {
            "silhouette_others": Score(others["silhouette"], n=n),
            "knn_others": Score(others["knn"], n=n),
            "silhouette_change": Score(change["silhouette"], n=n),
        }
    return table


def _scores(found: Mapping[str, float], n: int) -> dict[str, Score]:
    return {
        "silhouette": Score(found["silhouette"], n=n),
        "knn": Score(found["knn"], n=n, baseline=found["knn_null"], note="baseline: permuted classes"),
        "knn_null_95": Score(found["knn_null_95"], n=n),
    }
