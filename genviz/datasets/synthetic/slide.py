"""The phantom's slides as files: tiled OME-TIFF in the cache, painted once, marked as synthetic."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from filelock import FileLock
from numpy.typing import NDArray

from genviz._errors import FileFormatError
from genviz._settings import settings
from genviz.core.keyed import row_generator
from genviz.datasets.synthetic.image import Painter
from genviz.io.files.atomic import atomic_path
from genviz.io.files.output import explained
from genviz.io.slides.slide import Slide, open_slide

MARK = "synthetic: genviz phantom"
PAINT_VERSION = 1  # raise when pixels change, or old files of the cache would be taken for new ones
_TILE = 256
_SHRINK = 4  # of the overview level


@dataclass(frozen=True)
class SlideKey:
    """What decides every pixel of a slide."""

    kind: str
    section: str
    seed: int
    mpp: float
    width: int
    height: int
    version: int = PAINT_VERSION

    @property
    def digest(self) -> str:
        """Names the file in the cache."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def painted_slide(key: SlideKey, make_painter: Callable[[], Painter], folder: Path | None = None) -> Slide:
    """The slide of these parameters: from the folder if it is there and whole, else painted now.

    Parameters
    ----------
    key
        What decides the pixels.
    make_painter
        Makes what paints them; called when there is something to paint.
    folder
        Where the file lies; the cache by default. Two processes may ask at once: one paints.

    Raises
    ------
    GenvizError
        When the folder or the cache cannot be written.
    """
    cache = settings.cache_dir / "phantom"
    file = (cache if folder is None else folder) / f"phantom_{key.section}_{key.digest[:16]}.ome.tif"
    with explained(cache / file.name, advice="Set GENVIZ_CACHE to a folder that can be written."):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{key.digest}.lock"):
            if not _whole(file):
                _paint(key, make_painter(), file)
    return open_slide(file)


def _whole(file: Path) -> bool:
    """Whether the slide is there; one that something else has cut is painted again."""
    try:
        return file.is_file() and open_slide(file).width > 0
    except FileFormatError:
        return False


def _paint(key: SlideKey, painter: Painter, file: Path) -> None:
    small_hw3 = np.empty((key.height // _SHRINK, key.width // _SHRINK, 3), np.uint8)
    facts: dict[str, Any] = {
        "tile": (_TILE, _TILE),
        "photometric": "rgb",
        "compression": "jpeg",
        "compressionargs": {"level": 92},
        "maxworkers": 1,
    }
    with atomic_path(file) as working, tifffile.TiffWriter(working, ome=True) as tiff:
        tiff.write(
            _tiles(key, painter, small_hw3),
            shape=(key.height, key.width, 3),
            dtype=np.uint8,
            subifds=1,
            software=MARK,
            metadata=_ome(key),
            **facts,
        )
        tiff.write(small_hw3, subfiletype=1, software=MARK, **facts)


def _ome(key: SlideKey) -> dict[str, Any]:
    return {
        "axes": "YXS",
        "Name": f"{MARK}, section {key.section}",
        "Description": f"{MARK}; {json.dumps(asdict(key), sort_keys=True)}",
        "Creator": MARK,
        "UUID": f"urn:uuid:{uuid.UUID(key.digest[:32])}",  # equal parameters, equal file
        "PhysicalSizeX": key.mpp,
        "PhysicalSizeY": key.mpp,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeYUnit": "µm",
    }


def _tiles(key: SlideKey, painter: Painter, small_hw3: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Tiles in file order, a band of them painted at a time; fills the overview on the way."""
    for top in range(0, key.height, _TILE):
        rows = min(_TILE, key.height - top)
        camera = row_generator(key.seed, key.section, str(top), "camera")
        band_HW3 = painter.band(top, rows, camera)
        _reduce(band_HW3, small_hw3, top // _SHRINK)
        for left in range(0, key.width, _TILE):
            yield np.ascontiguousarray(band_HW3[:, left : left + _TILE])


def _reduce(band_HW3: NDArray[np.uint8], small_hw3: NDArray[np.uint8], first: int) -> None:
    h, w = min(len(band_HW3) // _SHRINK, len(small_hw3) - first), small_hw3.shape[1]
    blocks = band_HW3[: h * _SHRINK, : w * _SHRINK].reshape(h, _SHRINK, w, _SHRINK, 3)
    small_hw3[first : first + h] = np.round(blocks.mean(axis=(1, 3), dtype=np.float32))
