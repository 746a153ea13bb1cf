"""What an effect is held against: other genes of the same expression, other directions of the same length, a ridge.

Shape legend: N rows, U genes that the condition uses, Z width of the code, D statistics, C controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genviz._errors import GenvizError
from genviz.core.keyed import row_generator
from genviz.models.genevar.tile_resolution import check_tile_resolution
from genviz.models.genevar.tile_windows import windows_of
from genviz.tl.ridge import Ridge, fit_ridge

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.metrics import TissueStandard
    from genviz.models import GeneVAR

_NEAREST = 10  # genes among which a match is drawn, at least
_TRIES = 50  # to draw a set that is not there yet
_LEAST_ROWS = 20


def matched_sets(
    logs_NU: ArrayLike, columns: Sequence[int], n_sets: int, *, seed: int, name: str
) -> list[tuple[int, ...]]:
    """Random sets of as many genes, each like one of the given genes in mean and detection.

    Each gene is replaced by one of its nearest in the ranks of both, among the genes that are neither in the set nor
    drawn already: of ten, or where more sets are asked for of twice as many as these. No set is drawn twice while there
    are others.

    Parameters
    ----------
    logs_NU
        Logarithms of the genes.
    columns
        The set.
    n_sets
        How many.
    seed, name
        Key of the draws.

    Returns
    -------
    Places among the U genes; none when fewer genes are left than the set has.
    """
    logs = np.asarray(logs_NU)
    others = np.setdiff1d(np.arange(logs.shape[1]), np.asarray(columns))
    if len(others) < len(columns):
        return []
    place_U2 = np.stack([stats.rankdata(logs.mean(axis=0)), stats.rankdata((logs > 0).mean(axis=0))], axis=1)
    n_near = max(_NEAREST, 2 * n_sets)
    found: list[tuple[int, ...]] = []
    for i in range(n_sets):
        rng = row_generator(seed, "", name, f"matched genes {i}")
        for _ in range(_TRIES):
            drawn = _matched_set(place_U2, columns, others, n_near, rng)
            if set(drawn) not in map(set, found):
                break
        found.append(drawn)
    return found


def _matched_set(
    place_U2: NDArray[np.float64],
    columns: Sequence[int],
    free: NDArray[np.intp],
    n_near: int,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """One set of matched genes out of those that are free."""
    chosen: dict[int, int] = {}
    for u in rng.permutation(np.asarray(columns)):
        distance = np.linalg.norm(place_U2[free] - place_U2[u], axis=1)
        near = free[np.argsort(distance, kind="stable")[:n_near]]
        chosen[int(u)] = int(rng.choice(near))
        free = free[free != chosen[int(u)]]
    return tuple(chosen[u] for u in columns)


def random_directions(width: int, n: int, *, seed: int, still: Sequence[int] = ()) -> NDArray[np.float32]:
    """Unit vectors (n, Z), drawn evenly.

    Parameters
    ----------
    width
        Z.
    n
        How many.
    seed
        Key of the draws.
    still
        Columns that stay 0: the depth.
    """
    found = np.empty((n, width))
    for i in range(n):
        found[i] = row_generator(seed, "", "", f"code direction {i}").standard_normal(width)
        found[i, list(still)] = 0
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def ridge_of(
    model: GeneVAR, adata: AnnData, code_NZ: NDArray[np.float32], standard: TissueStandard, seed: int
) -> tuple[Ridge | None, str]:
    """A ridge from the rows' codes to the statistics of their own tiles, or why there is none.

    Parameters
    ----------
    model
        Says how tiles are cut.
    adata
        Rows, perhaps with tiles or places on slides.
    code_NZ
        Their codes.
    standard
        Of the statistics.
    seed
        Of its bootstrap.
    """
    if adata.n_obs < _LEAST_ROWS:
        return None, f"fewer than {_LEAST_ROWS} rows"
    size = model.config.tokenizer.size_px
    try:
        check_tile_resolution(adata, model.setup.mpp)
        windows = windows_of(adata, size, mpp=model.setup.mpp)
    except (GenvizError, OSError) as err:
        return None, f"no real tiles ({err})"
    start = (windows.side - size) // 2
    own = windows.images_NSS3[:, start : start + size, start : start + size]
    return fit_ridge(code_NZ, standard.measure(own), seed), ""


def cosine(a_D: ArrayLike, b_D: ArrayLike) -> float:
    """Cosine of the angle between two changes; NaN where either is 0.

    Parameters
    ----------
    a_D, b_D
        Mean change of each statistic.
    """
    a, b = (np.asarray(x, np.float64) for x in (a_D, b_D))
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0 else float("nan")
