"""What the tokens of each stream carry: where nuclei are (leak probe), and which label it is (centroids)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz import metrics
from genviz._keys import Obsm
from genviz.metrics import Score
from genviz.models import PathAR

if TYPE_CHECKING:
    from anndata import AnnData

STREAMS = {"structure": Obsm.STRUCTURE_TOKENS, "appearance": Obsm.APPEARANCE_TOKENS}
_LEAST_GROUPS = 3
_MOST_FOLDS = 50


def leak_scores(
    model: PathAR,
    crops: AnnData,
    labels: NDArray[np.object_],
    groups: NDArray[np.object_],
    filled: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> dict[str, Score]:
    """``leak_r2_<stream>`` and ``..._<label>``; ``centroid_<stream>_<a>_<b>`` of labels in alphabetical order.

    The first by `metrics.leak_probe`, each group held out in turn (fifty folds at most): in three folds the score of
    appearance hangs on which scenes meet. The second, with ``centroid_<stream>_mean`` and ``..._sd``, by
    `metrics.centroid_table`.

    Parameters
    ----------
    model
        Whose tokens they are.
    crops
        Encoded crops with masks.
    labels, groups, filled
        Label, scene, and whether there is a nucleus, of each crop; only those with nuclei count.
    seed
        Of the bootstrap, and of the folds where there are more groups.

    Returns
    -------
    Less of what there is too little for: probes need three groups, centroids two labels.
    """
    # Sorted, so that a pair of labels has one name whatever the order of the rows.
    rows = np.array([row for row in np.argsort(labels, kind="stable") if filled[row]], np.int64)
    labels, groups = labels[rows], groups[rows]
    masks = np.asarray(crops.obsm[Obsm.MASKS])[rows]
    scores: dict[str, Score] = {}
    for stream, slot in STREAMS.items():
        if slot not in crops.obsm:
            continue
        tokens = np.asarray(crops.obsm[slot], np.int64)[rows]
        codes = getattr(model.fitted.tokenizer, stream).codes().detach().float().cpu().numpy()
        for label in (None, *dict.fromkeys(labels.tolist())):
            own = np.ones(len(rows), bool) if label is None else labels == label
            n_groups = len(set(groups[own].tolist()))
            if n_groups < _LEAST_GROUPS:
                continue
            probe = metrics.leak_probe(
                tokens[own],
                masks[own],
                len(codes),
                groups=groups[own].tolist(),
                folds=min(n_groups, _MOST_FOLDS),
                seed=seed,
            )
            scores[f"leak_r2_{stream}" + (f"_{label}" if label else "")] = probe["leak_r2"]
        if len(set(labels.tolist())) > 1:
            table = metrics.centroid_table(tokens, codes, labels.tolist())
            scores |= {name.replace("centroid", f"centroid_{stream}", 1): one for name, one in table.items()}
    return scores
