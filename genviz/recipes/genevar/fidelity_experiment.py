"""Distances of GeneVAR's tiles from real ones of patients (sections) left out, by cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.metrics import Score, TissueStandard
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.distances import frechet
from genviz.metrics.tiles.extractors import make_extractor
from genviz.recipes.checks import FromOne, check_extractor
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genevar.ablation_scores import mean_r
from genviz.recipes.genevar.generated_rows import ALL, Case, Tiles, cohorts_of
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.shared_base import SharedBase
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

Features = Callable[[Tiles], NDArray[np.float64]]
TISSUE = "tissue"
_LEAST = 10  # tiles of a cohort


@dataclass(frozen=True)
class FidelityOptions(ModelOptions):
    """What is scored.

    Attributes
    ----------
    n
        Tiles a held-out row; every draw is a set of its own, and their distances are averaged.
    extractor
        ``tissue`` (fourteen statistics) or a name of `metrics.tiles.extractors`; ``inception`` alone makes the
        distance an FID.
    cohorts
        Score → cohort of ``obs["project"]``; ``all`` is always there.
    """

    n: FromOne = 2
    extractor: str = TISSUE
    cohorts: Mapping[str, str] = field(default_factory=dict)


class Fidelity(SharedBase):
    """Train a row's model, generate for held-out profiles, and score."""

    options: ClassVar[type[ModelOptions]] = FidelityOptions

    def ready(self, options: ModelOptions) -> None:
        """The extractor."""
        if isinstance(options, FidelityOptions) and options.extractor != TISSUE:
            check_extractor(options.extractor)

    def look(self, options: ModelOptions, training: AnnData, held: AnnData) -> None:
        """Enough held-out rows for a distance, and cohorts where they are named."""
        if held.n_obs < _LEAST:
            raise DataError(
                f"Expected at least {_LEAST} held-out rows for a distance; got {held.n_obs}. Hold out more of the "
                "data, or score more of them (n_held; 0 is all)."
            )
        if isinstance(options, FidelityOptions):
            cohorts_of(held, options.cohorts)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Distances by cohort, each beside real training tiles at the same number; ``r`` of the own real tile."""
        options = options_of(FidelityOptions, setting, row)
        case = self.case(setting, options, seed)
        features = _features(options, case, setting.device)
        real_ND, training_ND = (features(case.real(part)) for part in (case.held, case.training))
        made = case.generated(case.held, options.n, seed)
        draws = [features(made[draw :: options.n]) for draw in range(options.n)]
        scores: dict[str, Score] = {}
        training = cohorts_of(case.training, options.cohorts)
        for name, own_N in cohorts_of(case.held, options.cohorts).items():
            if own_N.sum() >= _LEAST:
                of_draws = [draw[own_N] for draw in draws]
                scores[name] = _distance(of_draws, real_ND[own_N], training_ND[training[name]])
        scores["floor"] = Score(_baseline(scores[ALL]), n=scores[ALL].n, note="real training tiles")
        scores["r"] = Score(float(np.mean([mean_r(real_ND, draw) for draw in draws])), n=len(real_ND))
        return {row.name: scores}

    def n_generated(self, options: ModelOptions) -> int:
        """Draws of held-out rows."""
        return options.n_held * (options.n if isinstance(options, FidelityOptions) else 1)


def _features(options: FidelityOptions, case: Case, device: str) -> Features:
    """Measured as the training tiles' own spread says."""
    reference = case.real(case.training)
    if options.extractor == TISSUE:
        standard = TissueStandard.of(reference)
        return standard.measure
    extractor = make_extractor(options.extractor, ImageSet(reference), nuclear=False, device=device)
    return lambda tiles: extractor.features(ImageSet(tiles))


def _distance(
    draws: list[NDArray[np.float64]], real_ND: NDArray[np.float64], training_ND: NDArray[np.float64]
) -> Score:
    """Mean over draws; beside it that of as many real training tiles, evenly spaced."""
    value = float(np.mean([frechet(real_ND, draw_ND) for draw_ND in draws]))
    n = min(len(real_ND), len(training_ND))
    if n < _LEAST:
        return Score(value, n=len(real_ND))
    few = [x_ND[np.linspace(0, len(x_ND) - 1, n).astype(int)] for x_ND in (real_ND, training_ND)]
    return Score(value, None, len(real_ND), frechet(*few), f"baseline: {n} real training tiles")


def _baseline(score: Score) -> float:
    return float("nan") if score.baseline is None else score.baseline
