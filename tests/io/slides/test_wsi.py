"""io.slides.wsi: vendor slides through OpenSlide; absent, the message says what to install."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from PIL import Image

from genviz._errors import FileFormatError, MissingDependencyError
from genviz.io.slides.slide import Slide
from genviz.io.slides.wsi import open_wsi


def fake_openslide(rgba: np.ndarray) -> types.ModuleType:
    """OpenSlide's interface over an array with two levels; regions are addressed in level-0 pixels."""

    class OpenSlideError(Exception):
        pass

    class OpenSlide:
        def __init__(self, path):
            if path.endswith("broken.ndpi"):
                raise OpenSlideError("Not a file that OpenSlide can recognize")
            self.levels = [rgba, rgba[::4, ::4]]
            self.level_count = 2
            self.level_dimensions = [(level.shape[1], level.shape[0]) for level in self.levels]
            self.level_downsamples = (1.0, 4.0)
            self.properties = {"openslide.mpp-x": "0.23"}

        def read_region(self, corner, level, size):
            x, y = (int(c / self.level_downsamples[level]) for c in corner)
            return Image.fromarray(self.levels[level][y : y + size[1], x : x + size[0]])

    module = types.ModuleType("openslide")
    module.OpenSlide, module.OpenSlideError = OpenSlide, OpenSlideError
    return module


@pytest.fixture
def rgba():
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    pixels[:20, :, 3] = 0
    return pixels


def test_without_openslide_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(MissingDependencyError, match=r"genviz\[wsi\]"):
        open_wsi(tmp_path / "s.ndpi")


def test_regions_levels_and_resolution(tmp_path, monkeypatch, rgba):
    monkeypatch.setitem(sys.modules, "openslide", fake_openslide(rgba))
    slide = Slide(tmp_path, *open_wsi(tmp_path / "s.ndpi"))
    assert (slide.width, slide.height, slide.mpp) == (300, 200, 0.23)
    np.testing.assert_array_equal(slide.read(30, 50, 40, 20), rgba[50:70, 30:70, :3])
    np.testing.assert_array_equal(slide.read(10, 20, 5, 6, level=1), rgba[::4, ::4][20:26, 10:15, :3])
    assert (slide.read(0, 0, 30, 20) == 255).all()


def test_files_openslide_refuses(tmp_path, monkeypatch, rgba):
    monkeypatch.setitem(sys.modules, "openslide", fake_openslide(rgba))
    with pytest.raises(FileFormatError, match="OpenSlide"):
        open_wsi(tmp_path / "broken.ndpi")


def test_the_real_library_reads_a_tiled_tiff(tmp_path):
    pytest.importorskip("openslide", reason="needs the extra wsi")
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", pixels, tile=(256, 256), photometric="rgb", compression="zlib")
    slide = Slide(tmp_path, *open_wsi(tmp_path / "s.tif"))
    np.testing.assert_array_equal(slide.read(100, 50, 300, 200), pixels[50:250, 100:400])
