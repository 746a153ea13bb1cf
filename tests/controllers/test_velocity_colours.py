"""Colours of columns: order, range, gaps, more categories than colours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genviz.controllers.velocity_colours import MOST, category_colours, choices, colouring
from genviz.pl.colours import CATEGORIES


def test_categories_keep_their_order_and_the_colours_of_figures():
    column = pd.Categorical(["b", "a", "b", "c"], categories=["c", "b", "unused", "a"], ordered=True)
    found = colouring(pd.DataFrame({"kind": column}), "kind")
    assert found.names == ["c", "b", "a"] and found.colours == list(CATEGORIES[:3])
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
    assert len(set(category_colours(MOST))) == MOST and category_colours(8) == list(CATEGORIES)
    names = [f"k{i:02d}" for i in range(40) for _ in range(2 if i < 30 else 1)]
    found = colouring(pd.DataFrame({"kind": names}), "kind")
    assert len(found.names) == MOST + 1 and found.names[-1] == f"{40 - MOST} others"
    assert found.code_N.max() == MOST and "share grey" in found.note


def test_names_of_rows_are_no_column_to_colour_by():
    obs = pd.DataFrame(
        {"id": [f"x{i}" for i in range(60)], "yes": [True, False] * 30, "n": range(60), "no": [None] * 60}
    )
    assert [(one.name, one.numeric) for one in choices(obs)] == [("yes", False), ("n", True)]
