"""A slide as a pyramid: resolutions by factors of two, in tiles, whatever resolutions the file has.

Shapes: H, W rows and columns of a level; h, w of a region.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.io.slides.slide import Slide

Pixels = NDArray[np.uint8]

TILE = 256
_COARSEST = 512  # longest side of the last level
_OVERVIEW = (
    4096  # longest side of the overview from which coarse levels come when the file has no fitting one
)
_FAR = 8  # reading that much finer than needed is worth avoiding
_KEPT_TILES = 160


@dataclass(frozen=True)
class _Source:
    """Pixels to make levels from: full-resolution pixels per pixel, and how to read them."""

    downsample: float
    read: Callable[[int, int, int, int], Pixels]  # x, y, w, h; white outside


class Pyramid:
    """Levels of a slide by factors of two, read by tile or region.

    Parameters
    ----------
    slide
        The image; any number of resolutions.
    downsample
        Full-resolution pixels of the section per pixel of the image's finest level: 1 for the slide itself, more for
        a stored overview.

    Attributes
    ----------
    levels
        (height, width, downsample) of each level, finest first; downsample in full-resolution pixels per pixel.
    """

    def __init__(self, slide: Slide, downsample: float = 1.0) -> None:
        self._slide, self._base = slide, float(downsample)
        n = max(0, int(np.ceil(np.log2(max(slide.height, slide.width) / _COARSEST)))) + 1
        self.levels: list[tuple[int, int, float]] = [
            (-(-slide.height // 2**k), -(-slide.width // 2**k), self._base * 2**k) for k in range(n)
        ]
        self._sources = self._find_sources()
        self._overview: tuple[Pixels, float] | None = None
        self._kept: OrderedDict[tuple[int, int, int], Pixels] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, level: int) -> LevelArray:
        """A level as an array that reads what is sliced out of it."""
        return LevelArray(self, range(len(self.levels))[level])

    @property
    def arrays(self) -> list[LevelArray]:
        """All levels as lazy arrays (H, W, 3), finest first: what napari and dask take."""
        return [self[k] for k in range(len(self.levels))]

    def grid(self, level: int) -> tuple[int, int]:
        """Number of (columns, rows) of tiles of a level."""
        height, width, _ = self.levels[level]
        return -(-width // TILE), -(-height // TILE)

    def tile(self, level: int, col: int, row: int) -> Pixels:
        """One tile; those at the right and lower edge are smaller.

        Parameters
        ----------
        level
            0 is the finest.
        col, row
            Place of the tile.

        Returns
        -------
        uint8 (h, w, 3), at most 256 x 256; shared, not to be changed.

        Raises
        ------
        UsageError
            No such tile.
        """
        if not 0 <= level < len(self.levels):
            raise UsageError(f"Expected a level from 0 to {len(self.levels) - 1}; got {level}.")
        columns, rows = self.grid(level)
        if not (0 <= col < columns and 0 <= row < rows):
            raise UsageError(f"Expected a tile in {columns} columns and {rows} rows; got ({col}, {row}).")
        key = level, col, row
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        height, width, _ = self.levels[level]
        x, y = col * TILE, row * TILE
        tile_hw3 = self.region(level, x, y, min(TILE, width - x), min(TILE, height - y))
        with self._lock:
            self._kept[key] = tile_hw3
            while len(self._kept) > _KEPT_TILES:
                self._kept.popitem(last=False)
        return tile_hw3

    def region(self, level: int, x: int, y: int, w: int, h: int) -> Pixels:
        """Cut a region of a level; white outside the slide.

        Parameters
        ----------
        level
            0 is the finest.
        x, y, w, h
            Top left corner and size in pixels of the level.

        Returns
        -------
        uint8 (h, w, 3).
        """
        if w <= 0 or h <= 0:
            return np.empty((max(h, 0), max(w, 0), 3), np.uint8)
        wanted = float(2**level)
        source = max((s for s in self._sources if s.downsample <= wanted * 1.01), key=lambda s: s.downsample)
        ratio = wanted / source.downsample
        across, down = _edges(x, w, ratio), _edges(y, h, ratio)
        pixels = source.read(
            int(across[0]), int(down[0]), int(across[-1] - across[0]), int(down[-1] - down[0])
        )
        if len(across) - 1 == pixels.shape[1] and len(down) - 1 == pixels.shape[0]:
            return pixels
        return _averaged(pixels, down - down[0], across - across[0])

    def _find_sources(self) -> list[_Source]:
        slide = self._slide
        sources = [
            _Source(float(ds), lambda x, y, w, h, i=i: slide.read(x, y, w, h, i))  # type: ignore[misc]
            for i, ds in enumerate(slide.downsamples)
        ]
        longest = max(slide.height, slide.width)
        far = 2.0 ** max(3, int(np.ceil(np.log2(longest / _OVERVIEW))))
        coarsest = 2.0 ** (len(self.levels) - 1)
        if coarsest >= far and far / max(s.downsample for s in sources) >= _FAR:
            sources.append(_Source(far, self._read_overview))
        return sources

    def _read_overview(self, x: int, y: int, w: int, h: int) -> Pixels:
        """From an overview kept in memory, made when it is first needed."""
        if self._overview is None:
            longest = max(self._slide.height, self._slide.width)
            factor = 2 ** max(3, int(np.ceil(np.log2(longest / _OVERVIEW))))
            self._overview = self._slide.thumbnail(-(-longest // factor))
        rgb_HW3 = self._overview[0]
        region_hw3 = np.full((h, w, 3), 255, np.uint8)
        x1, y1 = min(x + w, rgb_HW3.shape[1]), min(y + h, rgb_HW3.shape[0])
        if max(x, 0) < x1 and max(y, 0) < y1:
            part = rgb_HW3[max(y, 0) : y1, max(x, 0) : x1]
            region_hw3[max(y, 0) - y : y1 - y, max(x, 0) - x : x1 - x] = part
        return region_hw3


class LevelArray:
    """One level of a pyramid as a lazy uint8 array (H, W, 3).

    Slicing reads; steps other than 1 are taken after reading. `numpy.asarray` reads all of it.

    Parameters
    ----------
    pyramid, level
        Where the pixels come from.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, pyramid: Pyramid, level: int) -> None:
        self._pyramid, self._level = pyramid, level
        height, width, _ = pyramid.levels[level]
        self.shape = (height, width, 3)

    def __getitem__(self, at: Any) -> Any:
        at = at if isinstance(at, tuple) else (at,)
        if Ellipsis in at:
            middle = at.index(Ellipsis)
            at = at[:middle] + (slice(None),) * (4 - len(at)) + at[middle + 1 :]
        at = at + (slice(None),) * (3 - len(at))
        (y0, y1, rows), (x0, x1, columns) = (
            _span(one, n) for one, n in zip(at[:2], self.shape, strict=False)
        )
        pixels = self._pyramid.region(self._level, x0, y0, x1 - x0, y1 - y0)
        return pixels[rows, columns, at[2]] if isinstance(rows, slice) else pixels[rows][columns, at[2]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self._pyramid.region(self._level, 0, 0, self.shape[1], self.shape[0])
        return whole if dtype is None else whole.astype(dtype)

    def __len__(self) -> int:
        return self.shape[0]


def _span(at: Any, n: int) -> tuple[int, int, Any]:
    """First, one past the last, and what to take of what was read between them."""
    if isinstance(at, slice):
        start, stop, step = at.indices(n)
        if step < 0:
            raise UsageError("Expected slices that go forward; got a negative step.")
        return start, max(start, stop), slice(None, None, step)
    index = range(n)[int(at)]
    return index, index + 1, 0


def _edges(start: int, count: int, ratio: float) -> NDArray[np.int64]:
    """Borders of `count` boxes in the finer grid, from box `start`; each holds at least one pixel."""
    edges = np.floor((start + np.arange(count + 1)) * ratio + 1e-6).astype(np.int64)
    if ratio < 1.0:
        edges = edges[0] + np.arange(count + 1)
    return edges


def _averaged(pixels: Pixels, down: NDArray[np.int64], across: NDArray[np.int64]) -> Pixels:
    """Means of boxes given by their borders."""
    n_down, n_across = np.diff(down), np.diff(across)
    n = int(n_across[0]) if n_across.size else 1
    if n_across.size and (n_across == n).all() and (n_down == n).all():  # the common case, without floats
        total = np.zeros((len(n_down), len(n_across), 3), np.uint32)
        for i in range(n):
            for j in range(n):
                total += pixels[i::n, j::n]
        return ((total + n * n // 2) // (n * n)).astype(np.uint8)
    rows = np.add.reduceat(pixels.astype(np.float32), down[:-1], axis=0)
    boxes = np.add.reduceat(rows, across[:-1], axis=1)
    area = n_down[:, None, None] * n_across[None, :, None]
    return np.asarray(np.round(boxes / area), dtype=np.uint8)
