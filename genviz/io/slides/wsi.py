"""Vendor slide formats through OpenSlide (the extra ``wsi``).

Shapes: H, W rows and columns; 4 RGBA.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from genviz._lazy import require
from genviz.io.files.opening import reading
from genviz.io.slides.levels import Levels, Pixels
from genviz.io.slides.zarr_store import over_white

SUFFIXES = {".ndpi", ".mrxs", ".vms", ".vmu", ".scn", ".bif", ".svslide", ".dcm"}


class OpenSlideLevel:
    """One resolution of an OpenSlide handle."""

    def __init__(self, handle: Any, index: int) -> None:
        self.handle, self.index = handle, index
        self.width, self.height = handle.level_dimensions[index]
        self.downsample = float(handle.level_downsamples[index])

    def read(self, x: int, y: int, w: int, h: int) -> Pixels:
        """Pixels (h, w, 3) of a region inside the level."""
        # OpenSlide takes the corner in full-resolution pixels, whatever the level.
        corner = round(x * self.downsample), round(y * self.downsample)
        rgba_HW4 = np.asarray(self.handle.read_region(corner, self.index, (w, h)))
        return over_white(rgba_HW4)


def open_wsi(path: Path) -> Levels:
    """Open a vendor slide.

    Raises
    ------
    MissingDependencyError
        Without openslide; the message says which extra brings it.
    FileFormatError
        When OpenSlide cannot read the file.
    """
    openslide = require("openslide", extra="wsi", purpose=f"read {path.suffix} slides")
    with reading(path, "a slide that OpenSlide reads"):
        try:
            handle = openslide.OpenSlide(str(path))
        except openslide.OpenSlideError as err:
            raise OSError(str(err)) from err
        levels = [OpenSlideLevel(handle, i) for i in range(handle.level_count)]
        mpp = handle.properties.get("openslide.mpp-x")
    return Levels(levels, [level.downsample for level in levels], float(mpp) if mpp else None)
