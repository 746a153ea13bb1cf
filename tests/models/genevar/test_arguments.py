"""What a user gets wrong first: each refused in one sentence that names it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genviz._errors import DataError, UsageError
from genviz.models.genevar.conditions import told_by
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def trained():
    return model()


@pytest.fixture(scope="module")
def few():
    return rows(3)


@pytest.mark.parametrize("method", ["generate", "log_prob"])
@pytest.mark.parametrize(
    ("value", "came"), [("good.h5ad", "a str"), (None, "None"), (pd.DataFrame(), "a DataFrame")]
)
def test_rows_are_an_anndata(trained, method, value, came):
    with pytest.raises(UsageError, match=f"^Expected an AnnData; got {came}[.] "):
        getattr(trained, method)(value)


@pytest.mark.parametrize(
    ("depth", "came"),
    [
        (-1, "-1. Correct depth, or leave it out."),
        (0, "0. Correct depth, or leave it out."),
        (float("nan"), "nan. Correct depth, or leave it out."),
        (float("inf"), "inf. Correct depth, or leave it out."),
        ([100, -5, 0], "-5 for '1x0_0', '2x0_0'. Correct depth, or leave it out."),
        ([100, 100], "numbers of shape (2,)."),
        (["a", "b", "c"], "['a', 'b', 'c']."),
        ({"a": 1}, "{'a': 1}."),
    ],
)
def test_a_wrong_depth_is_named_and_not_the_rows(trained, few, depth, came):
    with pytest.raises(DataError) as caught:
        trained.generate(few, depth=depth)
    assert str(caught.value) == (
        f"Expected a depth, all reads of a row: a number above 0, or one for each of 3 rows; got {came}"
    )


def test_a_wrong_column_of_depths_is_named(trained, few):
    few = few.copy()
    few.obs["reads"] = [100.0, np.nan, 100.0]
    with pytest.raises(DataError, match="got nan for '1x0_0'"):
        trained.generate(few, depth="reads")


def test_rows_without_reads_are_named_where_no_depth_is_given(trained, few):
    few = few.copy()
    few.X = few.X.toarray()
    few.X[1] = 0
    with pytest.raises(DataError, match="reads in every row; 1 have none: '1x0_0'"):
        trained.generate(few)


@pytest.mark.parametrize(("depth", "expected"), [(500, [500.0] * 3), ([1, 2, 3], [1.0, 2.0, 3.0])])
def test_depths_are_taken(trained, few, depth, expected):
    assert told_by(trained.fitted, few, depth=depth).profiles.depth_N.tolist() == expected
