"""Groups of real and synthetic pairs as training data for segmentation (PathAR, Table IV), with what each gains.

Shape legend: N validation rows, S seeds, B replicates, L labels, K clusters (scenes or images).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz.core.counts import first_names
from genviz.core.statistics import percentile_interval
from genviz.metrics.image_set import ImageSet, image_set
from genviz.metrics.protocols.downstream_table import dice_runs, first_rows, mean_defined, mixed
from genviz.metrics.row_means import N_BOOTSTRAP
from genviz.metrics.score import Score

Floats = NDArray[np.float64]

GROUPS = ((30, 0), (0, 100), (30, 100), (30, 200), (30, 400))
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_ALL = "all"


def segmentation_groups(
    real: Any,
    synthetic: Any,
    real_val: Any,
    *,
    key: str = "",
    groups: Sequence[tuple[int, int]] = GROUPS,
    seeds: Sequence[int] = (0, 1, 2),
    steps: int = 250,
    width: int = 16,
    batch_size: int = 16,
    device: str = "auto",
) -> dict[str, dict[str, Score]]:
    """Dice on held-out real pairs of nets trained on growing mixtures, each label with nets of its own.

    Rows ``I``, ``II``, ... are the groups in order; their note says what is in them. ``dice_<label>`` is the mean over
    that label's rows and seeds (rows where mask and net are both empty are left out), ``dice`` the mean of the labels,
    as published; the first group's stands beside. ``<score>_gain``: over the first group, on the same rows;
    ``<score>_seed_sd``: sd over seeds. Intervals draw whole scenes (or images) with replacement, not seeds. All nets
    take the same number of steps; half of every batch of a mixture is real.

    The generator of the synthetic pairs must not have seen the validation scenes; one that has seen more real pairs
    than a group holds has told them to that group (see `downstream`).

    Parameters
    ----------
    real, synthetic, real_val
        Pairs, as `image_set` takes them; labels are read where there are any. The groups of `real_val` are its scenes.
    key
        Result key of `synthetic`.
    groups
        (real, synthetic) of each label: images with all their crops, and pairs. Smaller sets are part of larger ones;
        the seed of the choice is the seed of the net.
    seeds
        One choice and one net of each label each.
    steps, width, batch_size, device
        See `train_segmenter`.

    Raises
    ------
    UsageError
        Without seeds or groups, or for an empty group.
    DataError
        For scenes in training and validation, or too few pairs of a label.
    """
    if not seeds or not 0 < len(groups) <= len(_ROMAN) or any(sum(one) < 1 or min(one) < 0 for one in groups):
        raise UsageError(
            f"Expected seeds, and 1 to {len(_ROMAN)} groups (real, synthetic); got {groups}, {seeds}."
        )
    true, made, held = image_set(real), image_set(synthetic, key), image_set(real_val)
    _refuse_shared(true, held)
    labels = held.label_names or [""]
    runs = np.full((len(groups), len(seeds), len(held)), np.nan)
    rows_of = {}
    for label in labels:
        own, come, rows = (_of(one, label) for one in (true, made, held))
        rows_of[label] = rows
        for i, (n_real, n_synthetic) in enumerate(groups):
            for j, seed in enumerate(seeds):
                pairs = group_pairs(true.rows(own), made.rows(come), n_real, n_synthetic, label, seed)
                runs[i, j, rows] = dice_runs(
                    pairs,
                    held.rows(rows),
                    (seed,),
                    steps=steps,
                    width=width,
                    batch_size=batch_size,
                    device=device,
                )[0]
    clusters = np.arange(len(held)).astype(str) if held.groups is None else held.groups.astype(str)
    table = {}
    for i, (n_real, n_synthetic) in enumerate(groups):
        note = f"{n_real} real + {n_synthetic} synthetic of each label, {len(seeds)} seeds, {steps} steps"
        first = None if i == 0 else runs[0]
        table[_ROMAN[i]] = _group_scores(runs[i], first, rows_of, clusters, note)
    return table


def group_pairs(
    real: ImageSet, synthetic: ImageSet, n_real: int, n_synthetic: int, label: str, seed: int
) -> ImageSet:
    """Training pairs of one group and one label.

    Parameters
    ----------
    real, synthetic
        All pairs of the label.
    n_real, n_synthetic
        Images of which all crops are taken; pairs.
    label
        For the message.
    seed
        Which.

    Raises
    ------
    DataError
        When there are fewer.
    """
    there = len(real) if real.sources is None else len(set(real.sources.tolist()))
    if there < n_real or len(synthetic) < n_synthetic:
        raise DataError(
            f"Expected {n_real} real images and {n_synthetic} synthetic pairs of {label or 'the set'!r}; there are "
            f"{there} and {len(synthetic)}. Ask for smaller groups, or generate more."
        )
    some = real.rows(first_rows(real, n_real, seed, whole=True))
    few = synthetic.rows(first_rows(synthetic, n_synthetic, seed, whole=False))
    return mixed(some, few) if n_real and n_synthetic else (some if n_real else few)


def _of(pairs: ImageSet, label: str) -> NDArray[np.intp]:
    """Rows of a label; all where the validation set has none."""
    if not label:
        return np.arange(len(pairs))
    return np.flatnonzero(pairs.needed("labels") == label)


def _refuse_shared(true: ImageSet, held: ImageSet) -> None:
    if true.groups is None or held.groups is None:
        return
    if both := sorted(set(true.groups.astype(str).tolist()) & set(held.groups.astype(str).tolist())):
        raise DataError(
            f"Expected validation scenes that are not trained on; {first_names(both)} are in both. Part them by scene."
        )


def _group_scores(
    runs_SN: Floats,
    first_SN: Floats | None,
    rows_of: dict[str, NDArray[np.intp]],
    clusters_N: NDArray[Any],
    note: str,
) -> dict[str, Score]:
    """Scores of one group, beside those of the first."""
    own_N = mean_defined(runs_SN)
    beside_N = np.full(len(own_N), np.nan) if first_SN is None else mean_defined(first_SN)
    means = {name: _label_means(own_N, rows, clusters_N) for name, rows in rows_of.items()}
    sides = {name: _label_means(beside_N, rows, clusters_N) for name, rows in rows_of.items()}
    gains = {name: _label_means(own_N - beside_N, rows, clusters_N) for name, rows in rows_of.items()}
    seed_S = np.stack([[np.nanmean(run[rows]) for rows in rows_of.values()] for run in runs_SN])
    scores = {}
    for name in [_ALL, *(rows_of if len(rows_of) > 1 else [])]:
        chosen = list(rows_of) if name == _ALL else [name]
        title = "dice" if name == _ALL else f"dice_{name}"
        n = int(sum(np.isfinite(own_N[rows_of[label]]).sum() for label in chosen))
        own_B, beside_B, gain_B = (
            np.mean([part[label] for label in chosen], axis=0) for part in (means, sides, gains)
        )
        base = None if first_SN is None else float(beside_B[0])
        scores[title] = Score(float(own_B[0]), percentile_interval(own_B[1:]), n, base, note)
        if first_SN is not None:
            scores[f"{title}_gain"] = Score(float(gain_B[0]), percentile_interval(gain_B[1:]), n)
        columns = [list(rows_of).index(label) for label in chosen]
        over = seed_S[:, columns].mean(axis=1)
        sd = float(np.std(over, ddof=1)) if len(over) > 1 else float("nan")
        scores[f"{title}_seed_sd"] = Score(sd, None, len(over))
    return scores


def _label_means(values_N: Floats, rows: NDArray[np.intp], clusters_N: NDArray[Any]) -> Floats:
    """Mean over a label's defined rows, then of every replicate that draws its clusters again, (1 + B,)."""
    defined = rows[np.isfinite(values_N[rows])]
    if not len(defined):
        return np.full(1 + N_BOOTSTRAP, np.nan)
    names, code = np.unique(clusters_N[rows], return_inverse=True)
    rng = np.random.default_rng([0, len(names)])
    draws_BK = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=N_BOOTSTRAP)
    counts_BK = np.concatenate([np.ones((1, len(names))), draws_BK])
    if len(names) < 2:
        counts_BK[1:] = 0.0  # one scene has no spread to draw
    inside = np.isfinite(values_N[rows])
    weights_BN = counts_BK[:, code[inside]]
    total = weights_BN.sum(axis=1)
    return np.divide(weights_BN @ values_N[defined], total, out=np.full(len(total), np.nan), where=total > 0)
