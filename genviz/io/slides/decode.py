"""JPEG and PNG slides: decoded once into a tiled zarr in the cache, then read by region.

The cache entry is named by the file's SHA-256, so a moved or renamed slide is found again and a
changed one is not. One process decodes under a file lock, the others wait; the entry appears
under its name only when it is complete.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from filelock import FileLock
from PIL import Image
from zarr.codecs import BloscCodec

from genviz._errors import FileFormatError, GenvizError
from genviz._settings import settings
from genviz.io.files.opening import file_sha256, reading
from genviz.io.slides.jpeg_check import check_jpeg_stream, check_jpeg_tail
from genviz.io.slides.levels import Levels, Pixels
from genviz.io.slides.strict_decoding import StrictJpeg, StrictPng
from genviz.io.slides.zarr_store import ZarrLevel

logger = logging.getLogger("genviz")

CHUNK = 512
OVERVIEW = 8  # the second level is the average of 8 x 8 blocks
_LAYOUT = "v1"
_ORIENTATION = 0x0112


class DecodedLevel:
    """A level of a decoded slide; the file is decoded when the first pixel is asked for."""

    def __init__(self, path: Path, name: str, width: int, height: int) -> None:
        self.path, self.name, self.width, self.height = path, name, width, height
        self._level: ZarrLevel | None = None

    def read(self, x: int, y: int, w: int, h: int) -> Pixels:
        """Pixels (h, w, 3) of a region inside the level."""
        if self._level is None:
            self._level = ZarrLevel(zarr.open_array(decoded(self.path) / self.name, mode="r"))
        return self._level.read(x, y, w, h)


def open_decoded(path: Path) -> Levels:
    """Open a JPEG or PNG file as a slide; only its header is read here.

    Raises
    ------
    FileFormatError
        When the header is damaged.
    """
    with reading(path, "a JPEG or PNG image"), _plain_open(path) as image:
        width, height = image.size
        if (turn := image.getexif().get(_ORIENTATION, 1)) != 1:
            logger.warning(
                "%s asks viewers to turn it (EXIF orientation %s); pixels are used as stored.",
                path.name,
                turn,
            )
    levels = (
        DecodedLevel(path, "0", width, height),
        DecodedLevel(path, "1", -(-width // OVERVIEW), -(-height // OVERVIEW)),
    )
    return Levels(levels, (1.0, float(OVERVIEW)))


def _plain_open(path: Path) -> Any:
    # The plugin class itself, because Image.open refuses slides as "decompression bombs" by a
    # process-wide limit that is not ours to change.
    with path.open("rb") as handle:
        is_jpeg = handle.read(2) == b"\xff\xd8"
    return StrictJpeg(path) if is_jpeg else StrictPng(path)


def decoded(path: Path) -> Path:
    """Folder of the tiled zarr of an image file, made now if the cache has none.

    Raises
    ------
    FileFormatError
        When the image is truncated or damaged; nothing is left in the cache then.
    GenvizError
        When the cache folder cannot be written.
    """
    home = settings.cache_dir / "slides"
    sha256 = file_sha256(path)
    entry = home / f"{sha256}.{_LAYOUT}.zarr"
    if entry.exists():
        return entry
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{sha256}.lock"):
            if not entry.exists():
                _fill(path, entry)
    except FileFormatError:
        raise
    except OSError as err:
        raise GenvizError(
            f"Expected to keep the decoded slide {path.name} in {home}; {err.strerror or err}. "
            "Free space there, or set GENVIZ_CACHE to a folder that can be written."
        ) from err
    return entry


def _fill(path: Path, entry: Path) -> None:
    """Decode under a working name, then give the folder its name; called under the lock."""
    working = entry.with_suffix(".partial")
    shutil.rmtree(working, ignore_errors=True)  # left by a process that was killed
    try:
        image = decode(path)
        working.mkdir()
        _store(working / "0", image)
        _store(working / "1", image.reduce(OVERVIEW))
        working.replace(entry)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def decode(path: Path) -> Image.Image:
    """Decode a whole JPEG or PNG file to RGB, refusing what is cut or damaged.

    Transparent pixels become white.

    Raises
    ------
    FileFormatError
        Saying what is wrong with the file.
    """
    with reading(path, "a complete JPEG or PNG image"), _plain_open(path) as image:
        if isinstance(image, StrictJpeg):
            try:
                check_jpeg_stream(path.read_bytes())
                image.load()
                check_jpeg_tail(image)
            except FileFormatError as err:
                raise FileFormatError(
                    f"Expected a complete JPEG image in {path}; {err}. Copy the file again."
                ) from err
        else:
            with _plain_open(path) as twin:
                twin.verify()  # checksums of all chunks; the object is spent afterwards
            image.load()
    return _as_rgb(image, path)


def _as_rgb(image: Image.Image, path: Path) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        raise FileFormatError(
            f"Expected 8 bits per channel in {path}; the image has mode {image.mode}. Export it as 8-bit RGB."
        )
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _store(folder: Path, image: Image.Image) -> None:
    """Write an image as a zarr array (H, W, 3), one row of chunks at a time."""
    width, height = image.size
    array = zarr.create_array(
        folder,
        shape=(height, width, 3),
        chunks=(CHUNK, CHUNK, 3),
        dtype="uint8",
        # Byte shuffling is for wider numbers; on 8-bit pixels it only costs time.
        compressors=BloscCodec(cname="lz4", clevel=3, shuffle="noshuffle"),
    )
    for top in range(0, height, CHUNK):
        bottom = min(top + CHUNK, height)
        array[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
