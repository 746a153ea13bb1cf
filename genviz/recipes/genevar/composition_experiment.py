"""Shapes of nuclei in GeneVAR's tiles beside real ones, by cohort: one job a method, a row of the table a cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.io.library import library_of_rows
from genviz.metrics import (
    Score,
    SegmentThenClassify,
    ShapeClassifier,
    StainSegmenter,
    TissueStandard,
    cell_composition,
)
from genviz.models.genevar.codec import MPP
from genviz.recipes.checks import NOT_NEGATIVE, FromOne
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genevar.generated_rows import Case, Tiles, cohorts_of
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.shared_base import SharedBase
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

REAL = "real"
_PERCENT = 100.0
_LEAST = 10  # tiles of a cohort
_EMPTY = "empty_share"


@dataclass(frozen=True)
class CompositionOptions(ModelOptions):
    """What is counted.

    Attributes
    ----------
    method
        End of the names of the rows that a job fills, ``<cohort>_<method>``; of ``real`` there is no model.
    cohorts
        Beginning of these names → cohort of ``obs["project"]``; ``all`` is always there.
    min_area_um2
        Smaller objects are no nuclei.
    n_halves
        Random halves for the floor, see `metrics.cell_composition`.
    """

    method: str = ""
    cohorts: Mapping[str, str] = field(default_factory=dict)
    min_area_um2: Annotated[float, NOT_NEGATIVE] = 15.0
    n_halves: FromOne = 100

    def __post_init__(self) -> None:
        if not self.method:
            raise UsageError("Expected a method in every row; got one without.")


class Composition(SharedBase):
    """Shares of nuclei by shape, told by haematoxylin and outline: shapes are no cell types."""

    options: ClassVar[type[ModelOptions]] = CompositionOptions

    def look(self, options: ModelOptions, training: AnnData, held: AnnData) -> None:
        """Cohorts, where they are named."""
        if isinstance(options, CompositionOptions):
            cohorts_of(held, options.cohorts)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Shares, %, of each cohort; real held-out tiles, or a tile for each of their profiles."""
        options = options_of(CompositionOptions, setting, row)
        case = self.case(setting, options, seed)
        real = case.real(case.held)
        typer = _typer(options, case)
        own, floor = real, case.real(case.training)
        if options.ablation:
            own = case.generated(case.held, 1, seed)
        table: Table = {}
        training = cohorts_of(case.training, options.cohorts)
        for name, own_N in cohorts_of(case.held, options.cohorts).items():
            if own_N.sum() < _LEAST:
                continue
            groups = _groups(case, own_N)
            if options.ablation:
                found = _shares(own[own_N], real[own_N], typer, groups, groups, options, seed)
            else:  # real tiles of the training rows stand in the place of generated ones
                others = training[name]
                found = _shares(
                    floor[others],
                    real[own_N],
                    typer,
                    _groups(case, others, held=False),
                    groups,
                    options,
                    seed,
                )
                found = _told_of_real(found)
            table[f"{name}_{options.method}"] = found
        return table


def _typer(options: CompositionOptions, case: Case) -> SegmentThenClassify:
    mpp = float(case.fitted.facts.get(MPP) or 1.0)
    standard = TissueStandard.of(case.real(case.training))
    least = max(2, round(options.min_area_um2 / mpp**2))
    return SegmentThenClassify(StainSegmenter(standard, least), ShapeClassifier(mpp))


def _groups(case: Case, own_N: NDArray[np.bool_], *, held: bool = True) -> Sequence[str]:
    """Patients where they are known and several, else sections."""
    rows = case.held if held else case.training
    names = np.asarray(library_of_rows(rows), object).astype(str)
    if Obs.PATIENT in rows.obs and rows.obs[Obs.PATIENT].nunique() > 1:
        names = rows.obs[Obs.PATIENT].astype(str).to_numpy()
    return [str(name) for name in names[own_N]]


def _shares(
    made: Tiles,
    real: Tiles,
    typer: SegmentThenClassify,
    made_groups: Sequence[str],
    real_groups: Sequence[str],
    options: CompositionOptions,
    seed: int,
) -> dict[str, Score]:
    """Shares and their deviations, %, and distances; nothing where tiles have too few nuclei."""
    try:
        found = cell_composition(
            made, real, typer, made_groups=made_groups, real_groups=real_groups, n_halves=options.n_halves, seed=seed
        )  # fmt: skip
    except DataError:
        return {}
    return {name.removeprefix("share_"): _percent(name, score) for name, score in found.items()}


def _percent(name: str, score: Score) -> Score:
    if not name.startswith("share_") and name != _EMPTY:
        return score
    ci = None if score.ci is None else (score.ci[0] * _PERCENT, score.ci[1] * _PERCENT)
    beside = None if score.baseline is None else score.baseline * _PERCENT
    return Score(score.value * _PERCENT, ci, score.n, beside, score.note)


def _told_of_real(found: Mapping[str, Score]) -> dict[str, Score]:
    """The held-out tiles' own shares, which stood beside; distances stay those of the training tiles."""
    kept = {}
    for name, score in found.items():
        distance = name.startswith(("w1_", "energy"))
        value = score.value if distance or score.baseline is None else score.baseline
        kept[name] = Score(
            value, score.ci if distance else None, score.n, score.baseline if distance else None
        )
    return kept
