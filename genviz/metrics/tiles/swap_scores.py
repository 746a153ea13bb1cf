"""Who owns the picture after a token swap, and how well a tokenizer reproduces a tile.

Shape legend: N pairs; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError
from genviz.metrics.image_set import labels_of
from genviz.metrics.mask_scores import EMPTY_SHARE
from genviz.metrics.row_means import by_label, mean_score
from genviz.metrics.score import Score

Floats = NDArray[np.float64]

MIN_REGION_PX = 16  # of nuclei in one mask only, and of common background, for a pair to count


def swap_ownership(
    swapped: ArrayLike,
    p_images: ArrayLike,
    q_images: ArrayLike,
    p_masks: ArrayLike,
    q_masks: ArrayLike,
    *,
    labels: Sequence[Any] | None = None,
    seed: int = 0,
) -> dict[str, Score]:
    """Whether a decoded swap (structure of p, appearance of q) has p's layout in q's colours.

    With P the pixels of p's mask only, Q of q's only, B of neither, and mean colours over them in the swap,
    ``dp = |mean P - mean B|``, ``dq = |mean Q - mean B|``:

    - ``structure_ownership`` = dp / (dp + dq), mean: 1 when the layout is p's alone, 0 when it is q's, 0.5 a tie.
    - ``swap_contrast`` = dp / (contrast of q's own nuclei in q), median: whether p's nuclei are painted in full.
    - ``appearance_ownership`` = d(p) / (d(p) + d(q)), mean; d the distance of the swap's channel means and
      sds to p's and to q's: 1 when the colours are q's.
    - ``..._<label>``: by label, when given. ``pairs_used``: share of the pairs that count.

    Pairs count when both masks cover at least 1 % and P, Q and B have at least 16 px (``pairs_used``). The masks
    decoded from the swap say nothing of this: they follow structure tokens by construction.

    Parameters
    ----------
    swapped, p_images, q_images
        uint8 (N, H, W, 3), pair by pair.
    p_masks, q_masks
        (N, H, W); anything but 0 is nucleus.
    labels
        (N,), for example "p → q" kinds.
    seed
        Of the bootstrap over pairs.
    """
    y, p, q = (_pixels(a) for a in (swapped, p_images, q_images))
    in_p, in_q = np.asarray(p_masks) != 0, np.asarray(q_masks) != 0
    if not y.shape == p.shape == q.shape or not in_p.shape == in_q.shape == y.shape[:3]:
        raise DataError(
            f"Expected images (n, H, W, 3) and masks (n, H, W) of one size; got {y.shape}, {p.shape}, {q.shape}, "
            f"{in_p.shape}, {in_q.shape}."
        )
    kinds = None if labels is None else labels_of(labels, len(y))
    rows = np.full((len(y), 3), np.nan)
    for i in range(len(y)):
        if _counts(in_p[i], in_q[i]):
            structure, dp = _layout_owner(y[i], in_p[i], in_q[i])
            rows[i] = structure, dp / _contrast(q[i], in_q[i]), _colour_owner(y[i], p[i], q[i])
    used = np.isfinite(rows[:, 2])
    note = f"{int(used.sum())} of {len(used)} pairs with nuclei in both"
    return {
        **by_label("structure_ownership", rows[:, 0], kinds, seed=seed, note=note),
        "swap_contrast": mean_score(rows[:, 1], seed=seed, note=note, statistic=np.median),
        **by_label("appearance_ownership", rows[:, 2], kinds, seed=seed, note=note),
        "pairs_used": Score(float(used.mean()) if len(used) else float("nan"), None, len(used)),
    }


def psnr(true: ArrayLike, pred: ArrayLike) -> Floats:
    """Peak signal-to-noise ratio of each tile, dB, of pixels in [0, 1].

    ``-10 log10(mean squared error)`` over the tile's pixels and channels; infinite for equal tiles.

    Parameters
    ----------
    true, pred
        (N, H, W, 3): uint8, or floats in [0, 1].

    Returns
    -------
    (N,).
    """
    a, b = _pixels(true), _pixels(pred)
    if a.shape != b.shape:
        raise DataError(f"Expected tiles of one shape; got {a.shape} and {b.shape}.")
    error = ((a - b) ** 2).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return np.asarray(-10 * np.log10(error), np.float64)


def empty_share(masks: ArrayLike, *, labels: Sequence[Any] | None = None, seed: int = 0) -> dict[str, Score]:
    """``empty_share``: share of masks with less than 1 % foreground; by label where there are several.

    Parameters
    ----------
    masks
        (N, H, W); anything but 0 is foreground.
    labels
        (N,).
    seed
        Of the bootstrap.
    """
    foreground = (np.asarray(masks) != 0).mean(axis=(1, 2))
    kinds = None if labels is None else labels_of(labels, len(foreground))
    note = f"less than {EMPTY_SHARE:.0%} foreground"
    return by_label("empty_share", (foreground < EMPTY_SHARE).astype(float), kinds, seed=seed, note=note)


def _counts(in_p: NDArray[np.bool_], in_q: NDArray[np.bool_]) -> bool:
    regions = (in_p & ~in_q, in_q & ~in_p, ~in_p & ~in_q)
    return min(in_p.mean(), in_q.mean()) >= EMPTY_SHARE and min(r.sum() for r in regions) >= MIN_REGION_PX


def _layout_owner(y: Floats, in_p: NDArray[np.bool_], in_q: NDArray[np.bool_]) -> tuple[float, float]:
    """Ownership dp / (dp + dq), and dp; a picture that shows neither layout is a tie."""
    ground = y[~in_p & ~in_q].mean(axis=0)
    dp = float(np.linalg.norm(y[in_p & ~in_q].mean(axis=0) - ground))
    dq = float(np.linalg.norm(y[in_q & ~in_p].mean(axis=0) - ground))
    return (dp / (dp + dq) if dp + dq > 0 else 0.5), dp


def _contrast(image: Floats, mask: NDArray[np.bool_]) -> float:
    """Distance of the mean colours of nuclei and background; NaN where they do not differ."""
    distance = float(np.linalg.norm(image[mask].mean(axis=0) - image[~mask].mean(axis=0)))
    return distance or float("nan")


def _colour_owner(y: Floats, p: Floats, q: Floats) -> float:
    def look(image: Floats) -> Floats:
        pixels = image.reshape(-1, 3)
        return np.concatenate([pixels.mean(axis=0), pixels.std(axis=0)])

    to_p, to_q = (float(np.linalg.norm(look(y) - look(other))) for other in (p, q))
    return to_p / (to_p + to_q) if to_p + to_q > 0 else 0.5


def _pixels(tiles: ArrayLike) -> Floats:
    found = np.asarray(tiles)
    if found.ndim != 4 or found.shape[-1] != 3:
        raise DataError(f"Expected tiles (n, H, W, 3); got {found.shape}.")
    return found / 255.0 if found.dtype == np.uint8 else found.astype(np.float64)
