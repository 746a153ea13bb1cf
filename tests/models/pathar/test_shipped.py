"""The model in the box: it loads, it is small, it repeats itself, and its card and scores are there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz.models import PathAR, zoo

NAME = "pathar-dsb-mini"


@pytest.fixture(scope="module")
def model() -> PathAR:
    return PathAR.load(NAME, device="cpu")


def test_it_is_small_and_has_a_card(model):
    folder = zoo.folder_of(NAME)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 12e6
    card = (folder / "card.md").read_text()
    assert "CC0" in card
    assert "swap_ownership_structure" in card
    assert model.labels == ("brightfield_cytology", "fluorescence", "histology")


def test_it_was_trained_on_the_training_split_only(model, genviz_data):
    index = (genviz_data / "dsb2018" / "index.csv").read_text().splitlines()
    column = index[0].split(",").index("split")
    train = {line.split(",")[0] for line in index[1:] if line.split(",")[column] == "train"}
    assert set(model.fitted.training_rows) == train


def test_pairs_repeat_themselves_and_follow_their_label(model):
    made = model.generate(["fluorescence", "histology"], n=2, seed=0)
    again = model.generate("histology", n=1, seed=0)
    np.testing.assert_array_equal(made["histology-0"].obsm["pathar"], again.obsm["pathar"])
    dark, stained = made.obsm["pathar"][:2], made.obsm["pathar"][2:]
    assert (dark == dark[..., :1]).all()
    assert (stained.max(axis=-1).astype(int) - stained.min(axis=-1)).mean() > 10
    assert json.loads(made.uns["genviz"]["pathar"])["synthetic"] is True
