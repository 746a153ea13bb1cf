"""Pixels of one image, or of one mask, from a file: whole, strict, and in one form.

Shapes: H, W rows and columns; C channels as stored; 3 RGB.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from genviz._errors import DataError, FileFormatError
from genviz.io.files.opening import reading
from genviz.io.slides.strict_decoding import StrictJpeg, StrictPng

log = logging.getLogger("genviz")

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".npy"})
_PLAIN_MODES = frozenset({"1", "L", "LA", "RGB", "RGBA", "I", "I;16", "I;16B", "I;16L", "F"})


def read_pixels(path: Path, what: str, *, palette: bool = False) -> NDArray[Any]:
    """Pixels of an image file as they are stored.

    Parameters
    ----------
    path
        PNG, JPEG, TIFF, BMP, or one array in ``.npy``.
    what
        What it should be, for the message ("an image", "a mask").
    palette
        Whether the entries of a palette are wanted (they number the instances of a mask), not its colours.

    Returns
    -------
    (H, W) or (H, W, C), of any numeric type.

    Raises
    ------
    FileFormatError
        When the file is truncated, damaged or of another kind.
    """
    with reading(path, what):
        if path.suffix.lower() == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        if path.suffix.lower() in (".tif", ".tiff"):
            return np.asarray(tifffile.imread(path))
        with path.open("rb") as handle:
            return decode_pixels(handle, str(path), palette=palette)


def decode_pixels(handle: BinaryIO, where: str, *, palette: bool = False) -> NDArray[Any]:
    """Pixels of a PNG, JPEG or BMP from an open file, as `read_pixels`; whoever opened it explains damage.

    Parameters
    ----------
    handle
        At its beginning.
    where
        The file, for messages.
    palette
        As for `read_pixels`.
    """
    return _decoded(_opened(handle), where, palette)


def _opened(handle: BinaryIO) -> Any:
    start = handle.read(8)
    handle.seek(0)
    if start == b"\x89PNG\r\n\x1a\n":
        return StrictPng(handle)
    if start[:2] == b"\xff\xd8":
        return StrictJpeg(handle)
    return Image.open(handle, formats=["BMP"])


def _decoded(image: Any, where: str, palette: bool) -> NDArray[Any]:
    image.load()
    if image.mode in ("P", "PA") and not palette:
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode not in (*_PLAIN_MODES, "P"):
        raise FileFormatError(
            f"Expected grey or RGB pixels in {where}; it is {image.mode}. Convert it to RGB."
        )
    return np.asarray(image)


def as_rgb(pixels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """8-bit RGB of pixels as stored.

    Grey becomes three equal channels. Of 16 bits the high byte is kept (value // 256). An opaque alpha channel is
    dropped.

    Parameters
    ----------
    pixels
        (H, W) or (H, W, C) with C of 1 (grey), 2 (grey, alpha), 3 or 4 (with alpha).
    where
        The file, for messages.

    Returns
    -------
    uint8 (H, W, 3).

    Raises
    ------
    DataError
        For transparent pixels, other channels, or values that are not of 8 or 16 bits.
    """
    bits = _eight_bits(_without_alpha(pixels, where), where)
    if bits.ndim == 3 and bits.shape[2] == 3:
        return np.ascontiguousarray(bits)
    plane = bits if bits.ndim == 2 else bits[..., 0]
    return np.repeat(plane[..., None], 3, axis=2)


def _eight_bits(pixels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    # Pillow's "I" is 32 bits wide, also where a PNG stores 16.
    if pixels.dtype.kind in "iu" and (not pixels.size or (pixels.min() >= 0 and pixels.max() <= 65535)):
        if pixels.size and 0 < pixels.max() < 256:
            log.warning(
                "%s is black at 8 bits: its largest value is %d of 65535. If its values are of 8 bits, store them as "
                "uint8.", where, int(pixels.max()),
            )  # fmt: skip
        return (pixels >> 8).astype(np.uint8)
    raise DataError(
        f"Expected an 8- or 16-bit image in {where}; got {pixels.dtype} values"
        f"{f' from {pixels.min():g} to {pixels.max():g}' if pixels.size else ''}. Convert it to 8 bits."
    )


def _without_alpha(pixels: NDArray[Any], where: str) -> NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4):
        raise DataError(
            f"Expected (height, width) or (height, width, 1 to 4 channels) in {where}; got {pixels.shape}."
        )
    if pixels.shape[2] in (1, 3):
        return pixels
    opaque = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    if (pixels[..., -1] != opaque).any():
        raise DataError(
            f"Expected an opaque image in {where}; its alpha channel has transparent pixels, whose colour is "
            "not defined. Flatten it onto a background first."
        )
    return pixels[..., :-1]


def as_labels(pixels: NDArray[Any], where: str) -> NDArray[Any]:
    """Labels of a mask as stored: whole numbers from 0, in one plane.

    Parameters
    ----------
    pixels
        (H, W), or (H, W, C) with equal channels (a grey mask saved as RGB).
    where
        The file, for messages.

    Returns
    -------
    Integers (H, W), not negative.

    Raises
    ------
    DataError
        For colours, fractions, negative or not finite values.
    """
    plane = _without_alpha(pixels, where)
    if plane.ndim == 3:
        if (plane != plane[..., :1]).any():
            raise DataError(
                f"Expected one label a pixel in {where}; it is a colour picture. Save integer labels, or a "
                "binary mask."
            )
        plane = plane[..., 0]
    if plane.dtype == bool:
        return plane.astype(np.uint8)
    if plane.dtype.kind not in "iuf":
        raise DataError(f"Expected whole numbers in the mask {where}; got {plane.dtype}.")
    if plane.dtype.kind == "f":
        if not (np.isfinite(plane).all() and (plane == np.floor(plane)).all()):
            raise DataError(
                f"Expected whole numbers in the mask {where}; it holds fractions, NaN or infinity. Store "
                "instance labels, or threshold the map first."
            )
        plane = plane.astype(np.int64)
    if plane.size and plane.min() < 0:
        raise DataError(f"Expected labels from 0 in the mask {where}; got {plane.min()}. 0 is background.")
    return plane
