"""How token streams use their codebooks, and what separates labels.

Read from token arrays alone, whatever model made them. Shape legend: N rows (images), L cells of an image in
raster order, K codes, D dimensions of a code, C labels, H and W pixel rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genviz._errors import UsageError
from genviz.metrics.image_set import labels_of
from genviz.metrics.score import Score
from genviz.metrics.tokens.cells import BACKGROUND_PX, Tokens, background_cells, checked_tokens


def codebook_usage(
    tokens: ArrayLike,
    n_codes: int,
    *,
    labels: Sequence[Any] | None = None,
    masks: ArrayLike | None = None,
    near_px: int = BACKGROUND_PX,
) -> dict[str, Score]:
    """Share of codes in use and their perplexity.

    - ``usage``: share of the codebook that occurs; ``perplexity``: exp of the entropy of code frequencies
      (K when all are equally frequent). ``usage_<label>``, ``perplexity_<label>``: by label.
    - With `masks`, of cells whose `near_px` x `near_px` surroundings hold no mask: ``background_cells`` (their
      share of cells), ``background_usage``, ``background_perplexity`` and ``background_codes_per_image``
      (mean number of different codes, over images that have such cells). Codes spent on nothing are wasted,
      and make "background goes on" hard to predict.

    Parameters
    ----------
    tokens
        (N, L) codes.
    n_codes
        K, size of the codebook.
    labels
        (N,).
    masks
        (N, H, W); anything but 0 is foreground. Cells must tile them evenly.
    near_px
        Side of the surroundings, pixels of `masks`.

    Raises
    ------
    DataError
        For codes outside 0 to K - 1, or masks that the cells do not tile.
    """
    codes = checked_tokens(tokens, n_codes)
    kinds = None if labels is None else labels_of(labels, len(codes))
    scores = _usage("", codes.ravel(), n_codes)
    for label in [] if kinds is None else dict.fromkeys(kinds.tolist()):
        scores |= _usage(f"_{label}", codes[kinds == label].ravel(), n_codes)
    if masks is None:
        return scores
    empty = background_cells(masks, codes.shape[1], near_px)
    different = [len(set(row[here].tolist())) for row, here in zip(codes, empty, strict=True) if here.any()]
    found = {f"background_{k}": s for k, s in _usage("", codes[empty], n_codes).items()}
    per_image = float(np.mean(different)) if different else float("nan")
    note = f"cells without mask in {near_px} x {near_px} px"
    return (
        scores
        | found
        | {
            "background_cells": Score(float(empty.mean()), None, empty.size, note=note),
            "background_codes_per_image": Score(per_image, None, len(different), note=note),
        }
    )


def centroid_table(tokens: ArrayLike, codebook: ArrayLike, labels: Sequence[Any]) -> dict[str, Score]:
    """Distances between the labels' mean token embeddings, in units of the stream's total sd (Table IX).

    ``centroid_<a>_<b>`` for each pair of labels; ``centroid_mean`` and ``centroid_sd`` (population) over pairs.
    The total sd is the root of the summed variances of all token embeddings, since the scale of a codebook is
    free; the raw distance stands in the note. This says which stream carries the label's look. It is **no** test
    of disentanglement: a stream that leaks all structure passes it; see `swap_ownership` and `leak_probe`.

    Parameters
    ----------
    tokens
        (N, L) codes.
    codebook
        (K, D) embeddings.
    labels
        (N,), at least two different ones.
    """
    book = np.asarray(codebook, np.float64)
    codes = checked_tokens(tokens, len(book))
    kinds = labels_of(labels, len(codes))
    names = list(dict.fromkeys(kinds.tolist()))
    if len(names) < 2:
        raise UsageError(f"Expected at least two labels to compare; got {names}.")
    share = np.stack([np.bincount(codes[kinds == n].ravel(), minlength=len(book)) for n in names]).astype(
        float
    )
    overall = share.sum(axis=0) / share.sum()
    variance = overall @ book**2 - (overall @ book) ** 2
    scale = float(np.sqrt(variance.sum()))
    centre = (share / share.sum(axis=1, keepdims=True)) @ book
    scores = {}
    for (i, a), (j, b) in combinations(enumerate(names), 2):
        raw = float(np.linalg.norm(centre[i] - centre[j]))
        n = int((kinds == a).sum() + (kinds == b).sum())
        scores[f"centroid_{a}_{b}"] = Score(
            raw / scale if scale else float("nan"), None, n, note=f"raw {raw:.4g}"
        )
    values = np.array([s.value for s in scores.values()])
    note = f"over {len(values)} pairs, in total sd ({scale:.4g})"
    scores["centroid_mean"] = Score(float(values.mean()), None, len(codes), note=note)
    scores["centroid_sd"] = Score(float(values.std()), None, len(codes), note=note)
    return scores


def _usage(suffix: str, codes: Tokens, n_codes: int) -> dict[str, Score]:
    if not len(codes):
        return {f"{name}{suffix}": Score(float("nan"), None, 0) for name in ("usage", "perplexity")}
    share = np.bincount(codes, minlength=n_codes) / len(codes)
    seen = share[share > 0]
    entropy = float(-(seen * np.log(seen)).sum())
    return {
        f"usage{suffix}": Score(
            len(seen) / n_codes, None, len(codes), note=f"{len(seen)} of {n_codes} codes"
        ),
        f"perplexity{suffix}": Score(float(np.exp(entropy)), None, len(codes)),
    }
