"""Open slides: pixels of one section, read region by region.

Shapes: H, W rows and columns of a region; 3 or C the colour channels (RGB).
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from genviz._errors import FileFormatError, UsageError
from genviz._settings import settings
from genviz.core.resample import area_matrix, resample
from genviz.io.files.opening import AnyPath, file_sha256, reading
from genviz.io.slides.decode import open_decoded
from genviz.io.slides.levels import WHITE, Level, Levels, Pixels
from genviz.io.slides.tiff import open_tiff
from genviz.io.slides.wsi import SUFFIXES, open_wsi
from genviz.io.slides.zarr_store import open_zarr

_STRIPE_BYTES = 1 << 25  # full-width source pixels held at once while an overview is made
_OPEN_AT_ONCE = 16
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass
class Slide:
    """Random access to the pixels of one section, in bounded memory.

    Attributes
    ----------
    path
        Source file.
    levels
        Resolutions, finest first; level 0 is the frame of ``obsm["spatial"]``.
    downsamples
        Full-resolution pixels per pixel of each level; the first is 1.
    mpp
        Micrometres per pixel as the file says, where it says so; spot arrays know better.
    """

    path: Path
    levels: Sequence[Level]
    downsamples: Sequence[float] = (1.0,)
    mpp: float | None = None
    _overview: tuple[int, Pixels, float] | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def width(self) -> int:
        """Columns at full resolution."""
        return self.levels[0].width

    @property
    def height(self) -> int:
        """Rows at full resolution."""
        return self.levels[0].height

    @property
    def sha256(self) -> str:
        """SHA-256 of the source file, computed on first use."""
        return file_sha256(self.path)

    def read(self, x: int, y: int, w: int, h: int, level: int = 0) -> Pixels:
        """Cut a region; what lies outside the slide is white.

        Parameters
        ----------
        x, y
            Top left corner (column, row) in pixels of the level; may be negative.
        w, h
            Size in pixels.
        level
            Resolution to read, 0 the finest.

        Returns
        -------
        uint8 (h, w, 3), the caller's own.

        Raises
        ------
        FileFormatError
            When the pixels asked for are damaged.
        """
        if w < 0 or h < 0:
            raise UsageError(f"Expected a region of positive size; got {w} x {h} pixels.")
        source = self.levels[level]
        x0, x1 = max(x, 0), min(x + w, source.width)
        y0, y1 = max(y, 0), min(y + h, source.height)
        rgb_HW3 = np.full((h, w, 3), WHITE, dtype=np.uint8)
        if x0 < x1 and y0 < y1:
            with reading(self.path, "the pixels of a slide"):
                rgb_HW3[y0 - y : y1 - y, x0 - x : x1 - x] = source.read(x0, y0, x1 - x0, y1 - y0)
        return rgb_HW3

    def thumbnail(self, max_px: int) -> tuple[Pixels, float]:
        """Overview by area averaging, from the coarsest level that is fine enough, stripe by stripe.

        Parameters
        ----------
        max_px
            Longest side of the result; a smaller slide is returned as it is.

        Returns
        -------
        rgb
            uint8 (h, w, 3).
        scale
            Overview pixels per full-resolution pixel (squidpy's ``tissue_hires_scalef``).
        """
        if max_px < 1:
            raise UsageError(f"Expected max_px of at least 1 pixel; got {max_px}.")
        with self._lock:
            if self._overview is None or self._overview[0] != max_px:
                self._overview = (max_px, *self._make_overview(max_px))
            return self._overview[1].copy(), self._overview[2]

    def _make_overview(self, max_px: int) -> tuple[Pixels, float]:
        fine_enough = [i for i, level in enumerate(self.levels) if max(level.width, level.height) >= max_px]
        index = fine_enough[-1] if fine_enough else 0
        level = self.levels[index]
        shrink = max(1.0, max(level.width, level.height) / max_px)
        width, height = (
            max(1, round(n / self.downsamples[index] / shrink)) for n in (self.width, self.height)
        )
        # A level may end in a partly filled pixel; the overview covers exactly the slide.
        across = area_matrix(level.width, width, min(level.width, self.width / self.downsamples[index]))
        down = area_matrix(level.height, height, min(level.height, self.height / self.downsamples[index]))
        rows_at_once = max(1, int(_STRIPE_BYTES / (level.width * 3 * shrink)))
        rgb_HW3 = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, rows_at_once):
            block = down[top : top + rows_at_once]
            first, last = int(block.indices.min()), int(block.indices.max()) + 1
            stripe = self.read(0, first, level.width, last - first, index)
            rgb_HW3[top : top + rows_at_once] = resample(stripe, block[:, first:last], across)
        return rgb_HW3, width / self.width

    def __reduce__(self) -> tuple[object, tuple[str]]:
        # Open handles do not travel to other processes; the path does.
        return open_slide, (str(self.path),)


class _ArrayLevel:
    """A level that is an array in memory."""

    def __init__(self, rgb_HW3: Pixels) -> None:
        self.rgb_HW3 = rgb_HW3
        self.height, self.width = rgb_HW3.shape[:2]

    def read(self, x: int, y: int, w: int, h: int) -> Pixels:
        return self.rgb_HW3[y : y + h, x : x + w]


class MemorySlide(Slide):
    """A slide whose pixels are an array in memory, such as a stored overview or a synthetic section.

    Parameters
    ----------
    rgb_HW3
        uint8 (H, W, 3).
    """

    def __init__(self, rgb_HW3: Pixels) -> None:
        super().__init__(Path("(in memory)"), [_ArrayLevel(rgb_HW3)])

    @property
    def sha256(self) -> str:
        """SHA-256 of shape and pixels."""
        rgb_HW3 = self.read(0, 0, self.width, self.height)
        return hashlib.sha256(f"{self.height}x{self.width}".encode() + rgb_HW3.tobytes()).hexdigest()

    def __reduce__(self) -> tuple[object, tuple[Pixels]]:  # type: ignore[override]
        return MemorySlide, (self.read(0, 0, self.width, self.height),)


_open: OrderedDict[tuple[object, ...], Slide] = OrderedDict()
_open_lock = Lock()


def open_slide(path: AnyPath) -> Slide:
    """Open an image of a section for reading by region; each file is opened once per process.

    JPEG and PNG are decoded once into the cache. TIFF, OME-TIFF and SVS are read tile by tile, at
    all their resolutions. Zarr arrays and OME-NGFF groups are read as they are. NDPI, MRXS and
    other vendor formats need the extra ``wsi``.

    Parameters
    ----------
    path
        File or zarr folder.

    Raises
    ------
    UsageError
        When nothing is there.
    FileFormatError
        When it is damaged or no image.
    MissingDependencyError
        For vendor formats without OpenSlide.
    """
    file = Path(os.fspath(path)).expanduser()
    if not file.exists():
        raise UsageError(f"Expected an image of the section at {file}; nothing is there. Check the path.")
    file = file.resolve()
    status = file.stat()
    # A handle must not be shared with a forked child, whose seeks would move the parent's.
    key = (os.getpid(), file, status.st_mtime_ns, status.st_size, settings.cache_dir)
    with _open_lock:
        if key not in _open:
            _open[key] = Slide(file, *_levels_of(file))
            while len(_open) > _OPEN_AT_ONCE:
                _open.popitem(last=False)
        _open.move_to_end(key)
        return _open[key]


def _levels_of(file: Path) -> Levels:
    if file.is_dir():
        return open_zarr(file)
    if file.suffix.lower() in SUFFIXES:
        return open_wsi(file)
    with file.open("rb") as handle:
        start = handle.read(8)
    if start.startswith(b"\xff\xd8") or start == b"\x89PNG\r\n\x1a\n":
        return open_decoded(file)
    if start.startswith(_TIFF_STARTS):
        return open_tiff(file)
    raise FileFormatError(
        f"Expected a JPEG, PNG, TIFF or zarr image in {file}; it begins with {start!r}. "
        "Export the image in one of these, or copy the file again if it should be one."
    )
