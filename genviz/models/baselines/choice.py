"""Settings chosen by cross-validation over training sections, with the predictions made on the way.

Shape legend: N training rows, M rows to predict, F features, G targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from genviz.models.baselines.problem import Fold, Problem

Floats = NDArray[np.float64]
Setting = TypeVar("Setting")

# (features to fit on, targets, features to predict from, settings) → predictions, one for each setting
Path = Callable[[Floats, Floats, Floats, Sequence[Setting]], Iterator[Floats]]


@dataclass(frozen=True)
class Choice(Generic[Setting]):
    """The setting with the smallest squared error on sections that were not fitted on.

    Attributes
    ----------
    setting
        The setting.
    mse
        Its cross-validated mean squared error: sections weigh equally, as in the scores.
    out_of_fold_NG
        Its predictions of each training row, made without that row's section; NaN for rows left out.
    predicted_MG
        Its predictions of the test rows, fitted on all training rows.
    """

    setting: Setting
    mse: float
    out_of_fold_NG: Floats
    predicted_MG: Floats


def choose(
    problem: Problem,
    targets_NG: Floats,
    path: Path[Setting],
    settings: Sequence[Setting],
    *,
    rows: NDArray[np.bool_] | None = None,
) -> Choice[Setting]:
    """Choose a setting on the training rows and predict the test rows with it.

    Parameters
    ----------
    problem
        Rows and folds.
    targets_NG
        Targets of all training rows.
    path
        Fits and predicts; yields the predictions of each setting in turn, so that a decomposition is
        shared by all settings and predictions need not be held together.
    settings
        To choose from; with one, folds still give `Choice.out_of_fold_NG`.
    rows
        Training rows to use; all by default.
    """
    mask = np.ones(len(targets_NG), bool) if rows is None else rows
    folds = [fold.among(mask, mask) for fold in problem.folds()]
    folds = [fold for fold in folds if len(fold.fit_rows) and len(fold.predict_rows)]
    best = 0
    if len(settings) > 1:
        best = int(np.mean([_errors(fold, targets_NG, path, settings) for fold in folds], axis=0).argmin())
    out_of_fold_NG = np.full(targets_NG.shape, np.nan)
    errors = []
    for fold in folds:
        found = _one(fold, targets_NG, path, settings[best])
        out_of_fold_NG[fold.predict_rows] = found
        errors.append(((found - targets_NG[fold.predict_rows]) ** 2).mean())
    predicted = _one(problem.whole.among(mask), targets_NG, path, settings[best])
    return Choice(settings[best], float(np.mean(errors)), out_of_fold_NG, predicted)


def _errors(fold: Fold, targets_NG: Floats, path: Path[Setting], settings: Sequence[Setting]) -> list[float]:
    truth = targets_NG[fold.predict_rows]
    found = path(fold.fit_NF, targets_NG[fold.fit_rows], fold.predict_MF, settings)
    return [float(((predicted - truth) ** 2).mean()) for predicted in found]


def _one(fold: Fold, targets_NG: Floats, path: Path[Setting], setting: Setting) -> Floats:
    return next(iter(path(fold.fit_NF, targets_NG[fold.fit_rows], fold.predict_MF, [setting])))
