"""A swap without a prior: appearance of the cells of q whose surroundings look most like p's.

Shape legend: R rows, h x w cells, N = h w.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz.models.pathar.codec import Tokens


def matched_appearance(p: Tokens, q: Tokens) -> NDArray[np.int32]:
    """For each cell of p, the appearance token of the cell of q with the most equal structure tokens around it.

    Around means 3 x 3 cells, the cell itself counted twice; among equals the cell nearest in position wins.

    Parameters
    ----------
    p, q
        Tokens of equal rows on one grid.

    Returns
    -------
    int32 (R, N).
    """
    out = np.empty_like(q.appearance_RN)
    height, width = p.grid
    place = np.stack(np.divmod(np.arange(height * width), width), axis=1)
    # Ties are broken by distance: a term too small to outweigh one equal token.
    apart = np.abs(place[:, None] - place[None]).sum(axis=2) / (4.0 * (height + width))
    for row in range(len(p)):
        around_p, around_q = (_surroundings(t.structure_RN[row], t.grid) for t in (p, q))
        equal = (around_p[:, None] == around_q[None]).sum(axis=2) + (
            around_p[:, None, 4] == around_q[None, :, 4]
        )
        out[row] = q.appearance_RN[row][(equal - apart).argmax(axis=1)]
    return out


def _surroundings(tokens_N: NDArray[np.int32], grid: tuple[int, int]) -> NDArray[np.int32]:
    """3 x 3 tokens around each cell (N, 9); beyond the border -1."""
    padded = np.pad(tokens_N.reshape(grid), 1, constant_values=-1)
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    around: NDArray[np.int32] = views.reshape(-1, 9)
    return around
