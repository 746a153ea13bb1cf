"""A run folder belongs to one run: what is resumed is that run and no other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz._errors import CheckpointError, UsageError
from genviz._settings import settings
from genviz.models import GenAR
from tests.models.genar.cases import tissue
from tests.models.genar.test_training import interrupt_in, same, weights


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(settings, "progress", False)


def model(adata=None, **options) -> GenAR:
    adata = tissue(60) if adata is None else adata
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", **options)


def test_a_fresh_run_leaves_nothing_of_an_earlier_one_to_resume(tmp_path, monkeypatch):
    whole = weights(model(n_members=2).train(3, seed=1))
    model(n_members=2).train(3, seed=0, out_dir=tmp_path)  # finished: member_1 has a checkpoint of seed 0
    with monkeypatch.context() as patch:
        interrupt_in(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            model(n_members=2).train(3, seed=1, out_dir=tmp_path)
    assert not (tmp_path / "member_1").exists()
    assert same(weights(model(n_members=2).train(3, seed=1, out_dir=tmp_path, resume=True)), whole)


def test_foreign_files_are_not_deleted(tmp_path):
    model().train(1, seed=0, out_dir=tmp_path)
    (tmp_path / "member_0" / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match=r"found notes.txt.*move it away"):
        model().train(1, seed=0, out_dir=tmp_path)
    assert (tmp_path / "member_0" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "member_0" / "last.ckpt").is_file()


def test_checkpoints_of_an_unknown_run_are_not_resumed(tmp_path):
    model().train(1, seed=0, out_dir=tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        model().train(1, seed=0, out_dir=tmp_path, resume=True)
    (tmp_path / "run.json").unlink()
    with pytest.raises(CheckpointError, match=r"Expected run.json beside the checkpoints"):
        model().train(1, seed=0, out_dir=tmp_path, resume=True)


def other_counts():
    adata = tissue(60)
    adata.X[3, 4] += 1
    return adata


def other_features():
    adata = tissue(60)
    adata.obsm["X_morphology"] = adata.obsm["X_morphology"] + np.float32(0.5)
    return adata


def other_recipe():
    adata = tissue(60)
    adata.uns["genviz"] = {"features": {"morphology": json.dumps({"name": "uni"})}}
    return adata


@pytest.mark.parametrize(
    ("made", "training"),
    [
        ({}, {"seed": 1}),
        ({}, {"patience": 3}),
        ({}, {"precision": "bf16-mixed"}),
        ({}, {"val": "S1"}),
        ({"normalise": "section"}, {}),
        ({"adata": other_counts}, {}),
        ({"adata": other_features}, {}),
        ({"adata": other_recipe}, {}),
    ],
)
def test_everything_that_decides_the_weights_decides_what_may_resume(tmp_path, made, training):
    model().train(1, seed=0, out_dir=tmp_path)
    model().train(1, seed=0, out_dir=tmp_path, resume=True)
    options = {name: value() if callable(value) else value for name, value in made.items()}
    with pytest.raises(UsageError, match="differ"):
        model(**options).train(1, out_dir=tmp_path, resume=True, **{"seed": 0, **training})
