"""Ridge, kernel ridge and composition ridge: closed forms, one decomposition for a whole path of penalties.

Shape legend: N rows to fit on, M rows to predict, F features, G targets, L landmarks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.spatial.distance import cdist

from genviz.models.baselines.back_transform import expected_counts, expected_logs
from genviz.models.baselines.choice import choose
from genviz.models.baselines.estimate import Estimate
from genviz.models.baselines.problem import PER, Problem

Floats = NDArray[np.float64]

ALPHAS = tuple(float(a) for a in np.logspace(1.5, 5.5, 17))
KERNEL_ALPHAS = tuple(float(a) for a in np.logspace(-1.5, 1.5, 13))
GAMMAS = (0.05, 0.1, 0.2, 0.4, 0.8)  # of the mean squared difference of two rows' features
MAX_LANDMARKS = 3000


def ridge(problem: Problem) -> Estimate:
    """Linear ridge from features to log2(1 + count), one penalty for all genes."""
    choice = choose(problem, problem.log2_NG, ridge_path, ALPHAS)
    mean_MG = expected_counts(choice.predicted_MG, choice.out_of_fold_NG, problem.counts_NG)
    return Estimate(choice.predicted_MG, mean_MG, chosen={"alpha": choice.setting, "mse": choice.mse})


def kernel_ridge(problem: Problem) -> Estimate:
    """Ridge in the space of a Gaussian kernel, ``exp(-gamma |x - x'|^2 / F)``, to log2(1 + count)."""
    settings = [(gamma, alpha) for gamma in GAMMAS for alpha in KERNEL_ALPHAS]
    choice = choose(problem, problem.log2_NG, kernel_path, settings)
    mean_MG = expected_counts(choice.predicted_MG, choice.out_of_fold_NG, problem.counts_NG)
    gamma, alpha = choice.setting
    chosen: dict[str, Any] = {"gamma": gamma, "alpha": alpha, "mse": choice.mse}
    if not problem.has_depth:
        return Estimate(choice.predicted_MG, mean_MG, chosen=chosen)
    direct = choose(problem, problem.normalised_NG, kernel_path, settings, rows=problem.deep_N)
    chosen["direct"] = {"gamma": direct.setting[0], "alpha": direct.setting[1], "mse": direct.mse}
    return Estimate(choice.predicted_MG, mean_MG, direct.predicted_MG, chosen)


def composition_ridge(problem: Problem) -> Estimate:
    """Ridge to log2(1 + 1e4 * count / library total), on spots of at least 200 UMI: the direct view.

    E[X] is the predicted share times the total that a second ridge predicts.
    """
    direct = choose(problem, problem.normalised_NG, ridge_path, ALPHAS, rows=problem.deep_N)
    per_total_NG = PER * problem.counts_NG / np.maximum(problem.library_N, 1.0)[:, None]
    depth = choose(problem, np.log2(1.0 + problem.library_N)[:, None], ridge_path, ALPHAS)

    def mean_of(logs_MG: Floats, log_total_M1: Floats) -> Floats:
        total_M1 = expected_counts(log_total_M1, depth.out_of_fold_NG, problem.library_N[:, None])
        return expected_counts(logs_MG, direct.out_of_fold_NG, per_total_NG) / PER * total_M1

    mean_MG = mean_of(direct.predicted_MG, depth.predicted_MG)
    mean_NG = mean_of(direct.out_of_fold_NG, depth.out_of_fold_NG)
    log2_MG = expected_logs(mean_MG, mean_NG, problem.counts_NG)
    chosen = {"alpha": direct.setting, "mse": direct.mse, "alpha_depth": depth.setting}
    return Estimate(log2_MG, mean_MG, direct.predicted_MG, chosen)


def ridge_path(fit_NF: Floats, y_NG: Floats, predict_MF: Floats, alphas: Sequence[float]) -> Iterator[Floats]:
    """Ridge predictions for each penalty from one singular value decomposition; the mean is not penalised."""
    centre, mean = fit_NF.mean(axis=0), y_NG.mean(axis=0)
    u, s, vt = linalg.svd(fit_NF - centre, full_matrices=False)
    uy, xv = u.T @ (y_NG - mean), (predict_MF - centre) @ vt.T
    for alpha in alphas:
        yield mean + (xv * (s / (s * s + alpha))) @ uy


def kernel_path(
    fit_NF: Floats, y_NG: Floats, predict_MF: Floats, settings: Sequence[tuple[float, float]]
) -> Iterator[Floats]:
    """Kernel ridge predictions for each (gamma, alpha); settings of one gamma stand together."""
    landmarks_LF = _landmarks(fit_NF)
    d_LL = cdist(landmarks_LF, landmarks_LF, "sqeuclidean") / fit_NF.shape[1]
    d_NL = cdist(fit_NF, landmarks_LF, "sqeuclidean") / fit_NF.shape[1]
    d_ML = cdist(predict_MF, landmarks_LF, "sqeuclidean") / fit_NF.shape[1]
    for gamma, group in groupby(settings, key=lambda setting: setting[0]):
        values, vectors = linalg.eigh(np.exp(-gamma * d_LL))
        kept = values > 1e-9 * values[-1]
        whiten = vectors[:, kept] / np.sqrt(values[kept])
        z_fit, z_predict = np.exp(-gamma * d_NL) @ whiten, np.exp(-gamma * d_ML) @ whiten
        yield from ridge_path(z_fit, y_NG, z_predict, [alpha for _, alpha in group])


def _landmarks(fit_NF: Floats) -> Floats:
    """All rows, or evenly chosen ones (Nystroem), so that 10,000 spots stay affordable."""
    if len(fit_NF) <= MAX_LANDMARKS:
        return fit_NF
    return fit_NF[np.linspace(0, len(fit_NF) - 1, MAX_LANDMARKS).astype(int)]
