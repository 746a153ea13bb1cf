"""Decoded pieces of a slide, kept while neighbouring tiles need them.

A tile of 224 px touches one to four pieces, and each piece of 512 px some dozens of tiles: without memory of them a
pass over a slide decodes every piece dozens of times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import product
from threading import Lock
from typing import Any

import numpy as np

_MAX_BYTES = 128 << 20


class RecentBlocks:
    """The decoded blocks that were used last, up to a number of bytes; shared by threads."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self.max_bytes, self.n_bytes = max_bytes, 0
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def get(self, index: int, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """The block of that number, decoded if it is not at hand. It is shared: do not write to it."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        # Two threads may decode the same block at the same time: cheaper than making all others wait.
        block = decode()
        if block.nbytes > self.max_bytes // 4:  # it would push out everything else
            return block
        with self._lock:
            if index not in self._kept:
                self.n_bytes += block.nbytes
            self._kept[index] = block
            while self.n_bytes > self.max_bytes:
                self.n_bytes -= self._kept.popitem(last=False)[1].nbytes
        return block


class ChunkedArray:
    """Regions of a chunked array, whose chunks stay decoded for a while.

    Parameters
    ----------
    array
        A zarr array, or a memory-mapped one, which has no chunks and is read directly.
    max_bytes
        Bound of what is kept. Arrays whose chunks are larger than a quarter of it are read directly too.
    """

    def __init__(self, array: Any, max_bytes: int = _MAX_BYTES) -> None:
        self.array, self.chunks = array, tuple(getattr(array, "chunks", array.shape))
        chunk_bytes = int(np.prod(self.chunks)) * array.dtype.itemsize
        self.direct = not hasattr(array, "chunks") or chunk_bytes > max_bytes // 4
        self._grid = [-(-size // chunk) for size, chunk in zip(array.shape, self.chunks, strict=True)]
        self._recent = RecentBlocks(max_bytes)

    def read(self, window: tuple[slice, ...]) -> np.ndarray:
        """The region of a window with a start and a stop inside the array on every axis."""
        if self.direct:
            return np.asarray(self.array[window])
        out = np.empty([part.stop - part.start for part in window], self.array.dtype)
        touched = [
            range(part.start // chunk, -(-part.stop // chunk))
            for part, chunk in zip(window, self.chunks, strict=True)
        ]
        for at in product(*touched):
            origin = [index * chunk for index, chunk in zip(at, self.chunks, strict=True)]
            block = self._block(at, origin)
            ends = [start + size for start, size in zip(origin, block.shape, strict=True)]
            low = [max(part.start, start) for part, start in zip(window, origin, strict=True)]
            high = [min(part.stop, end) for part, end in zip(window, ends, strict=True)]
            target = tuple(slice(a - p.start, b - p.start) for a, b, p in zip(low, high, window, strict=True))
            source = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, origin, strict=True))
            out[target] = block[source]
        return out

    def _block(self, at: tuple[int, ...], origin: list[int]) -> np.ndarray:
        whole = tuple(slice(start, start + chunk) for start, chunk in zip(origin, self.chunks, strict=True))
        index = int(np.ravel_multi_index(at, self._grid))
        return self._recent.get(index, lambda: np.asarray(self.array[whole]))
