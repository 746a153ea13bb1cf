"""Several sets of the same rows in one picture: one PCA and one t-SNE or UMAP over all of them.

Shape legend: S sets, N rows, F numbers, D components.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from genviz._errors import UsageError
from genviz._lazy import require

_COMPONENTS = 50
_PERPLEXITY = 30.0
_EXAGGERATED, _REST = 250, 750  # iterations of t-SNE, 1,000 in all
_NEIGHBOURS, _MIN_DIST = 15, 0.1
_PURPOSE = "draw trajectories"


def joint_embedding(
    sets_SNF: Sequence[NDArray[Any]], seed: int, embedding: str = "tsne"
) -> tuple[list[NDArray[np.float32]], dict[str, Any]]:
    """Place all rows of all sets.

    Parameters
    ----------
    sets_SNF
        Sets of equal shape.
    seed
        Of the embedding; the same seed gives the same places.
    embedding
        ``"tsne"`` or ``"umap"``.

    Returns
    -------
    places
        Of each set, float32 (N, 2).
    told
        JSON values: ``embedding``; with t-SNE ``perplexity`` (30, or a third of the rows where there are few), with
        UMAP ``n_neighbors`` (15, or one less than the rows) and ``min_dist``.

    Raises
    ------
    UsageError
        For another embedding.
    MissingDependencyError
        Without openTSNE, or umap-learn.
    """
    check_embedding(embedding)
    rows = np.concatenate([np.asarray(values, np.float64) for values in sets_SNF])
    n_components = min(_COMPONENTS, *rows.shape)
    reduced_ND = PCA(n_components, svd_solver="full").fit_transform(rows)
    placed, told = _EMBEDDINGS[embedding](reduced_ND, seed)
    return np.split(placed.astype(np.float32), len(sets_SNF)), {"embedding": embedding} | told


def check_embedding(embedding: str) -> None:
    """Insist on one that is known, before anything is computed.

    Parameters
    ----------
    embedding
        What was given.

    Raises
    ------
    UsageError
        For any other.
    """
    if embedding not in _EMBEDDINGS:
        raise UsageError(f"Expected embedding out of {', '.join(map(repr, _EMBEDDINGS))}; got {embedding!r}.")


def _tsne(reduced_ND: NDArray[np.float64], seed: int) -> tuple[NDArray[Any], dict[str, Any]]:
    tsne = require("openTSNE", extra="notebook", purpose=_PURPOSE)
    perplexity = min(_PERPLEXITY, (len(reduced_ND) - 1) / 3)
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
    return np.asarray(fit.fit(reduced_ND)), {"perplexity": perplexity}


def _umap(reduced_ND: NDArray[np.float64], seed: int) -> tuple[NDArray[Any], dict[str, Any]]:
    umap = require("umap", extra="notebook", purpose=_PURPOSE)
    n_neighbours = min(_NEIGHBOURS, len(reduced_ND) - 1)
    fit = umap.UMAP(
        n_neighbors=n_neighbours,
        min_dist=_MIN_DIST,
        init="pca",  # as the t-SNE; the spectral one falls back on chance where the graph is in pieces
        random_state=seed % 2**32,
        n_jobs=1,  # with a seed it takes one thread anyhow, and warns unless asked to
    )
    # Its compiler sets how many threads the calling thread may use, torch's too, and with them the last digits of all
    # that is computed after: a thread of its own keeps that to itself.
    with ThreadPoolExecutor(1) as aside:
        placed = aside.submit(fit.fit_transform, reduced_ND).result()
    return np.asarray(placed), {"n_neighbors": n_neighbours, "min_dist": _MIN_DIST}


_EMBEDDINGS = {"tsne": _tsne, "umap": _umap}
