"""GeneVAR's ablations as an experiment: all rows share condition and tokenizer; flow and prior are their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genviz.metrics import Score
from genviz.metrics.tiles.distances import frechet
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genevar import ablations
from genviz.recipes.genevar.ablation_rows import HeldOut
from genviz.recipes.genevar.ablation_scores import N_DRAWS, reference_scores
from genviz.recipes.genevar.base_models import base_fitted, with_condition, work_folder
from genviz.recipes.genevar.genevar_cost import model_cost
from genviz.recipes.genevar.options import PREFIX, ModelOptions, options_of
from genviz.recipes.genevar.shared_base import SharedBase
from genviz.recipes.recipe import Row
from genviz.recipes.seen_by import gate, seen_by_genevar
from genviz.train.device import resolve_device

REAL = "real"
_COPY = "flow_copy"


@dataclass(frozen=True)
class AblationOptions(ModelOptions):
    """What is scored.

    Attributes
    ----------
    reference
        Whether the row is what no prior can beat: the tokenizer's own tiles; it fills the row ``real`` too.
    """

    reference: bool = False


class Ablation(SharedBase):
    """Train a row's flow and prior, and hold them against a section (or patients) that nothing was trained on."""

    options: ClassVar[type[ModelOptions]] = AblationOptions

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Train and score one variant with one seed."""
        options = options_of(AblationOptions, setting, row)
        training, held = self.rows(setting, options)
        fitted = base_fitted(setting, options, training)
        gate(held, seen_by_genevar(fitted, held))
        fitted = with_condition(setting, fitted, options.config(), training)
        work = work_folder(setting, fitted, training)
        told = ablations.setting(
            fitted, training, held, records=work / "records", work=work, budget=options.budget,
            device=resolve_device(setting.device),
        )  # fmt: skip
        if options.reference:
            return reference_rows(row.name, reference_scores(fitted, told.held), pooled_floor(told.held))
        _, scores = ablations.measured(told, PREFIX + options.ablation, seed)
        told.runs.forget(options.ablation, seed)
        return {row.name: shown(scores)}

    def cost(self, setting: Setting, row: Row) -> Cost:
        """Flow and prior, and shares of what other rows and seeds stand on too."""
        options = options_of(AblationOptions, setting, row)
        rows = setting.recipe.measured(setting.size)
        sharing = len(rows) * len(setting.size.seeds)
        if options.reference:
            return model_cost(options, n=0, sharing=sharing, flow_sharing=sharing, prior=False)
        config = options.config()
        others = [options_of(AblationOptions, setting, other) for other in rows]
        same = sum(
            other.config().flow == config.flow and other.config().counterfactuals == config.counterfactuals
            for other in others
            if other.config().refine and not other.reference
        )
        return model_cost(options, n=options.n_held * N_DRAWS, sharing=sharing, flow_sharing=max(same, 1))


def shown(scores: Mapping[str, Score]) -> dict[str, Score]:
    """All scores of a run, and the error of copying f_{k-1}, the baseline of the flow's, as one of its own.

    Parameters
    ----------
    scores
        From `ablations.measured`.
    """
    found = dict(scores)
    if (mean := found.get("flow_mean")) is not None and mean.baseline is not None:
        found[_COPY] = Score(mean.baseline, n=mean.n)
    return found


def reference_rows(name: str, scores: Mapping[str, Score], pooled: Score | None = None) -> Table:
    """The tokenizer's own tiles, and real tiles of training sections in a row of their own.

    Parameters
    ----------
    name
        Of the row of the tokenizer.
    scores
        From `reference_scores`.
    pooled
        Distance of all real training tiles; in place of sections' where none has tiles enough.
    """
    floors = {key: score for key, score in scores.items() if key.startswith("fd_")}
    if floors:
        values = [score.value for score in floors.values()]
        n = min(score.n for score in floors.values())
        note = "; ".join(f"{key[3:]} {score.value:.2f}" for key, score in floors.items())
        pooled = Score(float(np.mean(values)), n=n, note=note)
    own = {key: score for key, score in scores.items() if key not in floors}
    return {name: own} | ({} if pooled is None else {REAL: {"fd": pooled}})


def pooled_floor(held: HeldOut) -> Score:
    """Fréchet distance of the held-out real tiles from as many real training tiles.

    Parameters
    ----------
    held
        The test rows.
    """
    real_ND = np.concatenate(list(held.training.values()))
    n = min(len(real_ND), len(held.real_ND))
    first, second = (x_ND[np.linspace(0, len(x_ND) - 1, n).astype(int)] for x_ND in (held.real_ND, real_ND))
    return Score(frechet(first, second), n=n, note="training sections pooled")
