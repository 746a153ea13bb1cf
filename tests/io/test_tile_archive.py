"""Tiles inside zip archives, read by their places."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from genviz._errors import DataError, FileFormatError
from genviz.io.tile_archive import lazy_tiles, list_tiles


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), dtype=np.uint8)


def zipped(path, members: dict[str, bytes], method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def members(pixels):
    junk = {"MSS/": b"", "MSS/readme.txt": b"x", "__MACOSX/MSS/._t1.png": b"x"}
    return junk | {f"MSS/t{i}.png": png(tile) for i, tile in enumerate(pixels)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("packed", [True, False])
def test_tiles_are_read_in_any_order(tmp_path, members, pixels, method, packed):
    place = zipped(tmp_path / "a.zip", members, method)
    if not packed:
        zipfile.ZipFile(place).extractall(tmp_path / "a")
        (tmp_path / "a" / "__MACOSX" / "MSS" / "._t1.png").unlink()
        place = tmp_path / "a"
    found = list_tiles(place)
    assert [name for name, _ in found] == [f"t{i}" for i in range(5)]
    lazy = lazy_tiles([source for _, source in found], 8)
    assert lazy.shape == (5, 8, 8, 3) and lazy.dtype == np.uint8
    np.testing.assert_array_equal(lazy[[3, 0, 4]].compute(scheduler="threads"), pixels[[3, 0, 4]])
    assert str(place.name) in found[0][1].where


def test_damage_is_found(tmp_path, members):
    place = zipped(tmp_path / "a.zip", members, zipfile.ZIP_STORED)
    (_, source), *_ = list_tiles(place)
    raw = bytearray(place.read_bytes())
    raw[raw.index(b"IDAT") + 6] ^= 255
    place.write_bytes(raw)
    with pytest.raises(FileFormatError, match="CRC differs"):
        source.read()
    place.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FileFormatError, match="truncated"):
        list_tiles(place)


def test_another_archive_under_the_same_name(tmp_path, members):
    place = zipped(tmp_path / "a.zip", members)
    source = list_tiles(place)[4][1]
    place.write_bytes(b"x" * place.stat().st_size)
    with pytest.raises(FileFormatError, match="no member begins"):
        source.read()


def test_what_is_no_set_of_tiles(tmp_path, pixels):
    with pytest.raises(DataError, match="there are none"):
        list_tiles(zipped(tmp_path / "empty.zip", {"MSS/readme.txt": b"x"}))
    twice = {"a/t.png": png(pixels[0]), "b/t.png": png(pixels[1])}
    with pytest.raises(DataError, match="t occurs twice"):
        list_tiles(zipped(tmp_path / "twice.zip", twice))
    with pytest.raises(FileFormatError, match="packed in another way"):
        list_tiles(zipped(tmp_path / "bz.zip", {"t.png": png(pixels[0])}, zipfile.ZIP_BZIP2))
    ((_, source),) = list_tiles(zipped(tmp_path / "small.zip", {"t.png": png(pixels[0])}))
    with pytest.raises(DataError, match="tile of 16 x 16 pixels"):
        lazy_tiles([source], 16).compute(scheduler="sync")
