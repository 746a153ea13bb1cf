"""Accuracy, F1 and AUC over folds and seeds, with intervals that resample patients.

Shape legend: N tested rows of a cell, C classes, B replicates, P patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz.core.statistics import percentile_interval
from genviz.metrics.score import Score

Floats = NDArray[np.float64]
Statistic = Callable[["Cell", Floats], Floats]

N_BOOTSTRAP = 500


@dataclass(frozen=True, eq=False)
class Cell:
    """What one net said about the test rows of one fold.

    Attributes
    ----------
    proba_NC
        Probability of each class.
    target_N
        The true class, 0 to C - 1.
    patients_N
        Whose rows they are.
    """

    proba_NC: Floats
    target_N: NDArray[np.intp]
    patients_N: NDArray[Any]

    @property
    def predicted_N(self) -> NDArray[np.intp]:
        """The most probable class."""
        return np.asarray(self.proba_NC.argmax(axis=1), np.intp)


def accuracy(cell: Cell, weights_BN: Floats) -> Floats:
    """Share of rows whose class is right, (B,).

    Parameters
    ----------
    cell
        Predictions.
    weights_BN
        How often each row counts.
    """
    right = (cell.predicted_N == cell.target_N).astype(float)
    return _ratio(weights_BN @ right, weights_BN.sum(axis=1))


def f1_macro(cell: Cell, weights_BN: Floats) -> Floats:
    """Mean F1 of the classes that are true or predicted somewhere, (B,).

    Parameters
    ----------
    cell, weights_BN
        See `accuracy`.
    """
    f1_BC, _, seen_BC = _f1(cell, weights_BN)
    return _ratio((f1_BC * seen_BC).sum(axis=1), seen_BC.sum(axis=1))


def f1_weighted(cell: Cell, weights_BN: Floats) -> Floats:
    """Mean F1 of the classes, by their number of true rows, (B,).

    Parameters
    ----------
    cell, weights_BN
        See `accuracy`.
    """
    f1_BC, true_BC, _ = _f1(cell, weights_BN)
    return _ratio((f1_BC * true_BC).sum(axis=1), true_BC.sum(axis=1))


def auc(cell: Cell, weights_BN: Floats) -> Floats:
    """Chance that a row of the second class gets a higher probability of it than one of the first, (B,); ties half.

    Parameters
    ----------
    cell
        Of two classes.
    weights_BN
        See `accuracy`; NaN where a replicate has one class only.
    """
    _, level_N = np.unique(cell.proba_NC[:, 1], return_inverse=True)
    positive = cell.target_N == 1
    n_levels = int(level_N.max(initial=0)) + 1
    place_NL = np.eye(n_levels)[level_N]
    up_BL = (weights_BN * positive) @ place_NL
    down_BL = (weights_BN * ~positive) @ place_NL
    below_BL = np.cumsum(down_BL, axis=1) - down_BL
    wins = (up_BL * (below_BL + down_BL / 2)).sum(axis=1)
    return _ratio(wins, up_BL.sum(axis=1) * down_BL.sum(axis=1))


def cell_scores(
    cells: Sequence[Cell],
    statistics: Mapping[str, Statistic],
    *,
    n: int,
    reference: Sequence[Cell] | None = None,
    seed: int = 0,
    note: str = "",
) -> dict[str, Score]:
    """Each statistic as the mean over cells (folds and seeds), ``<name>_fold_sd``, and ``<name>_gain``.

    Intervals draw patients with replacement, the same draw in all cells, so that gains are paired; they do not hold
    what another training set or seed would add.

    Parameters
    ----------
    cells
        One for each fold and seed.
    statistics
        Name → function of a cell and weights.
    n
        Rows that were tested, for `Score`.
    reference
        Cells of what stands beside, on the same rows.
    seed
        Of the bootstrap.
    note
        For `Score`.
    """
    names = sorted({str(name) for cell in cells for name in cell.patients_N.tolist()})
    rng = np.random.default_rng([seed, len(names)])
    draws_BP = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=N_BOOTSTRAP)
    weights_BP = np.concatenate([np.ones((1, len(names))), draws_BP])
    scores = {}
    for name, statistic in statistics.items():
        own_KB = _over_cells(cells, statistic, names, weights_BP)
        beside_KB = None if reference is None else _over_cells(reference, statistic, names, weights_BP)
        own_B = _mean_defined(own_KB)
        beside_B = None if beside_KB is None else _mean_defined(beside_KB)
        base = None if beside_B is None else float(beside_B[0])
        interval = percentile_interval(own_B[1:]) if len(names) > 1 else None
        scores[name] = Score(float(own_B[0]), interval, n, base, note)
        first = own_KB[:, 0][np.isfinite(own_KB[:, 0])]
        sd = float(np.std(first, ddof=1)) if len(first) > 1 else float("nan")
        scores[f"{name}_fold_sd"] = Score(sd, None, len(first))
        if beside_B is not None:
            gain_B = own_B - beside_B
            interval = percentile_interval(gain_B[1:]) if len(names) > 1 else None
            scores[f"{name}_gain"] = Score(float(gain_B[0]), interval, n)
    return scores


def majority_cell(cell: Cell, train_target_N: NDArray[np.intp]) -> Cell:
    """The cell of whoever always says the most frequent class of the training rows.

    Parameters
    ----------
    cell
        Whose rows are judged.
    train_target_N
        Classes of the training rows.
    """
    proba = np.zeros_like(cell.proba_NC)
    proba[:, int(np.bincount(train_target_N, minlength=proba.shape[1]).argmax())] = 1.0
    return Cell(proba, cell.target_N, cell.patients_N)


def _over_cells(cells: Sequence[Cell], statistic: Statistic, names: list[str], weights_BP: Floats) -> Floats:
    found = []
    for cell in cells:
        code_N = np.searchsorted(names, cell.patients_N.astype(str))
        found.append(statistic(cell, weights_BP[:, code_N]))
    return np.stack(found)


def _f1(cell: Cell, weights_BN: Floats) -> tuple[Floats, Floats, Floats]:
    """F1, true weight and whether it is seen, of each class, (B, C)."""
    classes = np.eye(cell.proba_NC.shape[1])
    true_NC, said_NC = classes[cell.target_N], classes[cell.predicted_N]
    true_BC, said_BC = weights_BN @ true_NC, weights_BN @ said_NC
    both_BC = weights_BN @ (true_NC * said_NC)
    total_BC = true_BC + said_BC
    f1_BC = np.divide(2 * both_BC, total_BC, out=np.zeros_like(total_BC), where=total_BC > 0)
    return f1_BC, true_BC, (total_BC > 0).astype(float)


def _ratio(above_B: Floats, below_B: Floats) -> Floats:
    """Quotient; NaN where nothing is below."""
    return np.divide(above_B, below_B, out=np.full(len(below_B), np.nan), where=below_B > 0)


def _mean_defined(values_KB: Floats) -> Floats:
    """Mean over cells of what is defined; NaN where nothing is."""
    defined = np.isfinite(values_KB)
    return _ratio(np.where(defined, values_KB, 0.0).sum(axis=0), defined.sum(axis=0).astype(float))
