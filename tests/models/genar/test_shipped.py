"""The model in the box: complete, small, attributed, and able to predict tissue that it never saw."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, pp
from genviz.models import GenAR, zoo
from genviz.recipes.genar.held_out import without_counts
from tests.recipes.cases import small_phantom

NAME = "genar-her2st-mini"


@pytest.fixture(scope="module")
def model():
    return GenAR.load(NAME)


def test_it_is_small_and_says_what_it_is():
    folder = zoo.folder_of(NAME)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 4e6
    card = (folder / "card.md").read_text(encoding="utf-8")
    for said in ("CC BY 4.0", "Andersson", "C2, C3, C4, C5", "ridge", "Limits", "Not for diagnosis"):
        assert said in card


def test_it_was_trained_on_the_four_sections_and_the_published_panel(model):
    assert sorted(model.fitted.training_rows) == ["C2", "C3", "C4", "C5"]
    assert sorted(model.genes) == sorted(datasets.panel("genes_genar200"))
    assert model.normalise == "train" and not model.config.position


@pytest.mark.filterwarnings("ignore:.*unlike any training tissue", "ignore:Trained on patient")
def test_it_predicts_tissue_without_counts(model):
    adata = without_counts(small_phantom())
    adata = adata[adata.obs["library_id"] == adata.obs["library_id"].iloc[0]].copy()
    pp.embed(adata)
    predicted = model.predict(adata, n_samples=32, seed=0)
    mean = predicted.layers["genar"]
    assert mean.shape == (adata.n_obs, 200) and np.isfinite(mean).all() and (mean >= 0).all()
    with pytest.warns(UserWarning, match="predicted median panel count .*, told 150"):
        told = model.predict(adata, n_samples=32, seed=0, depth=150)
    assert np.median(told.layers["genar"].sum(axis=1)) == pytest.approx(150, rel=0.2)
