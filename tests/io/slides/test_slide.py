"""io.slides.slide: any image by region."""

from __future__ import annotations

import gc
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from genviz._errors import FileFormatError, UsageError
from genviz._settings import settings
from genviz.io import open_slide


def picture(height=300, width=420, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def tiff(path, rgb, **options):
    tifffile.imwrite(path, rgb, **{"tile": (64, 64), "photometric": "rgb", **options})
    return path


def pyramid(path, rgb, **options):
    with tifffile.TiffWriter(path) as writer:
        writer.write(rgb, tile=(64, 64), photometric="rgb", subifds=1, **options)
        half = rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2].reshape(rgb.shape[0] // 2, 2, -1, 2, 3)
        writer.write(half.mean((1, 3)).astype(np.uint8), tile=(64, 64), photometric="rgb", subfiletype=1)
    return path


def ngff(path, rgb):
    group = zarr.create_group(path)
    for name, pixels in (("full", rgb), ("half", rgb[::2, ::2])):
        group.create_array(name, data=np.ascontiguousarray(np.moveaxis(pixels, 2, 0)))
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "full"}, {"path": "half"}]}]}
    return path


WRITERS = {
    "png": lambda p, rgb: Image.fromarray(rgb).save(p / "s.png") or p / "s.png",
    "tiled.tif": lambda p, rgb: tiff(p / "s.tif", rgb, compression="zlib"),
    "strips.tif": lambda p, rgb: tiff(p / "s.tif", rgb, tile=None, rowsperstrip=7, compression="lzw"),
    "plain.tif": lambda p, rgb: tiff(p / "s.tif", rgb, tile=None),
    "planes.tif": lambda p, rgb: tiff(p / "s.tif", np.moveaxis(rgb, 2, 0).copy(), planarconfig="separate"),
    "jpeg2000.tif": lambda p, rgb: tiff(p / "s.tif", rgb, compression="jpeg2000"),
    "channels.tif": lambda p, rgb: tiff(
        p / "s.ome.tif", np.moveaxis(rgb, 2, 0).copy(), photometric="minisblack", metadata={"axes": "CYX"}
    ),
    "big.tif": lambda p, rgb: tiff(p / "s.btf", rgb, bigtiff=True),
    "ome.tif": lambda p, rgb: tiff(p / "s.ome.tif", rgb, metadata={"axes": "YXS"}),
    "pyramid.tif": lambda p, rgb: pyramid(p / "s.tif", rgb),
    "zarr": lambda p, rgb: (zarr.create_array(p / "s.zarr", data=rgb, chunks=(64, 64, 3)), p / "s.zarr")[1],
    "ngff": lambda p, rgb: ngff(p / "s.zarr", rgb),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_regions_equal_the_pixels(tmp_path, kind):
    rgb = picture()
    slide = open_slide(WRITERS[kind](tmp_path, rgb))
    assert (slide.width, slide.height) == (420, 300)
    for x, y, w, h in [(0, 0, 420, 300), (60, 61, 70, 5), (419, 299, 1, 1), (100, 200, 0, 3)]:
        region = slide.read(x, y, w, h)
        assert region.dtype == np.uint8
        np.testing.assert_array_equal(region, rgb[y : y + h, x : x + w])


@pytest.mark.parametrize("kind", WRITERS)
def test_outside_is_white(tmp_path, kind):
    rgb = picture()
    slide = open_slide(WRITERS[kind](tmp_path, rgb))
    expected = np.full((340, 500, 3), 255, np.uint8)
    expected[20:320, 30:450] = rgb
    np.testing.assert_array_equal(slide.read(-30, -20, 500, 340), expected)
    assert (slide.read(1000, 1000, 5, 4) == 255).all()
    assert (slide.read(-50, 10, 20, 20) == 255).all()


def test_jpeg_pixels_are_those_of_the_decoder(tmp_path):
    Image.fromarray(picture(700, 600)).save(tmp_path / "s.jpg", quality=95)
    slide = open_slide(tmp_path / "s.jpg")
    expected = np.asarray(Image.open(tmp_path / "s.jpg"))
    np.testing.assert_array_equal(slide.read(0, 0, 600, 700), expected)
    assert slide.downsamples == (1.0, 8.0)


def test_transparency_is_laid_over_white(tmp_path):
    rgba = np.concatenate([picture(), np.zeros((300, 420, 1), np.uint8)], axis=2)
    rgba[:, 200:, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "s.png")
    tifffile.imwrite(tmp_path / "s.tif", rgba, tile=(64, 64), photometric="rgb", extrasamples=["unassalpha"])
    for name in ("s.png", "s.tif"):
        region = open_slide(tmp_path / name).read(0, 0, 420, 300)
        assert (region[:, :200] == 255).all()
        np.testing.assert_array_equal(region[:, 200:], rgba[:, 200:, :3])


def test_grey_images_have_three_equal_channels(tmp_path):
    grey = picture()[..., 0]
    tifffile.imwrite(tmp_path / "s.tif", grey, tile=(64, 64))
    Image.fromarray(grey).save(tmp_path / "s.png")
    for name in ("s.tif", "s.png"):
        region = open_slide(tmp_path / name).read(10, 20, 30, 40)
        np.testing.assert_array_equal(region, np.repeat(grey[20:60, 10:40, None], 3, 2))


@pytest.mark.parametrize("kind", ["pyramid.tif", "ngff"])
def test_pyramids_have_levels(tmp_path, kind):
    slide = open_slide(WRITERS[kind](tmp_path, picture()))
    assert list(slide.downsamples) == [1.0, 2.0]
    assert slide.read(0, 0, 210, 150, level=1).shape == (150, 210, 3)


def test_ome_and_aperio_resolution_is_read_but_print_resolution_is_not(tmp_path):
    rgb = picture()
    ome = tiff(
        tmp_path / "a.ome.tif",
        rgb,
        metadata={"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"},
    )
    svs = tiff(
        tmp_path / "b.svs",
        rgb,
        description="Aperio Image Library v11\n|AppMag = 20|MPP = 0.4990",
        metadata=None,
    )
    dpi = tiff(tmp_path / "c.tif", rgb, resolution=(72, 72), resolutionunit="INCH")
    assert open_slide(ome).mpp == 0.25
    assert open_slide(svs).mpp == 0.499
    assert open_slide(dpi).mpp is None


@pytest.mark.parametrize("kind", ["png", "tiled.tif", "pyramid.tif", "zarr"])
def test_thumbnails_are_area_means(tmp_path, kind):
    rgb = np.repeat(np.repeat(picture(30, 42), 8, 0), 8, 1)
    thumbnail, scale = open_slide(WRITERS[kind](tmp_path, rgb)).thumbnail(42)
    assert scale == 1 / 8
    np.testing.assert_allclose(thumbnail.astype(int), rgb[4::8, 4::8], atol=1)


def test_thumbnails_cover_the_slide_exactly(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 250, 421)[None, :, None], (300, 421, 3)).astype(np.uint8)
    for kind in ("png", "tiled.tif"):
        thumbnail, scale = open_slide(WRITERS[kind](tmp_path, ramp)).thumbnail(50)
        places = np.minimum((np.arange(50) + 0.5) / scale, 420).astype(int)
        np.testing.assert_allclose(thumbnail[10, :, 0].astype(int), ramp[0, places, 0], atol=2)


