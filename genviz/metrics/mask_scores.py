"""Predicted masks against true ones, and masks against the images beside them.

Shape legend: N rows; H, W pixel rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, UsageError
from genviz.core.keyed import row_generator
from genviz.metrics.image_set import ImageSet, Labels, Masks, Tiles, image_set, labels_of
from genviz.metrics.mask_overlap import aji, dice_iou, overlap, panoptic
from genviz.metrics.row_means import by_label, mean_score
from genviz.metrics.score import Score

Floats = NDArray[np.float64]

EMPTY_SHARE = 0.01  # a pair with less foreground than this is empty (the evaluation protocol's constant)


class Predicts(Protocol):
    """Anything that draws masks on tiles."""

    def predict(self, tiles_NHW3: Tiles) -> NDArray[np.bool_]:
        """Foreground (N, H, W)."""
        ...


def mask_rows(true: ArrayLike, pred: ArrayLike, *, instances: bool = True) -> dict[str, Floats]:
    """Overlap of masks, row by row.

    Parameters
    ----------
    true, pred
        (N, H, W): instance labels with 0 = background, or bool. Bool masks are parted into 8-connected pieces
        before nuclei are compared.
    instances
        Whether to compare nuclei too: ``aji``, ``pq``, ``dq``, ``sq``.

    Returns
    -------
    Score name → (N,). Where both masks are empty every value is NaN: they agree on nothing, and Dice 1 or 0
    would reward or punish by convention. ``sq`` is also NaN where no nucleus matches.

    Raises
    ------
    DataError
        For masks of different shapes.
    """
    a, b = np.asarray(true), np.asarray(pred)
    if a.shape != b.shape or a.ndim != 3:
        raise DataError(f"Expected two arrays of masks (n, H, W) of one shape; got {a.shape} and {b.shape}.")
    overall = np.array([dice_iou(x, y) for x, y in zip(a, b, strict=True)], np.float64).reshape(-1, 2)
    rows = {"dice": overall[:, 0], "iou": overall[:, 1]}
    if instances:
        found = np.full((len(a), 4), np.nan)
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            pairs = overlap(x, y)
            found[i] = aji(pairs), *panoptic(pairs)
        rows |= dict(zip(("aji", "pq", "dq", "sq"), found.T, strict=True))
    return rows


def masks(
    true: Any,
    pred: Any,
    *,
    # input
    key: str = "",
    labels: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    instances: bool = True,
    # intervals
    seed: int = 0,
) -> dict[str, Score]:
    """Dice, IoU, AJI and PQ of predicted masks, averaged over rows.

    - ``dice``, ``iou``: of the foregrounds.
    - ``aji``: aggregated Jaccard index (`mask_overlap.aji`); ``pq``, ``dq``, ``sq``: panoptic, detection and
      segmentation quality (`mask_overlap.panoptic`).
    - ``both_empty``: share of rows where neither has foreground. They are **left out** of all means.
    - ``<name>_<label>``: the same by label, where there are several.

    Parameters
    ----------
    true, pred
        AnnData with masks (`true`: ``obsm["masks"]``; `pred`: ``obsm["<key>_mask"]`` with `key`), or arrays
        (N, H, W) of instance labels or bool; rows in the same order.
    key
        Result key of `pred`.
    labels, groups
        (N,) kind, and image or scene, of each row; read from `true` when it is an AnnData. Intervals
        resample whole groups.
    instances
        See `mask_rows`.
    seed
        Of the bootstrap.

    Returns
    -------
    Score name → `Score`, with 95 % intervals; n is the rows that count.
    """
    truth, said_labels, said_groups = _masks_of(true, "")
    found, _, _ = _masks_of(pred, key)
    rows = mask_rows(truth, found, instances=instances)
    kinds = said_labels if labels is None else labels_of(labels, len(truth))
    places = said_groups if groups is None else labels_of(groups, len(truth))
    empty = np.isnan(rows["dice"])
    note = f"{int(empty.sum())} of {len(empty)} rows empty in both, left out" if empty.any() else ""
    scores: dict[str, Score] = {}
    for name, values in rows.items():
        scores |= by_label(name, values, kinds, groups=places, seed=seed, note=note)
    return scores | {"both_empty": mean_score(empty.astype(float), groups=places, seed=seed)}


def mask_agreement(
    images: Any,
    masks: ArrayLike | None,
    segmenter: Predicts,
    *,
    key: str = "",
    real: Any = None,
    min_foreground: float = EMPTY_SHARE,
    seed: int = 0,
) -> dict[str, Score]:
    """How well masks fit the images beside them, in the eyes of a net that was trained on real pairs.

    - ``agreement``: Dice of the net's mask against the given one, over pairs that are not empty;
      ``agreement_median``; ``agreement_<label>``. Beside each stands the same on `real` held-out pairs.
      Above real means easier than real (smooth, without doubtful nuclei): a floor check, not a quality score.
    - ``agreement_shuffled``: the same with each mask given to another image (of its label): what chance gives.
    - ``empty_share``: pairs whose mask covers less than `min_foreground`; beside it that of `real`.

    Parameters
    ----------
    images
        As `image_set` takes them.
    masks
        (N, H, W); None: those of `images`.
    segmenter
        From `train_segmenter`, or anything with ``predict(tiles)``.
    key
        Result key of `images`, when they are an AnnData.
    real
        Held-out real pairs.
    min_foreground
        Least share of foreground of a pair that counts.
    seed
        Of the shuffle and the bootstrap.

    Raises
    ------
    DataError
        When fewer than two pairs are not empty.
    """
    pairs = image_set(images, key)
    if masks is not None:
        pairs = ImageSet(pairs.tiles, np.asarray(masks), pairs.labels, pairs.groups, pairs.sources)
    if not 0 <= min_foreground < 1:
        raise UsageError(f"Expected min_foreground in [0, 1); got {min_foreground}.")
    control = None if real is None else _agreement(image_set(real), segmenter, min_foreground, seed)
    found = _agreement(pairs, segmenter, min_foreground, seed)
    if control is None:
        return found
    return {
        name: Score(s.value, s.ci, s.n, control[name].value if name in control else None, s.note)
        for name, s in found.items()
    }


def _agreement(pairs: ImageSet, segmenter: Predicts, least: float, seed: int) -> dict[str, Score]:
    empty = pairs.foreground_N < least
    kept = pairs.rows(~empty)
    if len(kept) < 2:
        raise DataError(
            f"Expected at least two pairs with {least:.0%} foreground; {len(kept)} of {len(pairs)} have it."
        )
    seen = np.asarray(segmenter.predict(kept.tiles), bool)
    given = kept.needed("masks") != 0
    dice = np.array([dice_iou(a, b)[0] for a, b in zip(given, seen, strict=True)])
    other = _elsewhere(len(kept), kept.labels, seed)
    chance = np.array([dice_iou(given[j], seen[i])[0] for i, j in enumerate(other)])
    note = f"{int(empty.sum())} of {len(empty)} pairs empty, left out"
    return {
        **by_label("agreement", dice, kept.labels, groups=kept.groups, seed=seed, note=note),
        "agreement_median": mean_score(dice, groups=kept.groups, seed=seed, statistic=np.median),
        "agreement_shuffled": mean_score(
            chance, groups=kept.groups, seed=seed, note="masks of other images of the label"
        ),
        "empty_share": mean_score(empty.astype(float), groups=pairs.groups, seed=seed),
    }


def _elsewhere(n: int, labels: Labels | None, seed: int) -> NDArray[np.intp]:
    """For each row another row, of its label where that has several: one turn of a keyed ring."""
    other = np.arange(n)
    rng = row_generator(seed, "", "", "shuffled masks")
    kinds = np.full(n, "", object) if labels is None else labels
    for kind in dict.fromkeys(kinds.tolist()):
        ring = rng.permutation(np.flatnonzero(kinds == kind))
        other[ring] = np.roll(ring, 1)
    alone = np.flatnonzero(other == np.arange(n))
    other[alone] = (alone + 1) % n
    return other


def _masks_of(source: Any, key: str) -> tuple[Masks, Labels | None, Labels | None]:
    if not hasattr(source, "obsm"):
        return np.asarray(source), None, None
    found = image_set(source, key)
    return found.needed("masks"), found.labels, found.groups
