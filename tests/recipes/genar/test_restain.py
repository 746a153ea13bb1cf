"""A slide as another laboratory would have stained it."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import pp
from genviz.features.stain import MacenkoNormaliser
from genviz.io import open_slide
from genviz.io.slides.of_section import slide_of
from genviz.pp.stain_pixels import stain_pixels
from genviz.recipes.genar.restain import STAININGS, Staining, on_restained, restain
from tests.pp.cases import Colour
from tests.recipes.cases import MPP, on_slide

NONE = Staining((1.0, 1.0), (0.0, 0.0), (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def adata(tmp_path_factory):
    return on_slide(tmp_path_factory.mktemp("slide"))


def pixels(slide) -> np.ndarray:
    return slide.read(0, 0, slide.width, slide.height).astype(float)


def test_no_change_gives_the_same_picture(adata, tmp_path):
    source = slide_of(adata, "S")
    restain(source.path, MPP, NONE, tmp_path / "same.tif")
    copy = open_slide(tmp_path / "same.tif")
    assert (copy.width, copy.height) == (source.width, source.height)
    assert np.abs(pixels(copy) - pixels(source)).mean() < 3  # JPEG


@pytest.mark.parametrize("name", STAININGS)
def test_stains_turn_as_they_are_told(adata, tmp_path, name):
    source = slide_of(adata, "S")
    restain(source.path, MPP, STAININGS[name], tmp_path / "other.tif")
    other = open_slide(tmp_path / "other.tif")
    assert np.abs(pixels(other) - pixels(source)).mean() > 8
    darker = pixels(other).mean() < pixels(source).mean()
    if STAININGS[name].amounts[0] != 1:
        assert darker == (STAININGS[name].amounts[0] > 1)
    before, after = (MacenkoNormaliser.fit(stain_pixels(slide, MPP)).basis for slide in (source, other))
    assert np.abs(after - before).max() > 0.02


def test_rows_move_to_the_other_slide_and_leave_theirs_alone(adata, tmp_path):
    moved = on_restained(adata, "pale and blue", tmp_path)
    (file,) = tmp_path.iterdir()
    assert slide_of(moved, "S").path == file and slide_of(adata, "S").path != file
    np.testing.assert_array_equal(moved.obsm["spatial"], adata.obsm["spatial"])
    written = file.stat().st_mtime_ns
    on_restained(adata, "pale and blue", tmp_path)
    assert file.stat().st_mtime_ns == written  # not painted again


def test_normalised_features_move_less_than_raw_ones(adata, tmp_path):
    """The check that the recipe exists for, in the small."""
    moved = on_restained(adata, "strong and pink", tmp_path)
    shift = {}
    for stain in (None, "macenko_glass"):
        for rows in (adata, moved):
            pp.embed(rows, Colour(), stain=stain, key_added="c")
        shift[stain] = np.abs(moved.obsm["X_c"] - adata.obsm["X_c"]).mean()
    assert shift["macenko_glass"] < 0.5 * shift[None]
