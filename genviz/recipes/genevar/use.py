"""Scores of what a GeneVAR does with its profiles: correlations with bounds and nulls, likelihoods.

Shape legend: N rows, K scales.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obsm
from genviz.core.keyed import row_key
from genviz.metrics.conditions.floors import distances_with_floors
from genviz.metrics.conditions.ridge_bound import RidgeBound
from genviz.metrics.conditions.use import condition_use, correlation_scores
from genviz.metrics.conditions.within_sections import section_labels
from genviz.metrics.row_means import mean_score
from genviz.metrics.score import Score
from genviz.recipes.genevar.draws import draw, has_depth
from genviz.recipes.genevar.fidelity import TISSUE
from genviz.recipes.genevar.rows import grid_places, grid_step

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.recipes.genevar.draws import Draws
    from genviz.recipes.genevar.rows import Evaluated

RETRIEVED = 200


def bound_of(case: Evaluated) -> RidgeBound | None:
    """The ridge from conditions to statistics of the training rows; None where the data do not hold them."""
    if case.training is None or case.training_real is None or len(case.training) < 20:
        return None
    training = case.training.code, case.training_real, case.training.sections
    return RidgeBound.of(training, (case.held_out.code, case.real, case.held_out.sections))


def use_scores(case: Evaluated, draws: Draws, seed: int) -> dict[str, Score]:
    """Correlations of the draws with the real tiles, with bounds and nulls; see `metrics.conditions.use`."""
    return condition_use(
        draws.statistics,
        case.real,
        sections=case.held_out.sections,
        places=grid_places(case.held_out),
        step=grid_step(case.held_out),
        bound=bound_of(case),
        seed=seed,
    )


def variant_scores(case: Evaluated, n: int, seed: int) -> dict[str, Score]:
    """The same correlations and the distance of draws made in another way.

    ``..._depth_fixed``: every profile told with the training rows' mean depth; ``..._plain``: the model's own law,
    without guidance and filters.
    """
    ways: dict[str, dict[str, Any]] = {"plain": {"rule": "model"}}
    if has_depth(case.held_out):
        ways["depth_fixed"] = {"depth_fixed": True}
    floors = case.by_training_section(case.training_real) if case.training_real is not None else {}
    scores: dict[str, Score] = {}
    for name, way in ways.items():
        made = draw(case.held_out, case.standard, n, seed, **way).statistics
        found = correlation_scores(
            made, case.real, sections=case.held_out.sections, bound=bound_of(case), seed=seed
        )
        distances = distances_with_floors(TISSUE, list(made), case.real, floors, seed=seed)
        kept = {key: distances[key] for key in (f"fd_{TISSUE}",) if key in distances}
        scores |= {f"{key}_{name}": score for key, score in (found | kept).items()}
    return scores


def likelihood_scores(case: Evaluated, seed: int, n_retrieved: int = RETRIEVED) -> dict[str, Score]:
    """Nats a token of the real tiles: ``nll``, with shuffled profiles ``nll_shuffled``, without ``nll_without``.

    Also ``..._scale_<side>``. ``rank_likelihood``: share of the other profiles that fit a tile better than its own,
    among `n_retrieved` rows, of which every tile is asked under every profile.
    """
    part = case.held_out
    if part.model.fitted.trained_prior().config.masked_input != "rk":
        case.left_out.append("likelihoods: this prior sees random predictions of the flow")
        return {}
    order = derangement(len(part), part.sections, seed)
    ways = {
        "nll": part.model.log_prob(part.adata),
        "nll_shuffled": part.model.log_prob(with_profiles_of(part.adata, order)),
        "nll_without": part.model.log_prob(part.adata, with_profile=False),
    }
    sides = part.model.config.tokenizer.scales
    scores = {}
    for name, log_prob_NK in ways.items():
        tokens = sum(side * side for side in sides)
        scores[name] = mean_score(-log_prob_NK.sum(axis=1) / tokens, seed=seed, note="nats a token")
        for k, side in enumerate(sides):
            scores[f"{name}_scale_{side}"] = mean_score(-log_prob_NK[:, k] / side**2, seed=seed)
    keys = [row_key(seed, "", str(name), "retrieve") for name in part.adata.obs_names]
    rows = np.sort(np.argsort(np.array([key % 2**62 for key in keys]), kind="stable")[:n_retrieved])
    if len(rows) > 1:
        rank_N = part.model.retrieve(part.adata[rows].copy()).rank_N
        scores["rank_likelihood"] = mean_score(rank_N, seed=seed, baseline=0.5)
    return scores


def derangement(n: int, sections: NDArray[np.object_], seed: int) -> NDArray[np.intp]:
    """For each row another row of its section; rows alone in theirs keep their own."""
    rng = np.random.default_rng([seed, n])
    order = np.arange(n)
    for name in dict.fromkeys(section_labels(sections, n).tolist()):
        own = rng.permutation(np.flatnonzero(sections == name))
        order[own] = np.roll(own, 1)
    return order


def with_profiles_of(adata: AnnData, order: NDArray[np.intp]) -> AnnData:
    """The rows at their places, with the profiles (and labels) of other rows."""
    other = adata[order].copy()
    other.obs_names = adata.obs_names
    for key in (Obsm.SPATIAL, Obsm.TILES):
        if key in adata.obsm:
            other.obsm[key] = adata.obsm[key]
    return other
