"""Attention over the ring, from features that measure the own tile more closely than the ring's."""

from __future__ import annotations

import json

import numpy as np

from genviz.models import GenAR
from tests.models.genar.cases import tissue

N_OWN = 6


def test_it_trains_predicts_and_comes_back_from_disk(tmp_path):
    adata = tissue(60)
    ring = np.random.default_rng(0).normal(size=(60, 8 * 2)).astype(np.float32)
    own = adata.obsm["X_morphology"][:, :N_OWN]
    adata.obsm["X_morphology"] = np.concatenate([own, ring], axis=1)
    record = {"name": "morphology", "ring": "each", "n_features": N_OWN + 16, "n_own": N_OWN}
    adata.uns["genviz"] = {"features": {"morphology": json.dumps(record)}}
    GenAR.setup_anndata(adata, genes=list(adata.var_names))
    model = GenAR(adata, preset="nano", neighbours="attention", max_epochs=2).train(seed=0)
    assert model.fitted.ensemble.config.n_own == N_OWN
    predicted = model.predict(adata, n_samples=16, seed=0)
    model.save(tmp_path / "model")
    again = GenAR.load(tmp_path / "model").predict(adata, n_samples=16, seed=0)
    np.testing.assert_array_equal(predicted.layers["genar"], again.layers["genar"])
