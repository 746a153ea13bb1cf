"""Training through the model object: stages that continue, rows that are never read."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from genviz import pp
from genviz._errors import DataError, GenvizError, UsageError
from genviz.models import GeneVAR
from genviz.models.genevar.conditions import told_by
from genviz.models.genevar.training_range import training_range
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


def n_epochs(part):
    """Epochs in the log of a part."""
    with (part / "log" / "metrics.csv").open() as file:
        return len({row["epoch"] for row in csv.DictReader(file) if row["epoch"]})


def test_max_epochs_bounds_every_stage_and_is_the_runs(tmp_path):
    changes = {
        "condition": NANO["condition"] | {"kind": "vae"},
        "tokenizer": {"ae_epochs": 3, "max_epochs": 2},
    }
    model = GeneVAR(declared(), preset="nano", **changes)
    how = {"seed": 0, "device": "cpu", "precision": "32-true", "out_dir": tmp_path}
    model.train(max_epochs=1, **how)
    parts = [
        "vae/part_fit",
        "tokenizer/part_autoencoder",
        "tokenizer/part_fit",
        "meanflow/part_fit",
        "prior/part_fit",
    ]
    assert {part: n_epochs(tmp_path / part) for part in parts} == dict.fromkeys(parts, 1)
    state = torch.load(tmp_path / "tokenizer" / "part_sharpen" / "last.ckpt", weights_only=True)
    assert state["epoch"] == 1
    bounds = dict.fromkeys(("vae", "tokenizer", "meanflow", "prior"), 1)
    assert GeneVAR.load(tmp_path / "stages").fitted.facts["max_epochs"] == bounds
    first = weights(model)
    for other in (None, 2):
        with pytest.raises(GenvizError, match="its own options and rows; they differ"):
            model.train(max_epochs=other, resume=True, **how)
    assert torch.equal(weights(model.train(max_epochs=1, resume=True, **how)), first)
    shutil.rmtree(tmp_path / "prior")
    model.train(stage="prior", **how)  # as many as the preset says: the bound is of a run, not of the model
    assert n_epochs(tmp_path / "prior" / "part_fit") == model.config.prior.max_epochs == 2
    assert model.fitted.facts["max_epochs"] == dict.fromkeys(("vae", "tokenizer", "meanflow"), 1)


def test_max_epochs_above_the_presets_changes_nothing(whole, tmp_path):
    trained(declared(), out_dir=tmp_path)
    again = trained(declared(), max_epochs=99, out_dir=tmp_path, resume=True)
    assert torch.equal(weights(again), weights(whole))
    with pytest.raises(UsageError, match="max_epochs, a whole number from 1; got 0"):
        trained(declared(), max_epochs=0)


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


def test_patients_and_sections_of_tiles_without_a_profile_are_kept():
    adata, others = declared(), rows(6, 5)
    adata.obs["patient"] = [f"p{i}" for i in range(20)]
    pp.split(adata, group_key="patient", test=[f"p{i}" for i in range(14, 20)])
    others.obs["patient"], others.obs["library_id"] = "p77", "C"
    others.obs_names = [f"tile-{i}" for i in range(6)]
    facts = trained(adata, stage="vae", unpaired=others).fitted.facts
    assert facts["patients_of_training"] == sorted([*(f"p{i}" for i in range(14)), "p77"])
    assert facts["sections"] == ["A", "B"] and facts["sections_unpaired"] == ["C"]
    others.obs["patient"] = "p19"
    with pytest.raises(DataError, match="unpaired tiles of training patients; 1 are held out: 'p19'"):
        trained(adata, stage="vae", unpaired=others)


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
    with pytest.raises(UsageError, match="stage"):
        trained(declared(), stage="gan")
    adata = declared()
    adata.obs["split"] = "test"
    with pytest.raises(DataError, match="train"):
        trained(adata)
    whole.save(tmp_path / "model")
    with pytest.raises(UsageError, match="loaded"):
        GeneVAR.load(tmp_path / "model").train()


def test_a_stage_without_those_before_it_names_them(tmp_path):
    """And leaves the run folder as it was."""
    every = r"'vae' and 'tokenizer' and 'meanflow' trained before 'prior'; .*no stage that it is built on.*--stage vae"
    with pytest.raises(UsageError, match=every):
        trained(declared(), stage="prior", out_dir=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="this model has no stage"):
        trained(declared(), stage="meanflow")
    trained(declared(), stage="vae", out_dir=tmp_path / "run")
    for stage, missing in (("meanflow", "'tokenizer'"), ("prior", "'tokenizer' and 'meanflow'")):
        for resume in (False, True):
            said = rf"Expected {missing} trained before '{stage}'; .*only 'vae'.*\(--stage tokenizer\)"
            with pytest.raises(UsageError, match=said):
                trained(declared(), stage=stage, out_dir=tmp_path / "run", resume=resume)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["stages", "vae"]
    trained(declared(), stage="tokenizer", out_dir=tmp_path / "run")  # it needs no other
    plain = GeneVAR(
        declared(), preset="nano", **(FAST | {"prior": {"n_inject": 0}, "mask": {"strategy": "none"}})
    )
    plain.train(seed=0, device="cpu", precision="32-true", stage="prior", out_dir=tmp_path / "run")


def test_a_condition_with_a_projection_goes_on_stage_by_stage(tmp_path):
    """Between stages it is stored without the projection, which the prior's training makes."""
    changes = FAST | {"condition": {"kind": "linear", "n_genes": 12}, "flow": {"use_z": False}}
    for stage in ("vae", "tokenizer", "meanflow", "prior"):
        made = GeneVAR(declared(), preset="nano", **changes)
        made.train(seed=0, device="cpu", precision="32-true", stage=stage, out_dir=tmp_path)
    span = made.fitted.span
    assert len(span.low_U) == 12 and span.centre_Z.shape == (made.fitted.conditioner.cond_dim,)


def test_the_range_of_the_training_rows_is_kept_and_no_other(whole):
    profiles = told_by(whole.fitted, declared()[:14].copy()).profiles
    again = training_range(whole.fitted, profiles)
    assert whole.fitted.span.to_json() == again.to_json() and again.n_rows == 14


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_in_the_prior_and_resumed_equals_uninterrupted(whole, tmp_path):
    """SIGKILL after the prior's first epoch is stored, then the whole command again, or that stage alone."""
    script = (
        "import os, signal, sys\n"
        "import genviz as gv\n"
        "from genviz.train import callbacks\n"
        "from tests.models.genevar.test_model_training import declared, trained\n"
        "gv.settings.progress = False\n"
        "done = callbacks.EpochCheckpoint.on_train_epoch_end\n"
        "def die(self, trainer, module):\n"
        "    done(self, trainer, module)\n"
        "    if os.path.exists(sys.argv[1] + '/prior/part_fit/last.ckpt'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "callbacks.EpochCheckpoint.on_train_epoch_end = die\n"
        "trained(declared(), out_dir=sys.argv[1])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run")], capture_output=True, check=False
    )
    assert ended.returncode == -9, ended.stderr.decode()[-800:]
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    for folder, stage in (("run", "all"), ("copy", "prior")):
        model = trained(declared(), stage=stage, out_dir=tmp_path / folder, resume=True)
        assert torch.equal(weights(model), weights(whole)) and model.fitted.facts == whole.fitted.facts


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
