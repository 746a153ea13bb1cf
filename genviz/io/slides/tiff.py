"""TIFF slides (plain, OME, SVS; with or without pyramid), decoded region by region.

Shapes: H, W rows and columns; C samples a pixel (1 grey, 3 RGB, 4 RGBA).
"""

from __future__ import annotations

import re
import warnings
from functools import partial
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tifffile
import zarr

from genviz._errors import FileFormatError
from genviz.io.files.opening import reading
from genviz.io.slides.blocks import RecentBlocks
from genviz.io.slides.levels import WHITE, Level, Levels, Pixels
from genviz.io.slides.zarr_store import ZarrLevel, as_rgb, check_pixels

# A tile or strip is decoded whole; above this size, reading by region would not bound memory.
MAX_SEGMENT_BYTES = 1 << 27


def open_tiff(path: Path) -> Levels:
    """Open a TIFF file and all resolutions of its first image; pixels are not read here.

    Raises
    ------
    FileFormatError
        When the file is cut or damaged, is not 8-bit RGB, or keeps the whole image in one segment.
    """
    with reading(path, "a TIFF image"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tifffile reports vendor tags it does not know
        file = tifffile.TiffFile(path)
        try:
            series = file.series[0]
            _check_complete(file, series, path)
            lock = Lock()
            levels = [_level(level, path, lock) for level in series.levels]
            mpp = _mpp(file, series)
            if all(_is_mapped(level) for level in series.levels):
                file.close()  # a map has a handle of its own
        except BaseException:
            file.close()  # else open for as long as the levels are in use
            raise
    # Pyramids of some scanners append a label or macro of another shape; keep the true reductions.
    full = levels[0]
    keep = [
        level for level in levels if abs(full.width / level.width / (full.height / level.height) - 1) < 0.02
    ]
    return Levels(keep, [full.width / level.width for level in keep], mpp)


_LEFT_OUT = np.empty((0, 0, 3), np.uint8)  # a segment that the file does not hold: the region stays white


class TiffLevel:
    """One resolution of a TIFF page, its tiles or strips decoded as regions ask for them.

    Segments are decoded here rather than through tifffile's zarr store, whose reads all pass one event loop:
    with four threads that is four times slower on JPEG tiles, and the pixels are the same.
    """

    def __init__(self, page: tifffile.TiffPage, lock: Lock) -> None:
        self.page, self.lock = page, lock
        self.height, self.width = page.imagelength, page.imagewidth
        self._recent = RecentBlocks()
        self._across = -(-self.width // page.chunks[1])
        self._decode_arguments = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        _ = page.decode  # tifffile makes the decoder on first use, which two threads should not do at once

    def read(self, x: int, y: int, w: int, h: int) -> Pixels:
        """Pixels (h, w, 3) of a region inside the level; segments that the file leaves out are white."""
        rows, columns = self.page.chunks[:2]
        region_HWC = np.full((h, w, self.page.samplesperpixel), WHITE, np.uint8)
        for i in range(y // rows, -(-(y + h) // rows)):
            for j in range(x // columns, -(-(x + w) // columns)):
                index = i * self._across + j
                segment_HWC = self._recent.get(index, partial(self._segment, index))
                if not segment_HWC.size:
                    continue
                top, left = i * rows, j * columns
                y0, y1 = max(y, top), min(y + h, top + segment_HWC.shape[0])
                x0, x1 = max(x, left), min(x + w, left + segment_HWC.shape[1])
                region_HWC[y0 - y : y1 - y, x0 - x : x1 - x] = segment_HWC[
                    y0 - top : y1 - top, x0 - left : x1 - left
                ]
        return as_rgb(region_HWC)

    def _segment(self, index: int) -> np.ndarray:
        size = self.page.databytecounts[index]
        if not size:
            return _LEFT_OUT
        handle = self.page.parent.filehandle
        with self.lock:
            handle.seek(self.page.dataoffsets[index])
            data = handle.read(size)
        if len(data) != size:
            raise OSError(f"segment {index} ends after {len(data)} of {size} bytes")
        decoded = self.page.decode(data, index, **self._decode_arguments)[0]
        return _LEFT_OUT if decoded is None else np.asarray(decoded[0])


def _level(series: tifffile.TiffPageSeries, path: Path, lock: Lock) -> Level:
    axes = series.axes.replace("C", "S") if "S" not in series.axes else series.axes
    check_pixels(series.shape, series.dtype, axes, path)
    page = series.keyframe
    if _is_mapped(series):
        return ZarrLevel(np.memmap(path, series.dtype, "r", series.dataoffset, series.shape), axes)
    if prod(page.chunks) > MAX_SEGMENT_BYTES:
        raise FileFormatError(
            f"Expected tiles or strips in {path}; it keeps {page.chunks} pixels in one compressed segment, "
            "which cannot be read by region. Save it as a tiled TIFF, for example with tifffile or vips."
        )
    if len(series.pages) == 1 and axes in {"YX", "YXS"}:
        return TiffLevel(page, lock)
    # Colour channels in planes of their own. Tiles that are left out over empty glass are white.
    return ZarrLevel(zarr.open_array(series.aszarr(level=0, fillvalue=WHITE), mode="r"), axes)


def _is_mapped(series: tifffile.TiffPageSeries) -> bool:
    """Whether the file itself is the array: uncompressed and contiguous."""
    return series.dataoffset is not None and not series.keyframe.is_tiled


def _check_complete(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path) -> None:
    """Every tile must lie inside the file: a copy that was cut is refused now, not at its first lost tile."""
    size = file.filehandle.size
    for level in series.levels:
        for page in level.pages:
            if page is None:
                raise FileFormatError(
                    f"Expected a complete TIFF image in {path}; a page is missing. Copy the file again."
                )
            offsets, lengths = np.asarray(page.dataoffsets), np.asarray(page.databytecounts)
            if len(offsets) and int((offsets + lengths).max()) > size:
                raise FileFormatError(
                    f"Expected a complete TIFF image in {path}; the file ends at byte {size}, its last tile "
                    "at "
                    f"{int((offsets + lengths).max())}. Copy the file again."
                )


def _mpp(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> float | None:
    """Resolution from Aperio or OME metadata.

    Plain TIFF resolution tags mean print size and are not trusted.
    """
    if file.is_svs and (found := re.search(r"MPP\s*=\s*([\d.]+)", series.keyframe.description)):
        return float(found.group(1))
    if file.is_ome and file.ome_metadata:
        return _ome_mpp(tifffile.xml2dict(file.ome_metadata))
    return None


def _ome_mpp(tree: dict[str, Any]) -> float | None:
    image = tree.get("OME", {}).get("Image")
    first = image[0] if isinstance(image, list) and image else image
    if not isinstance(first, dict):
        return None
    pixels = first.get("Pixels", {})
    unit = {"µm": 1.0, "nm": 1e-3, "mm": 1e3}.get(pixels.get("PhysicalSizeXUnit", "µm"))
    size = pixels.get("PhysicalSizeX")
    return float(size) * unit if size and unit else None
