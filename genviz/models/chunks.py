"""Work on many rows in chunks of one size, so that a row never depends on its batch.

Shape legend: R rows, B rows of a chunk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

log = logging.getLogger("genviz")

CHUNK = 16


def by_chunks(work: Callable[..., NDArray[Any]], *columns: NDArray[Any], size: int = CHUNK) -> NDArray[Any]:
    """Give `work` of all rows, computed chunk by chunk.

    The last chunk is filled up with its first row. When a GPU runs out of memory the size is halved, with a warning.

    Parameters
    ----------
    work
        Takes a chunk of each column, gives an array of as many rows.
    columns
        Arrays of R rows, at least one row.
    size
        B.

    Returns
    -------
    The results, R rows.
    """
    parts: list[NDArray[Any]] = []
    start, n_rows = 0, len(columns[0])
    while start < n_rows:
        rows = np.minimum(np.arange(start, start + size), n_rows - 1)
        rows[n_rows - start :] = start
        part: NDArray[Any] | None = None
        try:
            part = work(*(column[rows] for column in columns))[: n_rows - start]
        except torch.cuda.OutOfMemoryError:
            if size == 1:
                raise
        if part is None:
            # Outside of the handler: the error holds on to the frames, and they to the tensors.
            torch.cuda.empty_cache()
            log.warning("Out of GPU memory with %d rows a chunk; going on with %d.", size, size // 2)
            size //= 2
            continue
        parts.append(part)
        start += size
    return np.concatenate(parts)
