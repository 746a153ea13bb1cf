"""Regions: written at once, undone without loss, safe with what others do to the column."""

from __future__ import annotations

import json

import anndata
import numpy as np
import pandas as pd
import pytest

from genviz._errors import UsageError
from genviz._keys import Uns
from genviz.controllers.slide.controller import SlideController
from tests.controllers.slide_cases import section


def drawn(view: SlideController, column: str = "region") -> dict[str, list[str]]:
    """Region -> names of its rows, as obs has them."""
    values = view.adata.obs[column]
    return {name: list(values.index[values == name]) for name in values.cat.categories}


def test_modes():
    view = SlideController(section(4))
    view.select([0, 1], "tumour")
    assert drawn(view) == {"tumour": ["0x0", "1x0"]}
    view.select([1, 2], "tumour", mode="add")
    assert drawn(view) == {"tumour": ["0x0", "1x0", "2x0"]}
    view.select([0], "tumour", mode="remove")
    assert drawn(view) == {"tumour": ["1x0", "2x0"]}
    view.select(np.arange(16) == 2, "stroma")  # a row belongs to one region
    assert drawn(view) == {"tumour": ["1x0"], "stroma": ["2x0"]}
    view.select([5], "tumour")
    assert drawn(view) == {"tumour": ["1x1"], "stroma": ["2x0"]}
    assert [(c.name, c.count) for c in view.categories()] == [("tumour", 1), ("stroma", 1)]
    assert len({c.colour for c in view.categories()}) == 2
    assert view.region_codes().tolist() == [-1, -1, 1, -1, -1, 0] + [-1] * 10


def test_undo_and_redo_go_all_the_way():
    adata = section(4)
    view = SlideController(adata)
    before = adata.copy()
    view.select([0, 1], "a")
    view.select([1, 2], "b")
    view.rename("a", "c")
    view.delete("b")
    after = drawn(view)
    assert after == {"c": ["0x0"]}
    while view.undo():
        pass
    assert "region" not in adata.obs
    assert set(adata.uns) == set(before.uns) | {Uns.GENVIZ}
    while view.redo():
        pass
    assert drawn(view) == after
    assert not view.regions().can_redo
    view.undo()
    view.select([9], "d")  # a new branch
    assert not view.redo()
    assert set(drawn(view)) == {"c", "b", "d"}


def test_renaming_onto_another_joins():
    view = SlideController(section(4))
    view.select([0], "a")
    view.select([1], "b")
    view.select([2], "c")
    view.rename("a", "b")
    assert drawn(view) == {"b": ["0x0", "1x0"], "c": ["2x0"]}


def test_it_survives_h5ad(tmp_path):
    adata = section(4)
    SlideController(adata).select([3, 4], "tumour / edge")
    adata.write_h5ad(tmp_path / "x.h5ad")
    again = anndata.read_h5ad(tmp_path / "x.h5ad")
    assert again.obs["region"].notna().sum() == 2
    view = SlideController(again)
    assert [c.name for c in view.categories()] == ["tumour / edge"]
    assert list(again.uns["region_colors"]) == [view.categories()[0].colour]
    record = json.loads(again.uns[Uns.GENVIZ][Uns.REGIONS])["region"]
    assert record["drawn"] == "by hand"
    view.select([0], "tumour / edge", mode="add")
    view.undo()
    assert drawn(view) == {"tumour / edge": ["3x0", "0x1"]}


def test_what_others_change_is_a_step_and_not_lost():
    adata = section(4)
    one, two = SlideController(adata), SlideController(adata)
    one.select([0], "a")
    two.select([1], "b")
    assert drawn(one) == {"a": ["0x0"], "b": ["1x0"]}
    assert [c.name for c in one.categories()] == ["a", "b"]
    one.undo()  # the last change, whoever made it
    assert drawn(one) == {"a": ["0x0"]}
    one.undo()
    assert "region" not in adata.obs


def test_other_sections_stay_as_they_are():
    both = anndata.concat(
        [section(4, library="A"), section(4, library="B")], uns_merge="unique", index_unique="_"
    )
    view = SlideController(both)
    view.select([0, 1], "tumour")
    view.library = "B"
    view.select([2], "tumour")
    assert drawn(view) == {"tumour": ["0x0_0", "1x0_0", "2x0_1"]}


def test_columns_that_mean_something_else_are_refused():
    adata = section(4)
    for column in ("depth", "library_id", "a/b", " "):
        with pytest.raises(UsageError):
            SlideController(adata).select([0], "x", column=column)
    adata.obs["words"] = ["a", None] * 8
    view = SlideController(adata)
    view.select([1], "b", column="words")
    assert isinstance(adata.obs["words"].dtype, pd.CategoricalDtype)
    view.undo()
    assert [c.name for c in view.categories()] == ["a"]


@pytest.mark.parametrize(
    "wrong",
    [([16], "a", "add"), ([-1], "a", "add"), ([0], "  ", "add"), ([0], "a", "swap"), ([0], "new", "remove")],
)
def test_wrong_calls_change_nothing(wrong):
    adata = section(4)
    with pytest.raises(UsageError):
        SlideController(adata).select(*wrong)
    assert "region" not in adata.obs


def test_many_regions_have_colours():
    view = SlideController(section(8))
    for i in range(20):
        view.select([i], f"r{i}")
    assert all(len(c.colour) == 7 for c in view.categories())


def test_rows_of_a_view_become_their_own_object():
    adata = section(8)
    part = adata[:10]
    with pytest.warns(Warning):  # anndata says that it copies
        SlideController(part).select([0], "a")
    assert part.obs["region"].notna().sum() == 1
    assert "region" not in adata.obs
