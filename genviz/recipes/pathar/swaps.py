"""Swaps of structure and appearance between held-out crops of different labels, scored.

48 crops of each label that hold nuclei are chosen by key, images in turn; in each ordered pair of labels the first
crop of one gives its structure to the first of the other, and so on (288 swaps of three labels).
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
from numpy.typing import NDArray

from genviz import metrics
from genviz._keys import Obs, Obsm
from genviz.core.keyed import row_key
from genviz.metrics import Score
from genviz.models import PathAR
from genviz.recipes.pathar.jobs import KEY

if TYPE_CHECKING:
    from anndata import AnnData

CROPS = 48
_FOREGROUND = 0.01
_NAMES = {
    "structure_ownership": "swap_ownership_structure",
    "appearance_ownership": "swap_ownership_appearance",
    "swap_contrast": "swap_contrast",
    "pairs_used": "swap_pairs_used",
}


def swap_scores(
    model: PathAR, crops: AnnData, labels: NDArray[np.object_], *, seed: int = 0, n: int = CROPS
) -> dict[str, Score]:
    """``swap_ownership_structure``, ``swap_ownership_appearance``, ``swap_contrast``, ``swap_pairs_used``.

    Means over all pairs, and ``..._<label>`` by the label that gave the appearance; see `metrics.swap_ownership`. Of a
    single label, pairs are neighbours in the order of keys.

    Parameters
    ----------
    model
        With two streams.
    crops
        Encoded crops.
    labels
        Of the crops.
    seed
        Which crops, and of the bootstrap.
    n
        Crops of each label.

    Returns
    -------
    Empty when no two crops hold nuclei.
    """
    filled = (np.asarray(crops.obsm[Obsm.MASKS]) != 0).mean(axis=(1, 2)) >= _FOREGROUND
    chosen = {
        label: chosen_crops(crops, np.flatnonzero(filled & (labels == label)), seed, n)
        for label in sorted(set(labels.tolist()))
    }
    chosen = {label: rows for label, rows in chosen.items() if len(rows)}
    pairs = [(p, q) for a, b in permutations(chosen, 2) for p, q in zip(chosen[a], chosen[b], strict=False)]
    if len(chosen) == 1:
        ((_, rows),) = chosen.items()
        pairs = list(zip(rows, np.roll(rows, 1), strict=True)) if len(rows) > 1 else []
    if not pairs:
        return {}
    p_rows, q_rows = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    p, q = _rows(crops, p_rows), _rows(crops, q_rows)
    swapped = model.swap(p, q, key_added=KEY)
    found = metrics.swap_ownership(
        swapped.obsm[KEY], p.obsm[Obsm.TILES], q.obsm[Obsm.TILES], p.obsm[Obsm.MASKS], q.obsm[Obsm.MASKS],
        labels=labels[q_rows].tolist(), seed=seed,
    )  # fmt: skip
    return {_renamed(name): score for name, score in found.items()}


def chosen_crops(crops: AnnData, rows: NDArray[np.int64], seed: int, n: int) -> NDArray[np.int64]:
    """At most `n` of some rows, in an order of keys that takes one crop of each image before a second of any."""
    keys = {int(row): row_key(seed, "", str(crops.obs_names[row]), "swaps") for row in rows}
    turn: dict[str, int] = {}
    order = []
    for row in sorted(keys, key=keys.__getitem__):
        image = str(crops.obs[Obs.SOURCE].iloc[row])
        turn[image] = turn.get(image, 0) + 1
        order.append((turn[image], keys[row], row))
    return np.array([row for _, _, row in sorted(order)[:n]], np.int64)


def _rows(crops: AnnData, rows: NDArray[np.int64]) -> AnnData:
    """Crops picked and repeated, under names of their own."""
    obs = crops.obs.iloc[rows].copy()
    obs.index = obs.index.astype(str) + [f"#{k}" for k in range(len(rows))]
    picked = ad.AnnData(obs=obs, uns=dict(crops.uns))
    for slot, values in crops.obsm.items():
        picked.obsm[slot] = np.asarray(values)[rows]
    return picked


def _renamed(name: str) -> str:
    for old, new in _NAMES.items():
        if name == old or name.startswith(f"{old}_"):
            return new + name.removeprefix(old)
    return name
