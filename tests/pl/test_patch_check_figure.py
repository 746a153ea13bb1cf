"""pl.patch_check: tiles where the spots are, circles and bars in micrometres."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from genviz import pl
from genviz._errors import DataError, UsageError
from genviz.io import open_slide
from genviz.io.library import make_entry
from tests.pl.cases import MPP, N, prediction

SIDE = 64


@pytest.fixture
def adata(tmp_path):
    """Twelve spots, each on a square of its own grey."""
    made = prediction(image=False)
    made.obsm["spatial"] = made.obsm["spatial"] / 4
    rgb = np.full((500, 600, 3), 255, np.uint8)
    for i, (x, y) in enumerate(made.obsm["spatial"].astype(int)):
        rgb[y - 50 : y + 50, x - 50 : x + 50] = 10 + 20 * i
    Image.fromarray(rgb).save(tmp_path / "slide.png")
    slide = open_slide(tmp_path / "slide.png")
    made.uns["spatial"] = {"C5": make_entry(mpp=MPP, spot_diameter_um=20.0, slide=slide)}
    return made


def grey(image) -> float:
    data = base64.b64decode(image.source.partition(",")[2])
    return float(np.asarray(Image.open(io.BytesIO(data))).mean())


def names(figure) -> list[str]:
    return [annotation.text.partition("<br>")[0] for annotation in figure.layout.annotations]


def test_each_tile_is_its_spots_own(adata):
    figure = pl.patch_check(adata, n=N, size_px=SIDE)
    assert names(figure) == list(adata.obs_names)
    assert [grey(image) for image in figure.layout.images] == pytest.approx(
        [10 + 20 * i for i in range(N)], abs=2
    )
    x, y = adata.obsm["spatial"][0]
    assert f"x {x:.0f}, y {y:.0f} px" in figure.layout.annotations[0].text


def test_circle_and_bar_are_true_to_scale(adata):
    figure = pl.patch_check(adata, n=2, size_px=SIDE)
    circles = [shape for shape in figure.layout.shapes if shape.type == "circle"]
    bars = [shape for shape in figure.layout.shapes if shape.type == "line"]
    for circle in circles:
        assert circle.x1 - circle.x0 == circle.y1 - circle.y0 == pytest.approx(20.0)
        assert (circle.x0 + circle.x1) / 2 == SIDE * MPP / 2
    assert {bar.x1 - bar.x0 for bar in bars} == {50}
    assert all(image.sizex == image.sizey == SIDE * MPP for image in figure.layout.images)
    assert figure.layout.yaxis.range == (SIDE * MPP, 0)  # as in the image: y downward
    title = figure.layout.title.text
    assert "section C5" in title and "64 px = 32 µm" in title and "circle = spot, 20 µm" in title


def test_which_spots_are_drawn_is_a_matter_of_the_seed(adata):
    few = names(pl.patch_check(adata, n=4, size_px=SIDE))
    assert len(set(few)) == 4
    assert names(pl.patch_check(adata, n=4, size_px=SIDE)) == few
    assert any(names(pl.patch_check(adata, n=4, size_px=SIDE, seed=seed)) != few for seed in range(1, 5))
    assert len(names(pl.patch_check(adata, n=99, size_px=SIDE))) == N


def test_without_the_slide_it_says_so(adata, tmp_path):
    (tmp_path / "slide.png").unlink()
    with pytest.raises(DataError, match=r"slide\.png"):
        pl.patch_check(adata, size_px=SIDE)
    with pytest.raises(UsageError, match="got 'C9'"):
        pl.patch_check(adata, library="C9")
