"""Tiles in zip archives or folders as rows: names are listed at once, pixels are read when they are asked for."""

from __future__ import annotations

import itertools
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, FileFormatError
from genviz.io.files.opening import reading
from genviz.io.image_masks.pixels import SUFFIXES, as_rgb, decode_pixels
from genviz.io.image_masks.rows import ImageFile, PixelSource
from genviz.io.image_masks.stack import ImageStack

_HEADER = struct.Struct("<4s22xHH")  # of a member: signature, ..., lengths of its name and of its extra field
_SIGNATURE = b"PK\x03\x04"
_UNPACK: dict[int, Callable[[bytes], bytes]] = {
    zipfile.ZIP_STORED: lambda packed: packed,
    zipfile.ZIP_DEFLATED: lambda packed: zlib.decompress(packed, -zlib.MAX_WBITS),
}
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class ZipImage:
    """An image inside a zip archive, found by its place: the list of members is not read again for each.

    Attributes
    ----------
    archive, member
        File, and name in it.
    offset
        Where the member's header begins, bytes.
    packed
        Length of its packed bytes.
    method
        How it is packed: stored or deflated.
    crc
        CRC-32 of the unpacked bytes.
    """

    archive: str
    member: str
    offset: int
    packed: int
    method: int
    crc: int

    @property
    def where(self) -> str:
        """Archive and member."""
        return f"{self.archive}:{self.member}"

    def read(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3)."""
        with reading_zip(Path(self.archive), f"image {self.member} in a zip archive"):
            content = _UNPACK[self.method](self._packed_bytes())
            if zlib.crc32(content) != self.crc:
                raise FileFormatError(
                    f"Expected the bytes that {self.archive} lists for {self.member}; their CRC differs. Copy or "
                    "download the archive again."
                )
            return as_rgb(decode_pixels(BytesIO(content), self.where), self.where)

    def _packed_bytes(self) -> bytes:
        with Path(self.archive).open("rb") as handle:
            handle.seek(self.offset)
            signature, n_name, n_extra = _HEADER.unpack(handle.read(_HEADER.size))
            if signature != _SIGNATURE:
                raise zipfile.BadZipFile(f"no member begins at byte {self.offset}")
            handle.seek(n_name + n_extra, 1)
            return handle.read(self.packed)


def list_tiles(place: Path) -> list[tuple[str, PixelSource]]:
    """(name without suffix, source) of every image in a zip archive or under a folder, by name.

    Parameters
    ----------
    place
        Either.

    Raises
    ------
    FileFormatError
        When an archive is truncated or damaged, or packs in another way.
    DataError
        When there is none, or two have one name.
    """
    found = _in_folder(place) if place.is_dir() else _in_archive(place)
    if not found:
        raise DataError(f"Expected images in {place}; there are none. Unpack or download it again.")
    found.sort(key=lambda pair: pair[0])
    for (name, _), (after, _) in itertools.pairwise(found):
        if name == after:
            raise DataError(f"Expected each image once in {place}; {name} occurs twice. Remove one.")
    return found


def lazy_tiles(sources: Sequence[PixelSource], size_px: int) -> da.Array:
    """Tiles as a dask array, uint8 (n, size, size, 3), read some hundred at a time.

    Parameters
    ----------
    sources
        One a row.
    size_px
        Side that all have.
    """
    stack = _SquareTiles(tuple(sources), (size_px, size_px))
    rows = max(1, _BLOCK_BYTES // (size_px * size_px * 3))
    # A name of its own: naming it by content would hash every source.
    lazy: da.Array = da.from_array(stack, chunks=(rows, size_px, size_px, 3), name=False)
    return lazy


@contextmanager
def reading_zip(path: Path, what: str) -> Iterator[None]:
    """`opening.reading`, for what zipfile raises too.

    Parameters
    ----------
    path, what
        As there.
    """
    with reading(path, what):
        try:
            yield
        except zipfile.BadZipFile as err:
            raise ValueError(str(err)) from err


@dataclass(frozen=True)
class _SquareTiles(ImageStack):
    """Tiles of one size; others are refused instead of padded."""

    def one(self, source: PixelSource) -> NDArray[Any]:
        pixels = source.read()
        if pixels.shape[:2] != self.frame:
            raise DataError(
                f"Expected a tile of {self.frame[1]} x {self.frame[0]} pixels in {source.where}; got "
                f"{pixels.shape[1]} x {pixels.shape[0]}. Is it another data set?"
            )
        return pixels


def _in_folder(folder: Path) -> list[tuple[str, PixelSource]]:
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
    return [(path.stem, ImageFile(str(path))) for path in paths]


def _in_archive(archive: Path) -> list[tuple[str, PixelSource]]:
    found: list[tuple[str, PixelSource]] = []
    path = str(archive.resolve())
    with reading_zip(archive, "a zip archive of tiles"), zipfile.ZipFile(archive) as members:
        for item in members.infolist():
            name = PurePosixPath(item.filename)
            if item.is_dir() or name.suffix.lower() not in SUFFIXES or "__MACOSX" in name.parts:
                continue
            if item.compress_type not in _UNPACK or item.flag_bits & 1:
                raise FileFormatError(
                    f"Expected stored or deflated images in {archive}; {name} is encrypted or packed in another way. "
                    "Unpack the archive beside itself."
                )
            place = (item.header_offset, item.compress_size, item.compress_type, item.CRC)
            found.append((name.stem, ZipImage(path, item.filename, *place)))
    return found
