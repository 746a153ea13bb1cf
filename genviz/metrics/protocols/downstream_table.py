"""What synthetic pairs are worth as training data: one net a training set, judged on the same real pairs.

Shape legend: N rows of the validation set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.metrics.image_set import ImageSet, image_set, keyed_rows
from genviz.metrics.judges.segmenter import train_segmenter
from genviz.metrics.mask_scores import mask_rows
from genviz.metrics.row_means import by_label
from genviz.metrics.score import Score

Floats = NDArray[np.float64]


def downstream(
    train_sets: Mapping[str, Any],
    real_val: Any,
    *,
    baseline: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    steps: int = 250,
    width: int = 16,
    batch_size: int = 16,
    device: str = "auto",
) -> dict[str, dict[str, Score]]:
    """Dice on real validation pairs of nets trained on each set, with the same number of steps for all.

    ``dice`` is the mean over rows (empty ones left out where the net agrees, see `mask_rows`) and seeds;
    ``dice_<label>`` by label; ``dice_gain`` and ``dice_gain_<label>`` the difference to the baseline on the rows where
    both are defined; ``dice_seed_sd`` the sd over seeds. Intervals resample the groups of `real_val`
    (whole images or scenes), not seeds. Show it with `scores_table`. A generator that has seen all real images has
    told them to its "100 synthetic" too: a fair small-data claim trains it on the same few.

    Parameters
    ----------
    train_sets
        Name → pairs, as `image_set` takes them. The labels of a set are drawn equally often, or its groups
        ``real`` and ``synthetic`` (see `downstream_sets`).
    real_val
        Held-out real pairs.
    baseline
        Name of the set whose scores stand beside the others'.
    seeds
        One net each.
    steps, width, batch_size, device
        See `train_segmenter`.

    Returns
    -------
    Set name → score name → `Score`.

    Raises
    ------
    UsageError
        Without seeds, or for a baseline that is no set.
    """
    if not seeds or (baseline is not None and baseline not in train_sets):
        raise UsageError(f"Expected seeds, and a baseline of {', '.join(train_sets)}; got {baseline!r}.")
    held = image_set(real_val)
    rows: dict[str, Floats] = {}
    spread: dict[str, float] = {}
    for name, pairs in train_sets.items():
        runs = dice_runs(pairs, held, seeds, steps=steps, width=width, batch_size=batch_size, device=device)
        rows[name] = mean_defined(runs)
        means = [float(np.nanmean(run)) for run in runs]
        spread[name] = float(np.std(means, ddof=1)) if len(seeds) > 1 else float("nan")
    table = {}
    for name, values in rows.items():
        note = f"{len(image_set(train_sets[name]))} pairs, {len(seeds)} seeds, {steps} steps"
        beside = None if baseline in (None, name) else rows[str(baseline)]
        scores = by_label("dice", values, held.labels, groups=held.groups, note=note, reference_N=beside)
        if beside is not None:
            scores |= by_label("dice_gain", values - beside, held.labels, groups=held.groups)
        table[name] = scores | {"dice_seed_sd": Score(spread[name], None, len(seeds))}
    return table


def dice_runs(
    train_pairs: Any,
    real_val: ImageSet,
    seeds: Sequence[int],
    *,
    steps: int,
    width: int,
    batch_size: int,
    device: str,
) -> Floats:
    """Dice of every validation row, by one net a seed, (seeds, N); NaN where mask and net are both empty.

    Parameters
    ----------
    train_pairs
        As `image_set` takes them; labels are drawn equally often.
    real_val
        Held-out real pairs.
    seeds, steps, width, batch_size, device
        See `downstream`.
    """
    found = image_set(train_pairs)
    runs = []
    for seed in seeds:
        net = train_segmenter(
            found.tiles,
            found.needed("masks"),
            strata=None if found.labels is None else found.labels.tolist(),
            steps=steps,
            width=width,
            batch_size=batch_size,
            seed=seed,
            device=device,
        )
        pred = net.predict(real_val.tiles)
        runs.append(mask_rows(real_val.needed("masks"), pred, instances=False)["dice"])
    return np.stack(runs)


def downstream_sets(
    real: Any,
    synthetic: Any,
    *,
    key: str = "",
    n_real: Sequence[int] = (5, 30),
    n_synthetic: int = 100,
    seed: int = 0,
) -> dict[str, ImageSet]:
    """Training sets of the usual table: all real, few real, synthetic, and mixtures.

    Names are ``all real``, ``<n> real``, ``<m> synthetic``, ``<n> real + <m> synthetic``. Numbers are of each label,
    where there are labels; small sets are part of larger ones. In mixtures half of every batch is real.

    Parameters
    ----------
    real, synthetic
        Pairs, as `image_set` takes them; `n_real` counts the images that crops come from, with all their crops.
    key
        Result key of `synthetic`.
    n_real
        Sizes of the few.
    n_synthetic
        Synthetic pairs of each label.
    seed
        Decides which.
    """
    true, made = image_set(real), image_set(synthetic, key)
    few = made.rows(first_rows(made, n_synthetic, seed, whole=False))
    name = f"{n_synthetic} synthetic"
    sets = {"all real": true, name: few}
    for n in n_real:
        some = true.rows(first_rows(true, n, seed, whole=True))
        sets[f"{n} real"] = some
        sets[f"{n} real + {name}"] = mixed(some, few)
    return sets


def first_rows(pairs: ImageSet, n: int, seed: int, *, whole: bool) -> NDArray[np.intp]:
    """Rows of `n` tiles of each label, the first in keyed order; or of `n` whole images.

    Parameters
    ----------
    pairs
        Rows to choose from.
    n
        How many of each label; a larger number only adds some.
    seed
        Decides which.
    whole
        Whether to count the images that tiles were cut from, and take all their tiles.
    """
    kinds = np.full(len(pairs), "", object) if pairs.labels is None else pairs.labels
    single = pairs.sources is None or not whole
    units = np.arange(len(pairs)).astype(str).astype(object) if single else np.asarray(pairs.sources)
    chosen: list[int] = []
    for kind in dict.fromkeys(kinds.tolist()):
        rows = np.flatnonzero(kinds == kind)
        names = np.array(list(dict.fromkeys(units[rows].tolist())), object)
        kept = set(names[keyed_rows(len(names), n, seed, f"downstream {kind}")].tolist())
        chosen += [int(row) for row in rows if units[row] in kept]
    return np.sort(np.array(chosen, np.intp))


def mixed(real: ImageSet, synthetic: ImageSet) -> ImageSet:
    """Both, labelled so that each label of each source is drawn equally often.

    Parameters
    ----------
    real, synthetic
        Pairs.
    """

    def kinds(pairs: ImageSet, source: str) -> list[str]:
        names = [""] * len(pairs) if pairs.labels is None else pairs.labels.tolist()
        return [f"{source} {name}".strip() for name in names]

    labels = np.array([*kinds(real, "real"), *kinds(synthetic, "synthetic")], object)
    tiles = np.concatenate([real.tiles, synthetic.tiles])
    foreground = [pairs.needed("masks") != 0 for pairs in (real, synthetic)]
    return ImageSet(tiles, np.concatenate(foreground), labels)


def mean_defined(values: Floats) -> Floats:
    """Mean over the first axis of what is defined; NaN where nothing is.

    Parameters
    ----------
    values
        Seeds first.
    """
    defined = np.isfinite(values)
    n = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan), np.float64)