def test_a_small_slide_is_its_own_thumbnail(tmp_path):
    rgb = picture()
    thumbnail, scale = open_slide(WRITERS["png"](tmp_path, rgb)).thumbnail(5000)
    assert scale == 1.0
    np.testing.assert_array_equal(thumbnail, rgb)
    with pytest.raises(UsageError):
        open_slide(tmp_path / "s.png").thumbnail(0)


def test_a_file_is_opened_once_and_travels_by_path(tmp_path):
    path = WRITERS["tiled.tif"](tmp_path, picture())
    slide = open_slide(path)
    assert open_slide(str(path)) is slide
    assert pickle.loads(pickle.dumps(slide)) is slide
    tiff(path, picture(seed=5), compression="zlib")
    assert open_slide(path) is not slide


def test_threads_read_the_same_pixels(tmp_path):
    rgb = picture(900, 900)
    slide = open_slide(tiff(tmp_path / "s.tif", rgb, compression="lzw"))
    corners = np.random.default_rng(1).integers(0, 800, (200, 2))
    with ThreadPoolExecutor(8) as pool:
        regions = list(pool.map(lambda xy: slide.read(int(xy[0]), int(xy[1]), 100, 100), corners))
    for (x, y), region in zip(corners, regions, strict=True):
        np.testing.assert_array_equal(region, rgb[y : y + 100, x : x + 100])


# ---- broken files ----


