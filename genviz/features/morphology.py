"""The `morphology` encoder: stain, texture and nuclear statistics at three scales, and of the surroundings.

No weights: it works offline, is the same everywhere, and every number has a name. A row's features depend
on the slide and the row's position alone. The slide is measured chunk by chunk on a fixed grid, each pixel
once, into 8 x 8 px block means; windows are then sums of blocks, so dense spots cost little more than sparse.

Shapes: M maps; h, w block rows and columns; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genviz._errors import DataError, UsageError
from genviz.features.blocks import BLOCK, Float, window_means
from genviz.features.descriptors import describe
from genviz.features.encoder import RING_STEPS, RINGS, Read
from genviz.features.pixel_maps import pixel_maps
from genviz.features.stain import Normaliser

MPP = 0.7
WINDOWS_PX = (112, 224, 448)  # 78, 157 and 314 um
RING_WINDOW_PX = 448
_CHUNK = 128  # blocks a side: 1024 px, 717 um
_HALO = 8  # blocks around a chunk that filters may look at
_REACH = 64  # blocks from a chunk's edge to the farthest pixel of any window


@dataclass(frozen=True)
class MorphologyEncoder:
    """Encodes spots of a slide.

    Attributes
    ----------
    ring
        ``"mean"``: own windows, and the mean of 8 windows around; ``"each"``: own windows, then each of the
        8 windows (for attention over neighbours); None: own windows only.
    pitch_um
        Distance of the ring.
    """

    ring: str | None = "mean"
    pitch_um: float = 200.0

    name = "morphology"
    version = 1
    mpp = MPP
    windows_um = tuple(round(side * MPP, 1) for side in WINDOWS_PX)

    def __post_init__(self) -> None:
        if self.ring not in RINGS:
            raise UsageError(f"Expected ring='mean', 'each' or None, got {self.ring!r}.")
        if self.pitch_um / MPP / BLOCK + RING_WINDOW_PX / BLOCK / 2 > _REACH:
            raise UsageError(
                f"Expected a ring of at most {self.max_pitch_um:.0f} um, got {self.pitch_um:.0f} um."
            )

    @property
    def max_pitch_um(self) -> float:
        """The widest ring the encoder can measure."""
        return (_REACH - RING_WINDOW_PX / BLOCK / 2) * BLOCK * MPP

    def recipe(self) -> dict[str, Any]:
        """What decides the features besides the slide."""
        return {
            "name": self.name,
            "version": self.version,
            "mpp": MPP,
            "ring": self.ring or "none",
            "pitch_um": self.pitch_um if self.ring else 0.0,
            "weights_sha256": "",
        }

    def encode(
        self,
        read: Read,
        xy_px: NDArray[np.float64],
        *,
        mpp: float,
        normaliser: Normaliser,
        n_workers: int = 1,
        on_rows: Callable[[int], object] = lambda n: None,
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Measure every position.

        Parameters
        ----------
        read
            ``read(x, y, w, h)`` gives uint8 (h, w, 3) of the slide in its own pixels, white outside.
        xy_px
            (n, 2) centres in the slide's pixels.
        mpp
            Micrometres per pixel of the slide.
        normaliser
            Stain normaliser of the slide.
        n_workers
            Threads; chunks are measured side by side.
        on_rows
            Called with the number of rows just finished.

        Returns
        -------
        names
            d feature names.
        features
            float32 (n, d).
        """
        if not np.isfinite(xy_px).all():
            raise DataError("Expected finite spot centres, found NaN in obsm['spatial']. Drop those rows.")
        centres = xy_px * (mpp / MPP / BLOCK)
        chunks = np.floor(centres / _CHUNK).astype(np.intp)
        features: NDArray[np.float32] | None = None
        names: list[str] = []
        for column_row, maps_Mhw, map_names in self._neighbourhoods(
            read, centres, mpp, normaliser, n_workers
        ):
            rows = np.flatnonzero((chunks == column_row).all(axis=1))
            local = centres[rows] - np.array(column_row) * _CHUNK + _REACH
            names, values = self._describe(map_names, maps_Mhw, local)
            if features is None:
                features = np.empty((len(xy_px), values.shape[1]), np.float32)
            features[rows] = values
            on_rows(len(rows))
        if features is None:
            raise DataError("Expected at least one spot, got none. Is the section empty?")
        return names, features

    def encode_tiles(
        self, tiles_NHW3: NDArray[np.uint8], *, mpp: float, normaliser: Normaliser
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Measure loose tiles: one window, the tile itself, no surroundings.

        Parameters
        ----------
        tiles_NHW3
            uint8 (n, H, W, 3).
        mpp
            Micrometres per pixel of the tiles.
        normaliser
            Stain normaliser of the slide they come from.

        Returns
        -------
        Names and float32 (n, d). They are other features than a spot's on a slide.
        """
        height, width = (max(round(n * mpp / MPP / BLOCK), 4) * BLOCK for n in tiles_NHW3.shape[1:3])
        rows: list[NDArray[np.float64]] = []
        names: list[str] = []
        for rgb_HW3 in tiles_NHW3:
            scaled = Image.fromarray(normaliser.apply(rgb_HW3)).resize(
                (width, height), Image.Resampling.BILINEAR
            )
            map_names, maps_Mhw = pixel_maps(np.asarray(scaled))
            names, values = describe(map_names, maps_Mhw.mean(axis=(1, 2), dtype=np.float64)[None, :])
            rows.append(values[0])
        return names, np.array(rows, dtype=np.float32)

    def _describe(
        self, map_names: tuple[str, ...], maps_Mhw: Float, centres: NDArray[np.float64]
    ) -> tuple[list[str], NDArray[np.float64]]:
        """Own windows at every scale, then the ring."""
        names, parts = [], []
        for side in WINDOWS_PX:
            found, values = describe(map_names, window_means(maps_Mhw, centres, side / BLOCK))
            names += [f"{name}@{round(side * MPP)}um" for name in found]
            parts.append(values)
        if self.ring is None:
            return names, np.concatenate(parts, axis=1)
        step = self.pitch_um / MPP / BLOCK
        offsets = RING_STEPS * step
        around = [window_means(maps_Mhw, centres + offset, RING_WINDOW_PX / BLOCK) for offset in offsets]
        if self.ring == "mean":
            found, values = describe(map_names, np.mean(around, axis=0))
            return names + [f"{name}@ring" for name in found], np.concatenate([*parts, values], axis=1)
        for index, means in enumerate(around):
            found, values = describe(map_names, means)
            names += [f"{name}@ring{index}" for name in found]
            parts.append(values)
        return names, np.concatenate(parts, axis=1)

    def _neighbourhoods(
        self, read: Read, centres: NDArray[np.float64], mpp: float, normaliser: Normaliser, n_workers: int
    ) -> Iterator[tuple[tuple[int, int], Float, tuple[str, ...]]]:
        """Each chunk that holds rows, with its surroundings, top to bottom; three rows of chunks are kept."""
        chunks = np.floor(centres / _CHUNK).astype(np.intp)
        wanted = sorted({(int(y), int(x)) for x, y in chunks})
        corners = [centres + np.array([dx, dy]) for dx in (-_REACH, _REACH) for dy in (-_REACH, _REACH)]
        # A reach of half a chunk touches at most the four chunks that the corners fall in.
        touched = {
            (int(y), int(x)) for corner in corners for x, y in np.floor(corner / _CHUNK).astype(np.intp)
        }
        measured: dict[tuple[int, int], Future[tuple[tuple[str, ...], Float]]] = {}
        pool = ThreadPoolExecutor(n_workers)
        try:
            for row in sorted({y for y, _ in wanted}):
                for key in [key for key in measured if key[0] < row - 1]:
                    del measured[key]
                here = [key for key in wanted if key[0] == row]
                needed = {key for key in touched if abs(key[0] - row) <= 1}
                for key in sorted(needed - set(measured)):
                    measured[key] = pool.submit(_measure_chunk, read, key, mpp, normaliser)
                for y, x in here:
                    yield (x, y), *_assemble(measured, y, x)
        finally:
            pool.shutdown(cancel_futures=True)


def _assemble(
    measured: dict[tuple[int, int], Future[tuple[tuple[str, ...], Float]]], y: int, x: int
) -> tuple[Float, tuple[str, ...]]:
    """A chunk with `_REACH` blocks on each side; parts that no window touches stay NaN."""
    names, _ = measured[y, x].result()
    side = _CHUNK + 2 * _REACH
    whole_Mhw = np.full((len(names), side, side), np.nan, np.float32)
    spans = {
        -1: (slice(0, _REACH), slice(-_REACH, None)),
        0: (slice(_REACH, -_REACH), slice(None)),
        1: (slice(-_REACH, None), slice(0, _REACH)),
    }
    for dy, (to_y, from_y) in spans.items():
        for dx, (to_x, from_x) in spans.items():
            if (y + dy, x + dx) in measured:
                whole_Mhw[:, to_y, to_x] = measured[y + dy, x + dx].result()[1][:, from_y, from_x]
    return whole_Mhw, names


def _measure_chunk(
    read: Read, key: tuple[int, int], mpp: float, normaliser: Normaliser
) -> tuple[tuple[str, ...], Float]:
    """Read one chunk with its halo at 0.7 um/px, normalise, measure, drop the halo."""
    side = (_CHUNK + 2 * _HALO) * BLOCK
    scale = MPP / mpp
    x0, y0 = (round((k * _CHUNK - _HALO) * BLOCK * scale) for k in (key[1], key[0]))
    size = round(side * scale)
    rgb_HW3 = read(x0, y0, size, size)
    if size != side:
        rgb_HW3 = np.asarray(Image.fromarray(rgb_HW3).resize((side, side), Image.Resampling.BILINEAR))
    names, maps_Mhw = pixel_maps(normaliser.apply(rgb_HW3))
    return names, maps_Mhw[:, _HALO:-_HALO, _HALO:-_HALO].copy()
