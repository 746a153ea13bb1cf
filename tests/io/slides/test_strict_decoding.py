"""io.slides.strict_decoding: cut and broken pictures are refused, whatever other libraries have set."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from genviz._errors import FileFormatError
from genviz.io.slides.decode import decode


@pytest.fixture(params=[False, True], autouse=True)
def lenient(request, monkeypatch):
    """Pillow's process-wide switch, as some libraries set it when imported."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", request.param)
    return request.param


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (120, 170, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "options"),
    [("s.jpg", {}), ("s.jpg", {"progressive": True}), ("s.png", {}), ("s.png", {"compress_level": 0})],
)
def test_whole_pictures_decode_and_cut_ones_do_not(tmp_path, lenient, name, options):
    path = tmp_path / name
    Image.fromarray(picture()).save(path, **options)
    decoded = np.asarray(decode(path))
    with Image.open(path) as plain:
        np.testing.assert_array_equal(decoded, np.asarray(plain))
    raw = path.read_bytes()
    for keep in (0.05, 0.3, 0.9, 0.999):
        path.write_bytes(raw[: int(len(raw) * keep)])
        with pytest.raises(FileFormatError, match="again"):
            decode(path)
    assert lenient == ImageFile.LOAD_TRUNCATED_IMAGES


def png_with(pixels: bytes) -> bytes:
    """A PNG of (120, 170) RGB whose checksums are right and whose compressed pixels are these."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 170, 120, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_damage_under_a_right_checksum(tmp_path):
    """The container is whole; only the decoder can tell that pixels are missing or spoilt."""
    rows = picture().reshape(120, -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    path = tmp_path / "s.png"
    path.write_bytes(png_with(packed))
    np.testing.assert_array_equal(np.asarray(decode(path)), picture())
    spoilt = packed[:500] + bytes(len(packed) - 500)
    for pixels in (packed[: len(packed) // 2], spoilt):
        path.write_bytes(png_with(pixels))
        with pytest.raises(FileFormatError, match="again"):
            decode(path)
