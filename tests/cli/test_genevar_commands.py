"""GeneVAR on the command line: from counts and slides to tiles, and what is refused."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pytest

from genviz import io
from tests.models.genevar.model_cases import model, rows


def test_train_stage_by_stage_then_generate(run, tissue, tmp_path):
    """The main job, in calls that continue one another."""
    words = ("--data", tissue.rows, "--preset", "nano", "--unpaired", 6, "--out", tmp_path / "run", "--json")
    for stage in ("vae", "tokenizer", "meanflow", "prior"):
        said = run("train", "genevar", *words, "--stage", stage)
        assert said.code == 0, said.err
    assert json.loads(said.out) == {"model": str(tmp_path / "run" / "model")}
    out, given = tmp_path / "tiles.h5ad", tissue.read()
    words = ("--model", tmp_path / "run", "--adata", tissue.rows, "-n", 2, "--seed", 0)
    said = run("generate", "genevar", *words, "--out", out, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out) == {"out": str(out), "n": 2 * given.n_obs, "synthetic": True}
    made = ad.read_h5ad(out)
    assert made.obsm["genevar"].shape == (2 * given.n_obs, 32, 32, 3)
    assert made.obs["source"].astype(str).tolist() == np.repeat(given.obs_names, 2).tolist()
    record = json.loads(made.uns["genviz"]["genevar"])
    assert record["synthetic"] is True and len(record["checkpoint_sha256"]) == 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that knows none of the genes of the tissue."""
    return model().save(tmp_path_factory.mktemp("genevar") / "model")


def test_rows_that_do_not_fit_are_refused(run, tissue, folder, tmp_path, nothing_left):
    words = ("generate", "genevar", "--model", folder, "--adata", tissue.rows)
    assert "absent from the data" in run(*words, "--out", tmp_path / "out" / "tiles.h5ad").error
    assert ".h5ad" in run(*words, "--out", tmp_path / "out" / "tiles").error
    kept = tissue.rows.read_bytes()
    assert "would be lost" in run(*words, "--out", tissue.rows).error and tissue.rows.read_bytes() == kept
    nothing_left()


def test_stages_and_sections_that_do_not_exist_are_refused(run, tissue, tmp_path):
    words = ("train", "genevar", "--data", tissue.rows, "--preset", "nano", "--out", tmp_path / "run")
    assert "stage" in run(*words, "--stage", "gan").error
    assert "several sections" in run(*words, "--val", "C9").error
    assert "stage='vae'" in run(*words, "--stage", "prior").error
    assert "leave sections out" in run(*words, "--sections", "").error


def test_what_cannot_be_is_said_before_rows_are_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "genviz.recipes.genevar.jobs.load_training_rows", lambda *_: pytest.fail("rows were read")
    )
    words = ("train", "genevar", "--data", "her2st", "--out", tmp_path / "run")
    for wrong in (("--seed", -1), ("--preset", "huge"), ("--stage", "gan")):
        assert "Expected" in run(*words, *wrong).error
    (tmp_path / "run" / "vae").mkdir(parents=True)
    assert "--resume" in run(*words).error


def test_bad_counts_are_said_once(run, tmp_path):
    given = rows()
    trained = model(given)
    trained.save(tmp_path / "model")
    gene = trained.genes[trained.fitted.conditioner.scaler.columns_U[0]]
    given.X = given.X * 0.5
    io.write_h5ad(given, tmp_path / "half.h5ad")
    for words in (("generate", "genevar"), ("perturb", "--genes", gene)):
        places = ("--adata", tmp_path / "half.h5ad", "--out", tmp_path / "t.h5ad")
        said = run(*words, "--model", tmp_path / "model", *places)
        assert said.code == 1 and "not whole" in said.error and said.err.count("not whole") == 1


def test_full_memory_is_an_error_of_one_line(run, tissue, tmp_path, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr("genviz.recipes.genevar.jobs.rows_of", full)
    folder = model().save(tmp_path / "model")
    said = run("generate", "genevar", "--model", folder, "--adata", tissue.rows, "--out", tmp_path / "t.h5ad")
    assert said.code == 1 and "fewer rows or images" in said.error
