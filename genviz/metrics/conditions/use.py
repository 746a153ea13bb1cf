"""Whether generated tiles follow their conditions: correlation of their statistics with those of the real tiles.

Beside every correlation stands what a calibrated sampler could reach, and what arises without a relation of rows.
Shape legend: R draws, N rows, D statistics.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from genviz._errors import DataError
from genviz.core.statistics import percentile_interval
from genviz.metrics.conditions.ridge_bound import RidgeBound
from genviz.metrics.conditions.row_nulls import Null, shifted_null, shuffled_null
from genviz.metrics.conditions.within_sections import Floats, Labels, correlations, mean_of, section_labels
from genviz.metrics.score import Score
from genviz.metrics.tiles.tissue import TISSUE

_RESAMPLES = 500


def condition_use(
    made_RND: ArrayLike,
    real_ND: ArrayLike,
    *,
    # what belongs to the rows
    sections: ArrayLike | None = None,
    places: ArrayLike | None = None,
    step: tuple[float, float] = (1.0, 1.0),
    bound: RidgeBound | None = None,
    # method
    names: Sequence[str] = TISSUE,
    n_shuffles: int = 2000,
    seed: int = 0,
) -> dict[str, Score]:
    """Mean over statistics of the correlation, row by row and within sections, of generated with real tiles.

    - ``r_single``: of single draws, averaged over draws; ``r_mean``: of the mean of all draws; ``r_mean_<statistic>``.
      Beside each stands the bound of a calibrated sampler; ``r_single_share`` and ``r_mean_share`` are the quotients.
    - ``r_shuffled``: mean correlation with rows shuffled; ``p_shuffled``; ``z_shuffled``: deviations of the shuffled
      ones that ``r_mean`` is above them.
    - ``r_shifted``, ``r_shifted_max``, ``p_shifted``: with the map moved by at least three grid steps; with `places`.
    - ``rank_statistics``: share of the other rows whose generated tiles resemble a real tile more than its own do.
    - ``rho`` and ``rho_<statistic>``: the ridge itself, with `bound`.

    Parameters
    ----------
    made_RND
        Statistics of R generated tiles a row, as `TissueStandard.measure` gives them.
    real_ND
        Of the real tiles of the same rows.
    sections
        (N,) section of each row.
    places
        (N, 2) whole numbers, places in the section's grid.
    step
        See `row_nulls.shifted_null`.
    bound
        From the training rows' ridge.
    names
        Of the D statistics.
    n_shuffles
        Shufflings.
    seed
        Of shufflings and intervals.

    Raises
    ------
    DataError
        For tables that do not fit together, or fewer than three rows.
    """
    made, real, labels = _checked(made_RND, real_ND, sections, names)
    mean_ND = made.mean(axis=0)
    scores = correlation_scores(made, real, sections=labels, bound=bound, seed=seed)
    shuffled = shuffled_null(mean_ND, real, labels, n=n_shuffles, seed=seed)
    shifted = None if places is None else shifted_null(mean_ND, real, places, labels, step=step)
    scores |= _null_scores(shuffled, shifted)
    bounds_D = None if bound is None else bound.of_mean(len(made))
    for i, name in enumerate(names):
        beside = None if bounds_D is None else float(bounds_D[i])
        told = f"shuffled p {shuffled.p_D[i]:.4f}"
        scores[f"r_mean_{name}"] = Score(float(shuffled.found_D[i]), None, len(real), beside, told)
    if bound is not None:
        said = f"ridge strength {bound.strength:.3g}, chosen on training rows"
        scores["rho"] = Score(mean_of(bound.rho_D), None, len(real), note=said)
        rho = zip(names, bound.rho_D, strict=True)
        scores |= {f"rho_{name}": Score(float(r), None, len(real)) for name, r in rho}
    scores["rank_statistics"] = Score(float(retrieval_ranks(mean_ND, real).mean()), None, len(real), 0.5)
    return scores


def _null_scores(shuffled: Null, shifted: Null | None) -> dict[str, Score]:
    null, n = shuffled.means_P, len(shuffled.null_PD)
    above = (mean_of(shuffled.found_D) - null.mean()) / null.std()
    scores = {
        "r_shuffled": Score(float(null.mean()), None, n, note=f"{n} shufflings, sd {null.std():.3f}"),
        "p_shuffled": Score(shuffled.p, None, n, note="of the mean over statistics"),
        "z_shuffled": Score(float(above), None, n),
    }
    if shifted is None:
        return scores
    moved = shifted.means_P
    return scores | {
        "r_shifted": Score(float(moved.mean()), None, len(moved), note=f"{len(moved)} shifts"),
        "r_shifted_max": Score(float(moved.max()), None, len(moved)),
        "p_shifted": Score(shifted.p, None, len(moved), note=f"least possible {1 / (1 + len(moved)):.4f}"),
    }


def correlation_scores(
    made_RND: ArrayLike,
    real_ND: ArrayLike,
    *,
    sections: ArrayLike | None = None,
    bound: RidgeBound | None = None,
    seed: int = 0,
) -> dict[str, Score]:
    """``r_single``, ``r_mean`` and, with a bound, their shares of it; see `condition_use`.

    Parameters
    ----------
    made_RND, real_ND, sections, bound, seed
        See `condition_use`.
    """
    made, real, labels = _checked(made_RND, real_ND, sections, None)
    n = len(real)
    rng = np.random.default_rng([seed, n])
    draws = [np.arange(n), *(rng.integers(n, size=n) for _ in range(_RESAMPLES))]
    found = np.array([_pair(made[:, rows], real[rows], labels[rows]) for rows in draws])
    scores = {}
    for i, (name, of) in enumerate((("r_single", 1), ("r_mean", len(made)))):
        most = None if bound is None else mean_of(bound.of_mean(of))
        note = f"mean over statistics, {f'mean of {len(made)} draws' if i else f'single draws, {len(made)} of them'}"
        interval = percentile_interval(found[1:, i])
        scores[name] = Score(float(found[0, i]), interval, n, most, note)
        if most:
            scores[f"{name}_share"] = Score(float(found[0, i]) / most, None, n, note="of the bound")
    return scores


def spread_scores(
    made_RND: ArrayLike,
    real_ND: ArrayLike,
    *,
    sections: ArrayLike | None = None,
    names: Sequence[str] = TISSUE,
) -> dict[str, Score]:
    """``spread``, ``spread_<statistic>``: deviation over rows of single draws, relative to the real tiles'.

    Below 1 generated tiles are more alike than real ones.

    Parameters
    ----------
    made_RND, real_ND, sections, names
        See `condition_use`.
    """
    made, real, _ = _checked(made_RND, real_ND, sections, names)
    real_D = real.std(axis=0)
    ratio_D = np.where(real_D > 0, made.std(axis=1).mean(axis=0) / np.where(real_D > 0, real_D, 1.0), np.nan)
    scores = {"spread": Score(mean_of(ratio_D), None, len(real), 1.0, "mean over statistics")}
    return scores | {
        f"spread_{name}": Score(float(value), None, len(real), 1.0)
        for name, value in zip(names, ratio_D, strict=True)
    }


def retrieval_ranks(made_ND: ArrayLike, real_ND: ArrayLike) -> Floats:
    """Share (N,) of the other rows' generated tiles that are nearer to a real tile than its own; 0.5 is chance.

    Parameters
    ----------
    made_ND, real_ND
        Statistics of the same rows; each is standardised over the rows, so that drifts do not count.
    """
    made, real = (_standardised(np.asarray(part, np.float64)) for part in (made_ND, real_ND))
    distance_NN = ((real[:, None] - made[None]) ** 2).sum(axis=-1)
    own_N1 = np.diag(distance_NN)[:, None]
    nearer_N, ties_N = (distance_NN < own_N1).sum(axis=1), (distance_NN == own_N1).sum(axis=1) - 1
    return np.asarray((nearer_N + ties_N / 2) / (len(real) - 1), np.float64)


def _standardised(values_ND: Floats) -> Floats:
    sd_D = values_ND.std(axis=0)
    return np.asarray((values_ND - values_ND.mean(axis=0)) / np.where(sd_D > 0, sd_D, 1.0), np.float64)


def _pair(made_RND: Floats, real_ND: Floats, labels: Labels) -> tuple[float, float]:
    """Mean correlation of single draws and of their mean."""
    single = np.mean([mean_of(correlations(draw_ND, real_ND, labels)) for draw_ND in made_RND])
    return float(single), mean_of(correlations(made_RND.mean(axis=0), real_ND, labels))


def _checked(
    made_RND: ArrayLike, real_ND: ArrayLike, sections: ArrayLike | None, names: Sequence[str] | None
) -> tuple[Floats, Floats, Labels]:
    made, real = np.asarray(made_RND, np.float64), np.asarray(real_ND, np.float64)
    if made.ndim != 3 or made.shape[1:] != real.shape or (names is not None and real.shape[1] != len(names)):
        raise DataError(
            f"Expected generated statistics (draws, rows, statistics) of the real ones' rows and names; got "
            f"{made.shape} beside {real.shape}."
        )
    if len(made) < 1 or len(real) < 3:
        raise DataError(f"Expected at least three rows with a draw each; got {made.shape}.")
    return made, real, section_labels(sections, len(real))
