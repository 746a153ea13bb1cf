"""What a stream of tokens knows of the masks: ridge regression on held-out images.

Shape legend: N rows (images), L cells of an image in raster order, K codes, H and W pixel rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import UsageError
from genviz.core.keyed import row_key
from genviz.metrics.image_set import Labels, labels_of
from genviz.metrics.row_means import cluster_interval
from genviz.metrics.score import Score
from genviz.metrics.tokens.cells import Tokens, cell_shares, checked_tokens

Floats = NDArray[np.float64]

_RIDGE = 1.0


def leak_probe(
    tokens: ArrayLike,
    masks: ArrayLike,
    n_codes: int,
    *,
    labels: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    folds: int = 3,
    seed: int = 0,
) -> dict[str, Score]:
    """How well a cell's code tells the share of mask in the cell: ridge R² on held-out images.

    Applied to appearance codes, 0 means that they know nothing of where nuclei are; to structure codes it gives
    the upper end. The regression is on the code's identity (one-hot, so any embedding of codes is included),
    fitted without the images it is judged on, label by label when there are labels.

    Parameters
    ----------
    tokens
        (N, L) codes.
    masks
        (N, H, W) masks of the images the codes were made from.
    n_codes
        K.
    labels, groups
        (N,) kind, and image or scene; images of one group are held out together.
    folds
        Parts of the cross-validation.
    seed
        Decides which group falls into which part.

    Returns
    -------
    ``leak_r2``, and ``leak_r2_<label>``; intervals resample groups. NaN where mask shares do not vary.
    """
    codes = checked_tokens(tokens, n_codes)
    share = cell_shares(masks, codes.shape[1])
    kinds = np.full(len(codes), "", object) if labels is None else labels_of(labels, len(codes))
    places = labels_of(np.arange(len(codes)) if groups is None else groups, len(codes))
    order = sorted(set(places.tolist()), key=lambda place: row_key(seed, "", place, "leak probe"))
    if len(order) < folds or folds < 2:
        raise UsageError(
            f"Expected at least {max(folds, 2)} images or groups for {folds} folds; got {len(order)}."
        )
    part = np.array([order.index(place) % folds for place in places])
    scores = {}
    for name in [None, *(dict.fromkeys(kinds.tolist()) if labels is not None else ())]:
        rows = np.ones(len(codes), bool) if name is None else kinds == name
        scores["leak_r2" if name is None else f"leak_r2_{name}"] = _held_out_r2(
            codes[rows], share[rows], part[rows], places[rows], n_codes, seed
        )
    return scores


def _held_out_r2(
    codes: Tokens, share: Floats, part: NDArray[np.intp], places: Labels, n_codes: int, seed: int
) -> Score:
    guess = np.full(share.shape, np.nan)
    for fold in dict.fromkeys(part.tolist()):
        held = part == fold
        if held.all():
            continue
        guess[held] = _ridge(codes[~held], share[~held], n_codes)[codes[held]]
    defined = np.isfinite(guess).all(axis=1)
    if not defined.any():
        return Score(float("nan"), None, 0, note="all images fall into one part")
    share, guess, places = share[defined], guess[defined], places[defined]
    parts = np.stack([((share - guess) ** 2).sum(axis=1), ((share - share.mean()) ** 2).sum(axis=1)], axis=1)
    if parts[:, 1].sum() == 0:
        return Score(float("nan"), None, len(share), note="mask shares do not vary")

    def r2(rows: Any) -> float:
        lost, total = parts[np.asarray(rows, np.intp)].sum(axis=0)
        return float(1 - lost / total) if total > 0 else float("nan")

    index = np.arange(len(parts))
    return Score(
        r2(index), cluster_interval(index.astype(float), places, seed=seed, statistic=r2), len(parts)
    )


def _ridge(codes: Tokens, share: Floats, n_codes: int) -> Floats:
    """Fitted value of each code: ridge on one-hot codes around the mean, in closed form."""
    flat, y = codes.ravel(), share.ravel()
    mean = y.mean()
    return np.asarray(
        mean + np.bincount(flat, y - mean, n_codes) / (np.bincount(flat, minlength=n_codes) + _RIDGE),
        np.float64,
    )
