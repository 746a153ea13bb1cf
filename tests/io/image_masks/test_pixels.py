"""Pixels of image and mask files in every form that is met, and those that are refused."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from genviz._errors import DataError, FileFormatError
from genviz.io.image_masks.pixels import as_rgb
from genviz.io.image_masks.rows import ImageFile, MaskFile

RGB = np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)
GREY = RGB[..., 0]


def read(tmp_path, pixels, name="x.png", kind=ImageFile, mode=None):
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, pixels)
    else:
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path)
    return kind(str(path)).read()


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.bmp", "x.npy"])
def test_colour_and_grey(tmp_path, name):
    np.testing.assert_array_equal(read(tmp_path, RGB, name), RGB)
    grey = read(tmp_path, GREY, name)
    np.testing.assert_array_equal(grey, np.repeat(GREY[..., None], 3, axis=2))


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_sixteen_bits_keep_the_high_byte(tmp_path, name):
    deep = GREY.astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(read(tmp_path, deep, name)[..., 0], GREY)


def test_opaque_alpha_is_dropped_and_other_is_refused(tmp_path):
    opaque = np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)])
    np.testing.assert_array_equal(read(tmp_path, opaque), RGB)
    opaque[2, 3, 3] = 254
    with pytest.raises(DataError, match="transparent"):
        read(tmp_path, opaque)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (RGB.astype(np.float32), "8- or 16-bit image in .*got float32"),
        (RGB.astype(np.int32) * 1000, "got int32 values from"),
        (RGB.astype(np.int64) - 1000, "got int64 values from"),
        (np.dstack([RGB, RGB]), r"1 to 4 channels\) in .*got \(6, 7, 6\)"),
    ],
)
def test_images_that_are_refused(tmp_path, pixels, said):
    with pytest.raises(DataError, match=said):
        read(tmp_path, pixels, "x.npy")


def test_cmyk_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="CMYK"):
        read(tmp_path, RGB, "x.jpg", mode="CMYK")


def test_an_image_that_is_black_at_eight_bits_is_told(caplog):
    """A dark field of a 16-bit camera, or 8-bit values in a wide type: nobody can know which, so both are said."""
    with caplog.at_level("WARNING", logger="genviz"):
        assert not as_rgb(np.full((4, 5), 200, np.uint16), "a.tif").any()
    assert "a.tif is black at 8 bits" in caplog.text and "200 of 65535" in caplog.text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.float32, np.float64])
def test_masks_of_every_type(tmp_path, dtype):
    mask = (GREY // 20).astype(dtype)
    np.testing.assert_array_equal(read(tmp_path, mask, "x.tif", MaskFile), mask)


def test_palette_of_a_mask_is_read_as_numbers(tmp_path):
    image = Image.fromarray(GREY // 64)
    image.putpalette([9, 8, 7] * 256)
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(MaskFile(str(tmp_path / "x.png")).read(), GREY // 64)
    assert ImageFile(str(tmp_path / "x.png")).read()[0, 0].tolist() == [9, 8, 7]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (GREY / 7, "fractions"),
        (np.where(GREY > 99, np.nan, 1.0), "NaN"),
        (GREY.astype(np.int16) - 200, "from 0"),
        (RGB, "colour picture"),
    ],
)
def test_masks_that_are_refused(tmp_path, mask, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, mask, "x.npy", MaskFile)


def test_arrays_of_objects_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([None, 1], object), allow_pickle=True)
    with pytest.raises(FileFormatError, match=r"x\.npy"):
        ImageFile(str(tmp_path / "x.npy")).read()
