"""io.slides.jpeg_check: damage that decoders paint over."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from genviz._errors import FileFormatError
from genviz.io.slides.jpeg_check import check_jpeg_stream, check_jpeg_tail

VARIANTS = [
    {"quality": 90},
    {"quality": 90, "progressive": True},
    {"quality": 80, "subsampling": 0, "optimize": True},
    {"quality": 90, "restart_marker_rows": 1},
    {"quality": 90, "restart_marker_blocks": 7, "progressive": True},
]


def picture(channels: int = 3) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(200, 312, channels))
    return np.clip(ndimage.gaussian_filter(noise, (2, 2, 0)) * 500 + 180, 0, 255).astype(np.uint8).squeeze()


def encode(pixels: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_sound_files_pass(options, channels):
    data = encode(picture(channels), **options)
    check_jpeg_stream(data)
    image = Image.open(io.BytesIO(data))
    image.load()
    check_jpeg_tail(image)


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("keep", [0.3, 0.9, 0.9999])
def test_cut_files_are_refused(options, keep):
    data = encode(picture(), **options)
    with pytest.raises(FileFormatError, match="ends before"):
        check_jpeg_stream(data[: int(len(data) * keep)])


@pytest.mark.parametrize("options", VARIANTS)
def test_noise_inside_a_scan_is_refused(options):
    data = bytearray(encode(picture(), **options))
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).integers(0, 256, 3000, np.uint8).tobytes()
    with pytest.raises(FileFormatError):
        check_jpeg_stream(bytes(data))


@pytest.mark.parametrize("edit", ["zeros", "hole"])
def test_lost_restart_intervals_are_noticed(edit):
    data = encode(picture(), quality=90, restart_marker_rows=1)
    middle, size = len(data) // 2, len(data) // 5
    filling = b"\0" * size if edit == "zeros" else b""
    with pytest.raises(FileFormatError, match="restart markers"):
        check_jpeg_stream(data[:middle] + filling + data[middle + size :])


def test_whole_rounds_of_eight_intervals_are_missed_by_count():
    data = encode(picture(), quality=90, restart_marker_blocks=3)
    places = [i for i in range(len(data) - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    with pytest.raises(FileFormatError, match=r"expected .* restart markers in its scan"):
        check_jpeg_stream(data[: places[8]] + data[places[16] :])


def test_a_grey_end_means_lost_data_unless_all_is_grey():
    pixels = picture()
    pixels[-16:] = 128
    with pytest.raises(FileFormatError, match="end early"):
        check_jpeg_tail(Image.fromarray(pixels))
    check_jpeg_tail(Image.fromarray(np.full((40, 40, 3), 128, np.uint8)))


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8", b"\xff\xd8\xff"])
def test_other_files(data):
    with pytest.raises(FileFormatError):
        check_jpeg_stream(data)


def test_her2st_images_are_sound(her2st_dir):
    for path in sorted((her2st_dir / "ST-imgs" / "C").glob("*/*.jpg")):
        check_jpeg_stream(path.read_bytes())
