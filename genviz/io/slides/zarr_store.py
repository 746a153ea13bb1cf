"""Slides whose pixels are zarr arrays, and the level that reads any zarr-like array.

Shapes: H, W rows and columns; C channels; 3 RGB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from genviz._errors import FileFormatError
from genviz.io.files.opening import reading
from genviz.io.slides.blocks import ChunkedArray
from genviz.io.slides.levels import WHITE, Levels, Pixels

_AXES = {"YX", "YXS", "SYX"}


class ZarrLevel:
    """One resolution held by an array with axes YX (grey), YXS or SYX (S = 3 or 4 colour channels)."""

    def __init__(self, array: Any, axes: str = "YXS") -> None:
        self.axes, self._blocks = axes, ChunkedArray(array)
        self.height, self.width = array.shape[axes.index("Y")], array.shape[axes.index("X")]

    def read(self, x: int, y: int, w: int, h: int) -> Pixels:
        """Pixels (h, w, 3) of a region inside the level; transparency is laid over white."""
        colours = self._blocks.array.shape[self.axes.index("S")] if "S" in self.axes else 0
        window = {"Y": slice(y, y + h), "X": slice(x, x + w), "S": slice(0, colours)}
        region = self._blocks.read(tuple(window[axis] for axis in self.axes))
        if self.axes == "YX":
            region = region[:, :, None]
        elif self.axes == "SYX":
            region = np.moveaxis(region, 0, 2)
        return as_rgb(region)


def as_rgb(pixels_HWC: np.ndarray) -> Pixels:
    """Colour pixels of grey (C = 1), RGB or RGBA ones; transparency is laid over white."""
    if pixels_HWC.shape[2] == 1:
        return np.repeat(pixels_HWC, 3, axis=2)
    return over_white(pixels_HWC) if pixels_HWC.shape[2] == 4 else np.ascontiguousarray(pixels_HWC)


def over_white(rgba_HW4: np.ndarray) -> Pixels:
    """Lay pixels with transparency over white glass."""
    alpha = rgba_HW4[..., 3:].astype(np.float32) / 255
    blended: Pixels = np.rint(rgba_HW4[..., :3] * alpha + WHITE * (1 - alpha)).astype(np.uint8)
    return blended


def check_pixels(shape: tuple[int, ...], dtype: Any, axes: str, path: Path) -> None:
    """Refuse arrays that are not 8-bit grey, RGB or RGBA.

    Raises
    ------
    FileFormatError
        Naming shape, axes and type.
    """
    colours = shape[axes.index("S")] if "S" in axes else 1
    if axes not in _AXES or colours not in {1, 3, 4} or np.dtype(dtype) != np.uint8:
        raise FileFormatError(
            f"Expected an 8-bit RGB image in {path}; got axes {axes}, shape {shape}, type {np.dtype(dtype)}. "
            "Export it as 8-bit RGB."
        )


def open_zarr(path: Path) -> Levels:
    """Open a zarr array (H, W, 3) or (3, H, W), or a group of resolutions (OME-NGFF, or named 0, 1, ...).

    Raises
    ------
    FileFormatError
        When there is no such array.
    """
    with reading(path, "a zarr array or group"):
        node = zarr.open(path, mode="r")
        arrays = [node] if isinstance(node, zarr.Array) else [node[name] for name in _resolutions(node)]
    if not arrays or not all(isinstance(array, zarr.Array) for array in arrays):
        raise FileFormatError(
            f"Expected image resolutions in the zarr group {path}; found none named 0, 1, ... Point to the "
            "image."
        )
    levels = []
    for array in (array for array in arrays if isinstance(array, zarr.Array)):
        axes = _guess_axes(array.shape)
        check_pixels(array.shape, array.dtype, axes, path)
        levels.append(ZarrLevel(array, axes))
    return Levels(levels, [levels[0].width / level.width for level in levels])


def _resolutions(group: Any) -> list[str]:
    attributes = dict(group.attrs)
    scales = attributes.get("multiscales") or attributes.get("ome", {}).get("multiscales")
    if scales:
        return [dataset["path"] for dataset in scales[0]["datasets"]]
    return sorted((name for name in group if name.isdigit()), key=int)


def _guess_axes(shape: tuple[int, ...]) -> str:
    if len(shape) == 3:
        return "YXS" if shape[2] in {3, 4} else "SYX"
    return "YX"
