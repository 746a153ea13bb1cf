"""Errors in log2(1 + count): MSE, MAE and the relative difference of variances.

Shape legend: N rows, G genes, B replicates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Layers
from genviz.core.statistics import centred
from genviz.metrics.genes.measure import Measure, section_mean
from genviz.metrics.genes.rows import Pairs

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_FLAT = 1e-9  # variance left of a constant column by rounding, relative to its second moment


def errors(pairs: Pairs) -> list[Measure]:
    """``mse``, ``mae`` and ``rvd``, each also ``_published``; all read ``layers["<key>_log2"]``.

    - ``mse``, ``mae``: mean over spots and genes of a section, then over sections; published: over all
      spots and genes at once.
    - ``rvd``: mean over genes of ``((Var_pred - Var_true) / Var_true)^2``, variances over the spots of a
      section, then the mean over sections; published: sections pooled. Genes without measured
      variance have none and are left out of both (the note says how many).
    """
    truth, predicted = pairs.log_counts_NG, pairs.needed(Layers.log2(pairs.key))
    residual = predicted - truth
    everything = [np.arange(len(truth))]
    return [
        section_mean("mse", (residual**2).mean(axis=1), pairs.sections, pooled="mse_published"),
        section_mean("mae", np.abs(residual).mean(axis=1), pairs.sections, pooled="mae_published"),
        _variance_difference("rvd", truth, predicted, pairs.sections),
        _variance_difference("rvd_published", truth, predicted, everything),
    ]


def _variance_difference(name: str, truth_NG: Floats, pred_NG: Floats, sections: Sequence[Rows]) -> Measure:
    parts = [(rows, centred(truth_NG[rows]), centred(pred_NG[rows])) for rows in sections]
    constant = sum(int((np.abs(a).max(axis=0) == 0).sum()) for _, a, _ in parts)

    def of(weights_BN: Floats) -> dict[str, Floats]:
        return {name: np.mean([_relative(weights_BN[:, rows], a, b) for rows, a, b in parts], axis=0)}

    note = (
        f"{constant} of {truth_NG.shape[1] * len(parts)} gene variances are 0, left out" if constant else ""
    )
    return Measure({name: (len(truth_NG), note)}, of)


def _relative(weights_BN: Floats, truth_NG: Floats, pred_NG: Floats) -> Floats:
    true_BG, pred_BG = _variance(weights_BN, truth_NG), _variance(weights_BN, pred_NG)
    varies = true_BG > 0
    ratio = (pred_BG - true_BG) / np.where(varies, true_BG, 1.0)
    n = varies.sum(axis=1)
    total = np.where(varies, ratio**2, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan), np.float64)


def _variance(weights_BN: Floats, values_NG: Floats) -> Floats:
    total = weights_BN.sum(axis=1, keepdims=True)
    square = weights_BN @ values_NG**2 / total
    variance = square - (weights_BN @ values_NG / total) ** 2
    return np.asarray(np.where(variance > _FLAT * square, variance, 0.0), np.float64)
