"""What a user gets wrong first: each refused in one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genviz._errors import DataError, UsageError
from tests.models.pathar.tile_cases import LABELS, SIDE, loaded_as, untrained


@pytest.fixture(scope="module")
def model():
    return loaded_as(untrained())


def on_rows(model, method, value):
    others = {"inpaint": (np.ones((SIDE, SIDE)),), "swap": (value,)}
    return getattr(model, method)(value, *others.get(method, ()))


@pytest.mark.parametrize("method", ["encode", "decode", "log_prob", "render", "swap", "inpaint"])
@pytest.mark.parametrize(
    ("value", "came"), [("good.h5ad", "a str"), (None, "None"), (pd.DataFrame(), "a DataFrame")]
)
def test_rows_are_an_anndata(model, method, value, came):
    with pytest.raises(UsageError, match=f"^Expected an AnnData; got {came}[.] "):
        on_rows(model, method, value)


@pytest.mark.parametrize("method", ["generate", "masks"])
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "Expected labels, a list of names out of dark, stained; got None."),
        (5, "Expected labels, a list of names out of dark, stained; got 5."),
        ("", "Expected labels out of dark, stained; got ''."),
        (["dark", " "], "Expected labels out of dark, stained; got ' '."),
    ],
)
def test_labels(model, method, labels, said):
    with pytest.raises(UsageError) as caught:
        getattr(model, method)(labels)
    assert str(caught.value) == said


CUT = f"Cut them with gv.pp.crops(adata, size_px={SIDE})."


@pytest.mark.parametrize(
    ("shape", "came", "then"),
    [
        ((128,), "128 values", CUT),
        ((128, 128), "128 x 128", CUT),
        ((2, 128, 128), "2 x 128 x 128", CUT),
        ((SIDE, SIDE, 3), f"{SIDE} x {SIDE} x 3", "Colours are no mask: take one channel."),
        ((2, SIDE, SIDE, 3), f"2 x {SIDE} x {SIDE} x 3", "Colours are no mask: take one channel."),
    ],
)
def test_masks_of_another_shape_are_named(model, shape, came, then):
    with pytest.raises(DataError) as caught:
        model.from_mask(np.ones(shape, int), LABELS[0])
    assert str(caught.value) == (f"Expected masks of {SIDE} x {SIDE} pixels; got {came}. {then}")


@pytest.mark.parametrize(
    ("masks", "came"),
    [("masks.png", "a str"), (Path("masks.png"), f"a {type(Path()).__name__}"), (None, "None")],
)
def test_a_path_is_no_mask(model, masks, came):
    with pytest.raises(
        UsageError, match=rf"Expected masks, an array \(n, H, W\) or an AnnData; got {came}\."
    ):
        model.from_mask(masks, LABELS[0])


def test_no_masks(model):
    with pytest.raises(DataError, match="Expected at least one mask; got none"):
        model.from_mask(np.ones((0, SIDE, SIDE), int), LABELS[0])
