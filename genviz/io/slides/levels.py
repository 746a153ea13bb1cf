"""What a format gives of a slide: its resolutions, each read by region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

WHITE = 255


class Level(Protocol):
    """One resolution of a slide; `read` is only asked for regions inside it."""

    height: int
    width: int

    def read(self, x: int, y: int, w: int, h: int) -> Pixels:
        """Pixels (h, w, 3) of a region inside the level."""
        ...


class Levels(NamedTuple):
    """All resolutions of a file; fields as in `Slide`."""

    levels: Sequence[Level]
    downsamples: Sequence[float] = (1.0,)
    mpp: float | None = None
