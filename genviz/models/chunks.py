"""Work on many rows in batches of one size, so that a row never depends on its batch.

Shape legend: R rows, B rows of a chunk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

log = logging.getLogger("genviz")

CHUNK = 16
_BATCH_ELSEWHERE = 64

Part = TypeVar("Part")


def rows_at_once(device: torch.device, n_rows: int) -> int:
    """A device's batch for drawing tokens, or less for few rows: a batch is filled up.

    Powers of two keep the kinds of graphs few.

    Parameters
    ----------
    device
        Where to compute.
    n_rows
        R.
    """
    return min(CHUNK if device.type == "cpu" else _BATCH_ELSEWHERE, 1 << (n_rows - 1).bit_length())


def halving(work: Callable[[int, int], Part], n_rows: int, size: int) -> list[Part]:
    """Give ``work(start, size)`` of batch after batch.

    When a GPU runs out of memory the size is halved, with a warning.

    Parameters
    ----------
    work
        Takes the first row and the number of rows of a batch, of which the last may reach beyond the rows. It must not
        hold on to tensors when it raises.
    n_rows
        R.
    size
        B.
    """
    found: list[Part] = []
    start = 0
    while start < n_rows:
        full = False
        try:
            found.append(work(start, size))
        except torch.cuda.OutOfMemoryError:
            if size == 1:
                raise
            full = True
        if full:
            # Outside of the handler: the error holds on to the frames, and they to the tensors.
            torch.cuda.empty_cache()
            log.warning("Out of GPU memory with %d rows a batch; going on with %d.", size, size // 2)
            size //= 2
            continue
        start += size
    return found


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
    n_rows = len(columns[0])

    def chunk(start: int, size: int) -> NDArray[Any]:
        rows = np.minimum(np.arange(start, start + size), n_rows - 1)
        rows[n_rows - start :] = start
        return work(*(column[rows] for column in columns))[: n_rows - start]

    return np.concatenate(halving(chunk, n_rows, size))