def test_absent_empty_and_foreign_files(tmp_path):
    with pytest.raises(UsageError, match="nothing is there"):
        open_slide(tmp_path / "no.jpg")
    for name, content in (("empty.jpg", b""), ("page.jpg", b"<html>not found</html>")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match="JPEG, PNG, TIFF or zarr"):
            open_slide(tmp_path / name)
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileFormatError, match="zarr"):
        open_slide(tmp_path / "folder")


@pytest.mark.parametrize("name", ["s.jpg", "s.png"])
@pytest.mark.parametrize("keep", [0.2, 0.7, 0.999])
def test_truncated_jpeg_and_png_leave_nothing_in_the_cache(tmp_path, monkeypatch, name, keep):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")  # other processes fill the common one
    Image.fromarray(picture(seed=int(keep * 1000))).save(tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(FileFormatError, match=f"(?s){name}.*again"):
        open_slide(tmp_path / name).read(0, 0, 10, 10)
    assert not list(settings.cache_dir.rglob("*.zarr"))
    assert not list(settings.cache_dir.rglob("*.partial"))


def test_a_damaged_png_is_refused(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "s.png")
    raw = bytearray((tmp_path / "s.png").read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    (tmp_path / "s.png").write_bytes(raw)
    with pytest.raises(FileFormatError):
        open_slide(tmp_path / "s.png").read(0, 0, 10, 10)


@pytest.mark.parametrize("kind", ["tiled.tif", "strips.tif", "plain.tif", "pyramid.tif"])
@pytest.mark.parametrize("keep", [0.05, 0.5, 0.97])
def test_truncated_tiffs(tmp_path, kind, keep):
    path = WRITERS[kind](tmp_path, picture())
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(FileFormatError, match="again"):
        open_slide(path)


def test_a_damaged_tile_is_an_error_where_it_is_read(tmp_path):
    rgb = picture()
    path = WRITERS["tiled.tif"](tmp_path, rgb)
    with tifffile.TiffFile(path) as file:
        offset, size = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    raw = bytearray(path.read_bytes())
    raw[offset : offset + size] = b"\x55" * size
    path.write_bytes(raw)
    slide = open_slide(path)
    np.testing.assert_array_equal(slide.read(64, 64, 50, 50), rgb[64:114, 64:114])
    with pytest.raises(FileFormatError, match="again"):
        slide.read(0, 0, 10, 10)


def test_sixteen_bits_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", picture().astype(np.uint16), tile=(64, 64), photometric="rgb")
    with pytest.raises(FileFormatError, match="8-bit RGB"):
        open_slide(tmp_path / "s.tif")
    Image.fromarray(picture()[..., 0].astype(np.uint16)).save(tmp_path / "s.png")
    with pytest.raises(FileFormatError, match="8 bits"):
        open_slide(tmp_path / "s.png").read(0, 0, 5, 5)


def left_open(path, reads):
    """What the interpreter finds open of a file when nobody holds it any more."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        reads()
        gc.collect()
    return [one for one in told if one.category is ResourceWarning and str(path) in str(one.message)]


@pytest.mark.parametrize("name", ["s.png", "s.jpg"])
def test_an_image_that_is_refused_is_closed(tmp_path, name):
    Image.fromarray(picture()).save(tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-2000])

    def refused():
        with pytest.raises(FileFormatError):
            open_slide(tmp_path / name).read(0, 0, 5, 5)

    assert not left_open(tmp_path / name, refused)


def test_a_file_that_is_mapped_is_closed(tmp_path):
    path = WRITERS["plain.tif"](tmp_path, picture())
    assert not left_open(path, lambda: open_slide(path).read(0, 0, 5, 5))


@pytest.mark.parametrize("how", ["cut", "16 bits", "one segment"])
def test_a_tiff_that_is_refused_is_closed(tmp_path, monkeypatch, how):
    path = tiff(
        tmp_path / "s.tif", picture().astype(np.uint16 if how == "16 bits" else np.uint8), compression="zlib"
    )
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-2000])
    if how == "one segment":
        monkeypatch.setattr("genviz.io.slides.tiff.MAX_SEGMENT_BYTES", 1000)

    def refused():
        with pytest.raises(FileFormatError):
            open_slide(path)

    assert not left_open(path, refused)


def test_a_single_huge_segment_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("genviz.io.slides.tiff.MAX_SEGMENT_BYTES", 1000)
    with pytest.raises(FileFormatError, match="tiled TIFF"):
        open_slide(tiff(tmp_path / "s.tif", picture(), tile=None, compression="zlib"))
