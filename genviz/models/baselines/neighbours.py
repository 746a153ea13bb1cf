"""Neighbours in feature space, and retrieval in a joint space of image and expression.

Shape legend: N rows to fit on, M rows to predict, F features, G targets, D joint dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, product

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.spatial.distance import cdist

from genviz.models.baselines.choice import choose
from genviz.models.baselines.estimate import Estimate
from genviz.models.baselines.problem import Problem

Floats = NDArray[np.float64]
RetrievalSetting = tuple[float, int, int, float]  # penalty, dimensions, neighbours, temperature

KS = (5, 10, 20, 40, 80)
# 512 dimensions are all there are in panels of fewer genes.
RETRIEVAL_SETTINGS: tuple[RetrievalSetting, ...] = tuple(
    product((30.0, 300.0, 3000.0), (32, 128, 512), (30, 100, 300), (0.05, 0.1, 0.3))
)


def knn(problem: Problem) -> Estimate:
    """Mean of the k training rows with the nearest standardised features."""
    choice = choose(problem, problem.log2_NG, knn_path, KS)
    fold = problem.whole
    mean_MG = next(knn_path(fold.fit_NF, problem.counts_NG, fold.predict_MF, [choice.setting]))
    return Estimate(choice.predicted_MG, mean_MG, chosen={"k": choice.setting, "mse": choice.mse})


def retrieval(problem: Problem) -> Estimate:
    """Mean of the training rows most like the image in a joint space with expression, as BLEEP retrieves."""
    choice = choose(problem, problem.log2_NG, retrieval_path, RETRIEVAL_SETTINGS)
    fold, n_genes = problem.whole, len(problem.genes)
    both_NT = np.hstack([problem.log2_NG, problem.counts_NG])
    mean_MG = next(
        retrieval_path(fold.fit_NF, both_NT, fold.predict_MF, [choice.setting], n_embedded=n_genes)
    )[:, n_genes:]
    chosen = dict(zip(("penalty", "dimensions", "k", "temperature"), choice.setting, strict=True))
    return Estimate(choice.predicted_MG, mean_MG, chosen=chosen | {"mse": choice.mse})


def knn_path(fit_NF: Floats, y_NG: Floats, predict_MF: Floats, ks: Sequence[int]) -> Iterator[Floats]:
    """Means over the k nearest rows, for each k."""
    order_MN = np.argsort(cdist(predict_MF, fit_NF, "sqeuclidean"), axis=1, kind="stable")
    for k in ks:
        yield _average(order_MN[:, :k], np.ones((len(predict_MF), min(k, len(fit_NF)))), y_NG)


def retrieval_path(
    fit_NF: Floats,
    y_NG: Floats,
    predict_MF: Floats,
    settings: Sequence[RetrievalSetting],
    *,
    n_embedded: int | None = None,
) -> Iterator[Floats]:
    """Softmax-weighted means (M, G) over the k most similar rows, for each setting.

    Parameters
    ----------
    fit_NF, y_NG, predict_MF
        As `joint_space` takes them.
    settings
        (penalty, dimensions, k, temperature); those of one penalty and dimension stand together.
    n_embedded
        Columns of `y_NG` that the space is made of; None: all.
    """
    expression_NG = y_NG[:, :n_embedded]
    for (penalty, n_dims), group in groupby(settings, key=lambda setting: setting[:2]):
        images_MD, keys_ND = joint_space(fit_NF, expression_NG, predict_MF, penalty, n_dims)
        similarity_MN = _unit(images_MD) @ _unit(keys_ND).T
        order_MN = np.argsort(-similarity_MN, axis=1, kind="stable")
        for _, _, k, temperature in group:
            nearest = order_MN[:, :k]
            similarity = np.take_along_axis(similarity_MN, nearest, axis=1)
            weights = np.exp((similarity - similarity[:, :1]) / temperature)
            yield _average(nearest, weights, y_NG)


def joint_space(
    fit_NF: Floats, y_NG: Floats, predict_MF: Floats, penalty: float, n_dims: int
) -> tuple[Floats, Floats]:
    """Images of the rows to predict and expression of the rows to fit on, in one space: (M, D), (N, D).

    Regularised canonical correlation: directions of (ridge-whitened) features and of (ridge-whitened)
    expression, in pairs of falling correlation, each pair weighted by its correlation.

    Parameters
    ----------
    fit_NF, y_NG
        Features and expression of the rows to fit on.
    predict_MF
        Features of the rows to predict.
    penalty
        Ridge of both sides.
    n_dims
        D.
    """
    centre, mean = fit_NF.mean(axis=0), y_NG.mean(axis=0)
    ux, sx, vx = linalg.svd(fit_NF - centre, full_matrices=False)
    uy, sy, _ = linalg.svd(y_NG - mean, full_matrices=False)
    dx = 1.0 / np.sqrt(sx * sx + penalty)
    wy = sy / np.sqrt(sy * sy + penalty)
    a, rho, bt = linalg.svd((ux * (sx * dx)).T @ (uy * wy), full_matrices=False)
    a, rho, b = a[:, :n_dims], rho[:n_dims], bt[:n_dims].T
    return ((predict_MF - centre) @ vx.T * dx) @ a * rho, (uy * wy) @ b


def _unit(x: Floats) -> Floats:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _average(rows_MK: NDArray[np.intp], weights_MK: Floats, y_NG: Floats) -> Floats:
    """Weighted means of the rows named, without a (M, K, G) array."""
    weights_MN = np.zeros((len(rows_MK), len(y_NG)))
    np.put_along_axis(weights_MN, rows_MK, weights_MK / weights_MK.sum(axis=1, keepdims=True), axis=1)
    return weights_MN @ y_NG
