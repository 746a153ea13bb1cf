"""Means of one value a row, over all rows and by label, with intervals that know which rows belong together.

Shape legend: N rows, B replicates, C clusters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz.core.statistics import percentile_interval
from genviz.metrics.score import Score

Floats = NDArray[np.float64]
Groups = NDArray[np.object_] | None

N_BOOTSTRAP = 500


def mean_score(
    values_N: ArrayLike,
    *,
    groups: Groups = None,
    seed: int = 0,
    note: str = "",
    baseline: float | None = None,
    statistic: Callable[[Floats], float] = np.mean,
) -> Score:
    """Mean of the defined values, with a 95 % bootstrap interval.

    Parameters
    ----------
    values_N
        One value a row; NaN where the row has none.
    groups
        (N,) image or scene of each row: groups are resampled whole, since crops of one image resemble each
        other; rows by default.
    seed
        Of the bootstrap.
    note, baseline
        For `Score`.
    statistic
        What is taken of the values.
    """
    values = np.asarray(values_N, np.float64)
    defined = np.isfinite(values)
    if not defined.any():
        return Score(float("nan"), None, 0, baseline, note)
    kept = None if groups is None else groups[defined]
    interval = cluster_interval(values[defined], kept, seed=seed, statistic=statistic)
    return Score(float(statistic(values[defined])), interval, int(defined.sum()), baseline, note)


def cluster_interval(
    values_N: Floats,
    groups: Groups = None,
    *,
    seed: int = 0,
    statistic: Callable[[Floats], float] = np.mean,
    n: int = N_BOOTSTRAP,
) -> tuple[float, float] | None:
    """95 % percentile interval of a statistic, whole groups resampled; None with fewer than two groups.

    Parameters
    ----------
    values_N
        One finite value a row.
    groups, seed, statistic
        See `mean_score`.
    n
        Replicates.
    """
    _, code_N = np.unique(
        np.arange(len(values_N)) if groups is None else groups.astype(str), return_inverse=True
    )
    n_groups = int(code_N.max()) + 1
    if n_groups < 2:
        return None
    rng = np.random.default_rng([seed, len(values_N)])
    if statistic is np.mean:  # sums of groups are enough, and a hundred times faster
        sums, sizes = np.bincount(code_N, values_N), np.bincount(code_N)
        draws_BC = rng.integers(n_groups, size=(n, n_groups))
        return percentile_interval(sums[draws_BC].sum(axis=1) / sizes[draws_BC].sum(axis=1))
    members = [np.flatnonzero(code_N == code) for code in range(n_groups)]
    draws = (rng.integers(n_groups, size=n_groups) for _ in range(n))
    return percentile_interval([statistic(values_N[np.concatenate([members[c] for c in d])]) for d in draws])


def by_label(
    name: str,
    values_N: ArrayLike,
    labels: Groups,
    *,
    groups: Groups = None,
    seed: int = 0,
    note: str = "",
    reference_N: ArrayLike | None = None,
) -> dict[str, Score]:
    """``<name>``, and ``<name>_<label>`` for each label where there are several.

    Parameters
    ----------
    name
        Name of the score.
    values_N, groups, seed, note
        See `mean_score`.
    labels
        (N,) or None.
    reference_N
        (N,) values of a baseline on the same rows; its mean over the rows where both are defined stands beside.
    """
    values = np.asarray(values_N, np.float64)
    beside = None if reference_N is None else np.asarray(reference_N, np.float64)
    scores = {}
    for label in [None, *_several(labels)]:
        rows = np.ones(len(values), bool) if label is None or labels is None else labels == label
        base = None
        if beside is not None:
            both = rows & np.isfinite(values) & np.isfinite(beside)
            base = float(beside[both].mean()) if both.any() else float("nan")
        scores[name if label is None else f"{name}_{label}"] = mean_score(
            values[rows],
            groups=None if groups is None else groups[rows],
            seed=seed,
            note=note,
            baseline=base,
        )
    return scores


def _several(labels: Groups) -> list[str]:
    names = [] if labels is None else list(dict.fromkeys(labels.tolist()))
    return names if len(names) > 1 else []
