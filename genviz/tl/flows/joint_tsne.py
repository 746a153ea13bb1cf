"""Several sets of the same rows in one picture: one PCA and one t-SNE over all of them.

Shape legend: S sets, N rows, F numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from genviz._lazy import require

_COMPONENTS = 50
_PERPLEXITY = 30.0
_EXAGGERATED, _REST = 250, 750  # iterations, 1,000 in all


def joint_tsne(sets_SNF: Sequence[NDArray[Any]], seed: int) -> tuple[list[NDArray[np.float32]], float]:
    """Place all rows of all sets.

    Parameters
    ----------
    sets_SNF
        Sets of equal shape.
    seed
        Of the t-SNE.

    Returns
    -------
    places
        Of each set, float32 (N, 2).
    perplexity
        30, or a third of the rows where there are few.

    Raises
    ------
    MissingDependencyError
        Without openTSNE.
    """
    tsne = require("openTSNE", extra="notebook", purpose="draw trajectories")
    rows = np.concatenate([np.asarray(values, np.float64) for values in sets_SNF])
    n_components = min(_COMPONENTS, *rows.shape)
    reduced = PCA(n_components, svd_solver="full").fit_transform(rows)
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    fit = tsne.TSNE(
        perplexity=perplexity,
        initialization="pca",
        early_exaggeration_iter=_EXAGGERATED,
        n_iter=_REST,
        random_state=seed,
        neighbors="exact",
        negative_gradient_method="bh",  # the interpolating one needs FFTs, whose threads change the last digits
        n_jobs=1,
    )
    placed = np.asarray(fit.fit(reduced), dtype=np.float32)
    return np.split(placed, len(sets_SNF)), perplexity
