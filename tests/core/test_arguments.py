"""What was expected, what came, what to do next."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz._errors import UsageError
from genviz.core.arguments import check_adata, check_list, check_number, shown


def test_rows_and_views_of_them_pass():
    adata = ad.AnnData(np.ones((3, 2)))
    check_adata(adata)
    check_adata(adata[:1])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("good.h5ad", "got a str. Read it with gv.io.read_h5ad."),
        (Path("good.h5ad"), f"got a {type(Path()).__name__}. Read it with gv.io.read_h5ad."),
        (None, "got None. Give rows as gv.io reads them."),
        (pd.DataFrame(), "got a DataFrame. Give rows as gv.io reads them."),
        (np.ones(3), "got an ndarray. Give rows as gv.io reads them."),
    ],
)
def test_anything_else_is_named(value, said):
    with pytest.raises(UsageError) as caught:
        check_adata(value)
    assert str(caught.value) == f"Expected an AnnData; {said}"
    with pytest.raises(UsageError, match=r"^Expected tiles, an AnnData; got"):
        check_adata(value, "tiles")


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "5", None, np.float64(3)])
def test_only_whole_numbers_from_1_are_numbers(value):
    with pytest.raises(UsageError) as caught:
        check_number("n", value)
    assert str(caught.value) == f"Expected n, a whole number from 1; got {value!r}."


def test_numbers_come_back_as_python_has_them():
    assert type(check_number("n", np.int64(4))) is int


@pytest.mark.parametrize(
    "values", [["a", "b"], ("a", "b"), np.array(["a", "b"]), pd.Series(["a", "b"]), iter("ab")]
)
def test_lists_of_any_kind_are_lists(values):
    assert check_list("names", values, "names") == ["a", "b"]


@pytest.mark.parametrize("values", ["ab", b"ab", 5, None, {"a": 1}, np.array(2.0)])
def test_what_is_no_list_is_refused(values):
    with pytest.raises(UsageError) as caught:
        check_list("genes", values, "names")
    assert str(caught.value) == f"Expected genes, a list of names; got {values!r}."


def test_one_may_stand_for_a_list():
    assert check_list("genes", "ab", "names", one=str) == ["ab"]
    assert check_list("fold", 2, "doses", one=(int, float)) == [2]
    with pytest.raises(UsageError, match="got True"):
        check_list("fold", True, "doses", one=(int, float))


def test_long_values_are_named_by_their_kind():
    assert shown([1]) == "[1]"
    assert shown(pd.DataFrame({"a": [1, 2]})) == "a DataFrame"
    assert shown(np.arange(100)) == "an ndarray"
