"""A section as figures see it: micrometres, diameter, image, and which section is meant."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from genviz import pl
from genviz._errors import DataError, FileFormatError, MissingKeyError, UsageError
from genviz.io.slides.slide import MemorySlide
from genviz.pl import section as module
from genviz.pl.section import jpeg_uri, libraries, section_of
from tests.pl.cases import MPP, N, picture, prediction


def opened(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_positions_and_diameter_are_in_micrometres():
    adata = prediction()
    section = section_of(adata)
    np.testing.assert_allclose(section.xy_um, adata.obsm["spatial"] * MPP)
    assert (section.library, section.diameter_um, section.mpp) == ("C5", 100.0, MPP)
    assert section.rows.tolist() == list(range(N))


def test_rows_are_those_of_the_section_asked_for():
    adata = prediction(sections=("C2", "C5"))
    assert libraries(adata) == ["C2", "C5"]
    assert section_of(adata, "C5").rows.tolist() == list(range(N, 2 * N))
    assert adata.obs_names[section_of(adata, "C2").rows[0]].startswith("C2_")


def test_without_a_column_the_only_section_is_meant():
    adata = prediction()
    del adata.obs["library_id"]
    assert section_of(adata).library == "C5"


def test_which_section_must_be_said():
    adata = prediction(sections=("C2", "C5"))
    with pytest.raises(UsageError, match=r"found 2: C2, C5. Pass library="):
        section_of(adata)
    with pytest.raises(UsageError, match=r"\(C2, C5\), got 'C9'"):
        section_of(adata, "C9")


def test_drawn_tissue_is_named_so_in_titles():
    adata = prediction(sections=("<b>",))
    assert section_of(adata).heading == "section &lt;b&gt;"
    adata.uns["genviz"]["synthetic"] = "{}"
    assert "synthetic tissue" in section_of(adata).heading
    assert "synthetic tissue" in pl.compare(adata, "ACTB").layout.title.text


def test_missing_slots_are_named():
    adata = prediction()
    del adata.uns["spatial"]["C5"]["mpp"]
    with pytest.raises(MissingKeyError, match=r"uns\['spatial'\]\['C5'\]\['mpp'\].*Set it"):
        section_of(adata)
    adata = prediction()
    del adata.obsm["spatial"]
    with pytest.raises(MissingKeyError, match=r"obsm\['spatial'\]"):
        section_of(adata)


def test_the_stored_overview_lies_where_the_slide_does():
    backdrop = section_of(prediction()).backdrop
    # 60 x 40 pixels of 0.02 overview pixels each full-resolution pixel.
    assert (backdrop.width_um, backdrop.height_um) == (60 / 0.02 * MPP, 40 / 0.02 * MPP)
    assert opened(backdrop.uri).shape == (40, 60, 3)


def test_overviews_of_floats_look_the_same():
    adata = prediction()
    images = adata.uns["spatial"]["C5"]["images"]
    images["hires"] = picture().astype(np.float32) / 255
    assert np.abs(opened(section_of(adata).backdrop.uri).mean((0, 1)) - (170, 90, 160)).max() < 4


def test_without_an_overview_the_slide_is_asked_and_may_be_absent(monkeypatch):
    adata = prediction(image=False)
    assert section_of(adata).backdrop is None
    slide = MemorySlide(np.full((400, 800, 3), 90, np.uint8))
    monkeypatch.setattr(module, "slide_of", lambda adata, library: slide)
    backdrop = section_of(adata, max_px=200).backdrop
    assert opened(backdrop.uri).shape == (100, 200, 3)
    assert (backdrop.width_um, backdrop.height_um) == (800 * MPP, 400 * MPP)


def test_pictures_are_kept_small():
    assert opened(jpeg_uri(picture(50, 100), 20)).shape == (10, 20, 3)
    assert opened(jpeg_uri(np.zeros((8, 8, 4), np.uint8), 20)).shape == (8, 8, 3)


@pytest.mark.parametrize("error", [DataError, UsageError, FileFormatError])
def test_maps_show_when_the_image_has_moved(monkeypatch, error):
    def gone(adata, library):
        raise error("Expected the image; it is not there.")

    monkeypatch.setattr(module, "slide_of", gone)
    assert section_of(prediction(image=False)).backdrop is None


def test_overviews_of_16_bits_are_not_white():
    adata = prediction()
    images = adata.uns["spatial"]["C5"]["images"]
    for factor in (1, 256):
        images["hires"] = picture().astype(np.uint16) * factor
        assert np.abs(opened(section_of(adata).backdrop.uri).mean((0, 1)) - (170, 90, 160)).max() < 4
