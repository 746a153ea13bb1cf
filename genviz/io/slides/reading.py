"""Open slides, and find the slide of a section."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from genviz._errors import DataError, FileFormatError, MissingKeyError, UsageError
from genviz._keys import Uns
from genviz._settings import settings
from genviz.io.files.opening import AnyPath, file_sha256
from genviz.io.library import entry_of, libraries
from genviz.io.slides.base import Slide
from genviz.io.slides.decode import open_decoded
from genviz.io.slides.tiff import open_tiff
from genviz.io.slides.wsi import SUFFIXES, open_wsi
from genviz.io.slides.zarr_store import open_zarr

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["Slide", "open_slide", "slide_of"]

_OPEN_AT_ONCE = 16
_VERIFY_BYTES = 1 << 28  # above this, hashing costs more than it is worth at every look-up
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

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
            _open[key] = _open_by_kind(file)
            while len(_open) > _OPEN_AT_ONCE:
                _open.popitem(last=False)
        _open.move_to_end(key)
        return _open[key]


def _open_by_kind(file: Path) -> Slide:
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


def slide_of(adata: AnnData, library: str | None = None) -> Slide:
    """Find and open the full-resolution image of a section.

    Reads ``uns["spatial"][library]["metadata"]``. The recorded path is tried as it is, relative to
    the h5ad file where AnnData knows it, relative to the working folder, and by its last parts
    under ``$GENVIZ_DATA``. The file must have the recorded SHA-256 (not computed above 256 MB).

    Parameters
    ----------
    adata
        Rows of the section.
    library
        Section; may be left out when there is one.

    Raises
    ------
    MissingKeyError
        When no image was recorded.
    DataError
        When the image is nowhere, or another image lies in its place.
    """
    if library is None:
        known = libraries(adata)
        if len(known) != 1:
            raise UsageError(f"Expected library= to name one of {len(known)} sections; it was left out.")
        library = known[0]
    metadata = entry_of(adata, library).get(Uns.METADATA, {})
    recorded = metadata.get(Uns.SOURCE_IMAGE)
    if not recorded:
        raise MissingKeyError(
            f"Expected the path of the image of section {library!r} in its metadata; it has none. Read the "
            "section with "
            "image=, or take coarse tiles from the stored overview with gv.tiles(adata, source='hires')."
        )
    sha256 = metadata.get(Uns.SOURCE_SHA256)
    wrong = []
    for place in _places(str(recorded), adata):
        if place.exists():
            if _same(place, sha256):
                return open_slide(place)
            wrong.append(place)
    if wrong:
        raise DataError(
            f"Expected the image that section {library!r} was measured on (sha256 {str(sha256)[:12]}...); "
            "the file at "
            f"{wrong[0]} has other bytes. Put the original there, or read the section again with image=."
        )
    raise DataError(
        f"Expected the image of section {library!r} at {recorded}; it is not there, nor beside the h5ad, nor "
        "under "
        f"GENVIZ_DATA ({settings.data_dir or 'not set'}). Set GENVIZ_DATA, or read the section again with "
        "image=, or "
        "take coarse tiles from the stored overview with gv.tiles(adata, source='hires')."
    )


def _places(recorded: str, adata: AnnData) -> list[Path]:
    path = Path(recorded)
    places = [path]
    if adata.filename is not None:
        places.append(Path(adata.filename).parent / path)
    if settings.data_dir is not None:
        parts = [part for part in path.parts if part not in {path.anchor, "..", "."}]
        places += [settings.data_dir.joinpath(*parts[i:]) for i in range(len(parts))]
    return places


def _same(place: Path, sha256: str | None) -> bool:
    if not sha256:
        return True
    size = (
        sum(p.stat().st_size for p in place.rglob("*") if p.is_file())
        if place.is_dir()
        else place.stat().st_size
    )
    return size > _VERIFY_BYTES or file_sha256(place) == sha256
