"""io.slides.of_section: the image of a section, wherever it lies."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from genviz._errors import DataError, MissingKeyError
from genviz.io import read_st, slide_of


@pytest.fixture
def section(st_files):
    return read_st(None, st_files.spots, st_files.image, section="A1")


def test_slide_of_finds_the_recorded_file(section, st_files):
    assert slide_of(section, "A1").path == st_files.image
    assert slide_of(section).path == st_files.image


def test_slide_of_looks_under_genviz_data_and_beside_the_file(section, st_files, tmp_path, monkeypatch):
    data = tmp_path / "data" / "images"
    data.mkdir(parents=True)
    shutil.move(st_files.image, data / st_files.image.name)
    with pytest.raises(DataError, match=r"GENVIZ_DATA|hires"):
        slide_of(section)
    monkeypatch.setenv("GENVIZ_DATA", str(data))
    assert slide_of(section).path == data / st_files.image.name
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    section.uns["spatial"]["A1"]["metadata"]["source_image_path"] = "../../elsewhere/images/A1.png"
    assert slide_of(section).path == data / st_files.image.name


def test_another_image_in_its_place_is_refused(section, st_files):
    Image.fromarray(st_files.rgb[::-1].copy()).save(st_files.image)
    with pytest.raises(DataError, match="other bytes"):
        slide_of(section)


def test_without_a_recorded_image_the_overview_is_offered(section):
    section.uns["spatial"]["A1"]["metadata"] = {}
    with pytest.raises(MissingKeyError, match="source='hires'"):
        slide_of(section)
