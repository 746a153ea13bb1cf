"""Training through the model object: stages that continue, rows that are never read."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genviz import pp
from genviz._errors import DataError, UsageError
from genviz.models import GeneVAR
from tests.models.genevar.model_cases import NANO, rows

FAST = NANO | {"tokenizer": {"gan_epochs": 0, "max_epochs": 1}}


def declared(n_train=14, n_test=6, seed=0):
    """Rows of which the last ones are for testing."""
    adata = rows(n_train + n_test, seed)
    adata.obs["split"] = ["train"] * n_train + ["test"] * n_test
    GeneVAR.setup_anndata(adata)
    return adata


def trained(adata, **how):
    return GeneVAR(adata, preset="nano", **FAST).train(seed=0, device="cpu", precision="32-true", **how)


def weights(model):
    fitted = model.fitted
    parts = [fitted.tokenizer, fitted.flow, fitted.prior]
    return torch.cat([value.flatten().float() for part in parts for value in part.state_dict().values()])


@pytest.fixture(scope="module")
def whole():
    return trained(declared())


def test_nothing_of_the_test_rows_is_read(whole):
    adata = declared()
    held_out = (adata.obs["split"] == "test").to_numpy()
    adata.obsm["tiles"][held_out] = 0
    counts = adata.X.toarray()
    counts[held_out] = 7
    adata.X = counts
    assert torch.equal(weights(trained(adata)), weights(whole))
    assert not set(adata.obs_names[held_out]) & set(whole.fitted.training_rows)


def test_stages_one_by_one_and_resumed_give_the_same(whole, tmp_path):
    for stage in ("vae", "tokenizer", "meanflow", "prior"):
        model = trained(declared(), stage=stage, out_dir=tmp_path)
    assert torch.equal(weights(model), weights(whole))
    again = trained(declared(), stage="prior", out_dir=tmp_path, resume=True)
    assert torch.equal(weights(again), weights(whole))
    again.save(tmp_path / "model")
    loaded = GeneVAR.load(tmp_path, device="cpu")
    first, second = (m.generate(rows(3, 4), seed=2) for m in (whole, loaded))
    np.testing.assert_array_equal(first.obsm["genevar"], second.obsm["genevar"])


def test_a_stage_that_others_are_built_on_is_not_trained_again_in_a_finished_run(tmp_path):
    trained(declared(), out_dir=tmp_path)
    before = {file: file.read_bytes() for file in (tmp_path / "stages").iterdir()}
    for stage, later in (
        ("vae", "meanflow and prior"),
        ("tokenizer", "meanflow and prior"),
        ("meanflow", "prior"),
    ):
        for resume in (False, True):
            with pytest.raises(UsageError, match=rf"built on '{stage}'.* holds {later}.*another folder"):
                trained(declared(), stage=stage, out_dir=tmp_path, resume=resume)
    assert {file: file.read_bytes() for file in (tmp_path / "stages").iterdir()} == before
    trained(declared(), stage="prior", out_dir=tmp_path, resume=True)


def test_patients_are_kept_and_a_straddling_one_is_refused(tmp_path):
    adata = declared()
    adata.obs["patient"] = [f"p{i}" for i in range(20)]
    pp.split(adata, group_key="patient", test=[f"p{i}" for i in range(14, 20)])
    model = trained(adata, stage="vae")
    assert model.fitted.facts["patients_of_training"] == sorted(f"p{i}" for i in range(14))
    assert model.fitted.facts["split_by"] == "patient"
    adata.obs["patient"] = "p0"
    with pytest.raises(DataError, match="1 straddle: 'p0'"):
        trained(adata, stage="vae")


def test_tiles_made_of_held_out_rows_train_nothing():
    adata = declared()
    made = rows(20)[12:16].copy()
    made.obs["source"], made.obs["draw"] = made.obs_names.to_numpy(), 0
    with pytest.raises(DataError, match=r"2 of 4 come from held-out ones \(test\)"):
        trained(adata, unpaired=made)


def test_results_say_which_sections_were_trained_on(whole):
    given = rows(4)
    given.obs["library_id"] = ["A", "A", "new", "new"]
    record = json.loads(whole.generate(given).uns["genviz"]["genevar"])
    assert record["sections_of_training"] == ["A"] and record["phantom"] is False
    given.uns["genviz"] = {"synthetic": "{}"}
    assert json.loads(whole.generate(given[2:].copy()).uns["genviz"]["genevar"])["phantom"] is True


def test_what_cannot_be_trained_is_refused(whole, tmp_path):
    with pytest.raises(UsageError, match="out_dir"):
        trained(declared(), resume=True)
    with pytest.raises(UsageError, match="stage='vae'"):
        trained(declared(), stage="prior", out_dir=tmp_path)
    with pytest.raises(UsageError, match="stage"):
        trained(declared(), stage="gan")
    adata = declared()
    adata.obs["split"] = "test"
    with pytest.raises(DataError, match="train"):
        trained(adata)
    whole.save(tmp_path / "model")
    with pytest.raises(UsageError, match="loaded"):
        GeneVAR.load(tmp_path / "model").train()


def test_ctrl_c_between_epochs_says_how_to_go_on(monkeypatch, tmp_path):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("genviz.models.genevar.training.flow.token_views", stopped)
    with pytest.raises(KeyboardInterrupt, match="resume=True"):
        trained(declared(), out_dir=tmp_path)


def test_ctrl_c_says_how_to_go_on(monkeypatch, tmp_path):
    monkeypatch.setattr("genviz.models.genevar.training_run.train", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt, match="resume=True"):
        trained(declared(), out_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt, match="out_dir"):
        trained(declared())
