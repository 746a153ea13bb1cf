"""Colours of columns: order, range, gaps, more categories than colours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genviz.controllers.slide.section import column_of
from genviz.controllers.velocity.colours import MOST, choices, colouring
from genviz.controllers.velocity.controller import VelocityPaths
from genviz.pl.category_colours import category_colours
from genviz.pl.colours import CATEGORIES
from tests.controllers.velocity_cases import paths


def test_categories_keep_their_order_and_the_colours_of_figures():
    column = pd.Categorical(["b", "a", "b", "c"], categories=["c", "b", "unused", "a"], ordered=True)
    found = colouring(pd.DataFrame({"kind": column}), "kind")
    assert found.names == ["c", "b", "a"] and found.colours == [CATEGORIES[i] for i in (0, 1, 3)]
    assert found.code_N.tolist() == [1, 2, 1, 0] and not found.numeric


def test_gaps_are_grey_and_told():
    obs = pd.DataFrame({"kind": ["a", None, "b"], "value": [1.0, np.inf, 3.0]})
    assert colouring(obs, "kind").code_N.tolist() == [0, -1, 1] and "1 rows" in colouring(obs, "kind").note
    found = colouring(obs, "value")
    assert (
        found.numeric
        and np.isnan(found.value_N[1])
        and 1 <= found.low < found.high <= 3
        and "1 rows" in found.note
    )


def test_many_categories_differ_and_the_rarest_share_one():
    assert len(set(category_colours(60))) == 60 and category_colours(8) == list(CATEGORIES)
    names = [f"k{i:02d}" for i in range(40) for _ in range(2 if i < 30 else 1)]
    found = colouring(pd.DataFrame({"kind": names}), "kind")
    assert len(found.names) == MOST + 1 and found.names[-1] == f"{40 - MOST} others"
    assert found.code_N.max() == MOST and "share grey" in found.note
    assert len(set(found.colours)) == MOST + 1


@pytest.mark.parametrize("kept", [None, ["#112233", "red; x: y", "#445566FF", "#778899"], ["#112233"]])
def test_a_category_has_one_colour_in_every_view(kept):
    kinds = pd.Categorical(["b", "a", "b", "c"], categories=["c", "b", "unused", "a"])
    adata = AnnData(obs=pd.DataFrame({"kind": kinds}, index=list("wxyz")))
    if kept:
        adata.uns["kind_colors"] = kept
    slide = column_of(adata, "kind", np.arange(4))
    moving = colouring(adata.obs, "kind", kept)
    of_slide = dict(zip(slide.names, slide.colours, strict=True))
    assert dict(zip(moving.names, moving.colours, strict=True)) == {name: of_slide[name] for name in "cba"}
    if kept:
        assert of_slide["c"] == "#112233" and of_slide["b"] in CATEGORIES
        assert of_slide["unused"] == ("#445566" if len(kept) > 1 else CATEGORIES[1])


def test_trajectories_take_the_colours_that_the_object_keeps():
    adata = paths(12)
    adata.uns["organ_colors"] = ["#111111", "#222222", "#333333"]
    assert VelocityPaths(adata).colours("organ").colours == ["#111111", "#222222", "#333333"]


def test_names_of_rows_are_no_column_to_colour_by():
    obs = pd.DataFrame(
        {"id": [f"x{i}" for i in range(60)], "yes": [True, False] * 30, "n": range(60), "no": [None] * 60}
    )
    assert [(one.name, one.numeric) for one in choices(obs)] == [("yes", False), ("n", True)]
