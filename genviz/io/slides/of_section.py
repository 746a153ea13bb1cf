"""The slide of a section, wherever it lies now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Uns
from genviz._settings import settings
from genviz.core.arguments import check_adata
from genviz.io.files.opening import file_sha256
from genviz.io.library import entry_of, libraries
from genviz.io.slides.slide import Slide, open_slide

if TYPE_CHECKING:
    from anndata import AnnData

_VERIFY_BYTES = 1 << 28  # above this, hashing costs more than it is worth at every look-up


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
    check_adata(adata)
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
