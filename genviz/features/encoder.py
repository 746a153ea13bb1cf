"""What every encoder of tissue offers, so that `pp.embed` and the models need not know which one it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genviz.features.stain import Normaliser

Read = Callable[[int, int, int, int], NDArray[np.uint8]]
"""``read(x, y, w, h)``: uint8 (h, w, 3) of a slide in its own pixels, white outside."""

RINGS = ("mean", "each", None)
RING_STEPS = np.array([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy], float)
"""Where the eight places of a ring are, (8, 2), in pitches."""


class Encoder(Protocol):
    """Turns the tissue around positions of a slide into numbers, row by row on its own."""

    @property
    def name(self) -> str:
        """Features are kept in ``obsm["X_<name>"]``."""
        ...

    @property
    def windows_um(self) -> tuple[float, ...]:
        """Sides of the squares of tissue around a centre that its own features are of; for the record."""
        ...

    def recipe(self) -> dict[str, Any]:
        """JSON values that decide the features besides the slide: name, version, weights, mpp, ring."""
        ...

    def encode(
        self,
        read: Read,
        xy_px: NDArray[np.float64],
        *,
        mpp: float,
        normaliser: Normaliser,
        n_workers: int = 1,
        on_rows: Callable[[int], object] = ...,
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Feature names (d) and features float32 (n, d) of centres (x, y) on a slide of `mpp` um/px."""
        ...

    def encode_tiles(
        self, tiles_NHW3: NDArray[np.uint8], *, mpp: float, normaliser: Normaliser
    ) -> tuple[list[str], NDArray[np.float32]]:
        """The same for loose tiles, which have no surroundings: no ring."""
        ...
