"""io.spots.placement: rows outside the image, x and y swapped, wrong resolution."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.io import read_st, slide_of
from genviz.io.slides.slide import MemorySlide
from genviz.io.spots.placement import check_inside, check_resolution, check_section, check_tissue, pitch_mpp

NAMES = [f"r{i}" for i in range(20)]


@pytest.fixture
def section(st_files):
    return read_st(st_files.counts, st_files.spots, st_files.image, section="A1")


def test_a_sound_section_raises_no_doubt(section):
    assert check_section(section, "A1", slide_of(section)) == []


def test_rows_outside():
    xy = np.column_stack([np.linspace(1, 99, 20), np.full(20, 50.0)])
    assert check_inside(xy, (100, 60), NAMES, "A") is None
    xy[3, 1] = 60.0
    doubt = check_inside(xy, (100, 60), NAMES, "A")
    assert "1 of 20" in doubt
    assert "'r3'" in doubt
    xy[4:8, 1] = -1.0
    with pytest.raises(DataError, match="5 of 20 rows"):
        check_inside(xy, (100, 60), NAMES, "A")
    with pytest.raises(DataError, match="swap the columns"):
        check_inside(np.column_stack([np.full(20, 50.0), np.linspace(1, 99, 20)]), (100, 60), NAMES, "A")


def two_wings(n=40):
    """Square slide with tissue right of the diagonal; rows on it."""
    rgb = np.full((400, 400, 3), 240, np.uint8)
    rgb[40:180, 200:380] = (170, 90, 160)
    rng = np.random.default_rng(0)
    return MemorySlide(rgb), np.column_stack([rng.uniform(205, 375, n), rng.uniform(45, 175, n)])


def test_swapped_positions_are_told_with_both_shares():
    slide, xy = two_wings()
    assert check_tissue(xy, slide, "A") is None
    doubt = check_tissue(xy[:, ::-1], slide, "A")
    assert "look swapped: 0% of rows lie on tissue as given, 100% with x and y exchanged" in doubt


def test_a_handful_of_rows_is_not_enough_to_cry_swap():
    slide, xy = two_wings(6)
    assert "swapped" not in check_tissue(xy[:, ::-1], slide, "A")


def test_rows_that_miss_the_tissue_in_both_orders():
    slide, xy = two_wings()
    assert "miss the tissue" in check_tissue(xy * 0.1, slide, "A")


def test_a_blank_slide_tells_nothing():
    _, xy = two_wings()
    assert check_tissue(xy, MemorySlide(np.full((400, 400, 3), 255, np.uint8)), "A") is None


def test_resolution_against_pitch_and_metadata(section):
    assert pitch_mpp(section, "A1") == pytest.approx(4.0, rel=0.02)
    assert check_resolution(section, "A1") is None
    section.uns["spatial"]["A1"]["mpp"] = 0.69
    assert "the spot pitch of section 'A1' says 4" in check_resolution(section, "A1")
    del section.uns["spatial"]["A1"]["grid_step_um"]
    assert check_resolution(section, "A1") is None
    slide = slide_of(section)
    slide.mpp = 0.25
    assert "the metadata of A1.png says 0.25" in check_resolution(section, "A1", slide)


@pytest.mark.parametrize("name", ["C2", "C3", "C4", "C5"])
def test_her2st_sections_are_told_from_their_swap(her2st_dir, name):
    image = next((her2st_dir / "ST-imgs" / "C" / name).glob("*.jpg"))
    adata = read_st(None, her2st_dir / "ST-spotfiles" / f"{name}_selection.tsv", image, section=name)
    assert check_section(adata, name, slide_of(adata)) == []
    adata.obsm["spatial"] = adata.obsm["spatial"][:, ::-1].copy()
    (doubt, *_) = check_section(adata, name, slide_of(adata))
    assert "look swapped" in doubt
