"""What a prediction says about tissue that was drawn by a program."""

from __future__ import annotations

import json

import anndata as ad
import pytest

from genviz._settings import settings
from genviz.io.library import is_synthetic
from genviz.models import GenAR
from tests.models.genar.cases import tissue


def drawn(adata: ad.AnnData) -> ad.AnnData:
    """The rows as the phantom marks its own."""
    adata.uns.setdefault("genviz", {})["synthetic"] = json.dumps({"synthetic": True})
    return adata


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("predicted", [False, True])
def test_synthetic_if_rows_or_training_were(monkeypatch, learned, predicted):
    monkeypatch.setattr(settings, "progress", False)
    train, new = tissue(), tissue(6, seed=1)
    train = drawn(train) if learned else train
    GenAR.setup_anndata(train)
    model = GenAR(train, preset="nano").train(1, seed=0)
    result = model.predict(drawn(new) if predicted else new, n_samples=4)
    assert json.loads(result.uns["genviz"]["genar"])["synthetic"] is (learned or predicted)
    assert is_synthetic(result) is predicted


def test_rows_stay_synthetic_when_joined_sections_lose_the_mark():
    rows = tissue(6)
    assert not is_synthetic(rows)
    rows.obs["phantom_depth"] = 1.0
    assert is_synthetic(rows)
