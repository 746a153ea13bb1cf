"""What slide views share: sections, values, limits, columns."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Layers, Obs, Obsm, Uns
from genviz.controllers.slide.controller import SlideController
from tests.controllers.slide_cases import HIRES_SCALE, MPP, NASTY, section


def test_spots_and_panels_of_a_prediction():
    adata = section()
    view = SlideController(adata)
    assert view.libraries == ["S1"]
    assert view.panels == ("measured", "predicted", "error", "uncertainty")
    assert view.genes == list(adata.var_names)
    assert view.spots.xy.dtype == np.float32
    assert (view.spots.diameter_px, view.spots.mpp) == (100.0, MPP)
    assert view.spots.names[:2] == ["0x0", "1x0"]
    left, top, right, bottom = view.extent
    assert left < 200 < right
    assert top < 200 < bottom


def test_values_are_log2_and_follow_from_each_other():
    adata = section()
    values = SlideController(adata).values("left")
    counts = adata.layers[Layers.COUNTS].toarray()[:, 0]
    assert all(v.dtype == np.float32 and v.shape == (64,) for v in values.values())
    np.testing.assert_allclose(values["measured"], np.log2(1 + counts), rtol=1e-6)
    np.testing.assert_allclose(values["error"], 0.5, atol=1e-6)
    np.testing.assert_allclose(values["uncertainty"], np.log2(2 + 2 * counts) - np.log2(counts), rtol=1e-5)


@pytest.mark.parametrize(
    ("measured", "predicted", "panels"),
    [(True, False, ("measured",)), (False, True, ("predicted", "uncertainty")), (False, False, ())],
)
def test_only_what_the_object_holds_is_shown(measured, predicted, panels):
    view = SlideController(section(measured=measured, predicted=predicted))
    assert view.panels == panels
    assert bool(view.genes) == bool(panels)
    if panels:
        assert tuple(view.values("left")) == panels
    else:
        with pytest.raises(MissingKeyError, match=r"model\.predict"):
            view.values("left")


def test_counts_may_lie_in_x_but_other_numbers_are_no_counts():
    adata = section(predicted=False)
    adata.X = adata.layers.pop(Layers.COUNTS)
    assert SlideController(adata).panels == ("measured",)
    adata.X = adata.X * np.float32(0.5)
    assert SlideController(adata).panels == ()


@pytest.mark.parametrize("gene", ["flat", "none", "left"])
def test_limits_are_never_empty(gene):
    limits = SlideController(section()).limits(gene)
    assert limits["measured"] == limits["predicted"]
    assert all(np.isfinite(pair).all() and pair[0] < pair[1] for pair in limits.values())
    assert limits["error"][0] == -limits["error"][1]


def test_nan_and_negative_values_do_not_break_limits():
    adata = section()
    adata.layers[Layers.log2("genar")][:, 0] = np.nan
    adata.layers[Layers.log2("genar")][:, 1] = -2.0
    view = SlideController(adata)
    values, limits = view.values("left"), view.limits("left")
    assert np.isnan(values["error"]).all()
    assert limits["error"] == (-1.0, 1.0)
    assert limits["measured"][1] > limits["measured"][0]
    assert view.limits("flat")["predicted"][0] <= -1.9
    assert view.most_variable(4)[-1] == "left"


def test_one_colour_means_the_same_in_all_sections():
    first, second = section(library="A"), section(4, library="B")
    second.layers[Layers.COUNTS] *= 10
    both = anndata.concat([first, second], uns_merge="unique", index_unique="_")
    view = SlideController(both)
    before = view.limits("left")
    view.library = "B"
    assert view.limits("left") == before
    assert len(view.spots.names) == len(view.values("left")["measured"]) == 16
    with pytest.raises(UsageError, match="A, B"):
        view.library = "C"


def test_another_key_needs_a_prediction():
    with pytest.raises(MissingKeyError, match="ridge_log2"):
        SlideController(section(), key="ridge")
    assert "predicted" in SlideController(section(key="ridge"), key="ridge").panels


def test_wrong_names_are_explained():
    view = SlideController(section())
    with pytest.raises(UsageError, match="left"):
        view.values("lef")
    with pytest.raises(UsageError, match="depth"):
        view.column("nothing")


def test_coordinates_are_checked_at_once():
    adata = section()
    adata.obsm[Obsm.SPATIAL][3] = np.nan
    with pytest.raises(DataError, match="3x0"):
        SlideController(adata)
    del adata.obsm[Obsm.SPATIAL]
    with pytest.raises(MissingKeyError, match="spatial"):
        SlideController(adata)


def test_the_stored_image_stands_in_for_the_slide():
    view = SlideController(section())
    assert "stored overview" in view.note
    assert view.pyramid.levels[0][2] == 1 / HIRES_SCALE
    picture, downsample = view.overview(200)
    assert max(picture.shape) <= 450  # the coarsest level there is
    assert downsample >= 1 / HIRES_SCALE


def test_without_any_image_spots_remain():
    adata = section(image=False)
    view = SlideController(adata)
    assert view.pyramid is None
    assert view.overview(100) is None
    assert "without tissue" in view.note
    del adata.uns[Uns.SPATIAL], adata.obs[Obs.LIBRARY]
    bare = SlideController(adata)
    assert bare.libraries == ["section"]
    assert bare.spots.mpp is None
    assert bare.spots.diameter_px == pytest.approx(100.0)  # half the distance of neighbours


def test_columns_of_numbers_and_of_names():
    adata = section()
    adata.obs["kind"] = pd.Categorical(["a", None, "b", "a"] * 16)
    adata.uns["kind_colors"] = ["#ff0000", "red; x: y"]
    view = SlideController(adata)
    assert set(view.columns) == {"depth", "kind"}
    numbers, names = view.column("depth"), view.column("kind")
    assert numbers.values.dtype == np.float32
    assert numbers.limits[0] < numbers.limits[1]
    assert names.codes[:4].tolist() == [0, -1, 1, 0]
    assert names.colours[0] == "#ff0000"
    assert names.colours[1].startswith("#")


def test_html_in_a_name_is_a_name():
    assert SlideController(section()).values(NASTY)["measured"].max() == 3.0  # log2(1 + 7)


def test_a_view_of_another_section_shares_what_was_drawn():
    both = anndata.concat(
        [section(library="A"), section(4, library="B")], uns_merge="unique", index_unique="_"
    )
    view = SlideController(both)
    heard = []
    view.on_change(heard.append)
    view.at("B").select([0], "edge", column="region")
    assert view.library == "A"
    assert both.obs["region"].notna().sum() == 1
    assert both.obs["region"].iloc[64] == "edge"
    assert heard == ["region"]


def test_looks_at_other_sections_share_the_column_that_was_drawn_in_last():
    both = anndata.concat(
        [section(library="A"), section(4, library="B")], uns_merge="unique", index_unique="_"
    )
    view = SlideController(both)
    there, told = view.at("B"), []
    view.on_change(told.append)
    there.select([0, 1], "edge", column="mine")
    view.select([5], "edge", "add")  # no column named: the one of the change before, made at another section
    assert both.obs["mine"].notna().sum() == 3 and "region" not in both.obs
    assert told == ["mine", "mine"] and (view.library, there.library) == ("A", "B")
    there.rename("edge", "rim")
    assert view.undo() and view.redo() and [one.name for one in view.categories()] == ["rim"]
