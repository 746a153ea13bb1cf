"""A checkpoint gives the model back, and refuses parts that were not trained together."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genviz._errors import CheckpointError, UsageError
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint
from genviz.models import GenAR, GeneVAR
from genviz.models.genevar.checkpoint import KIND, load_fitted, save_fitted
from genviz.models.genevar.fitted import Fitted
from tests.models.genevar.model_cases import model, rows

EVERY = {
    "pca": {},
    "vae": {"condition": {"kind": "vae", "n_genes": 12, "max_epochs": 1}},
    "class": {"condition": {"kind": "class"}},
    "linear": {"condition": {"kind": "linear", "n_genes": 12}, "flow": {"use_z": False}},
    "plain": {"refine": False, "mask": {"strategy": "none"}, "prior": {"n_inject": 0}},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genevar")
    for name in ("one", "two"):
        model(rows(seed=len(name))).save(folder / name)
    other = model(prior={"width": 64})
    other.save(folder / "wide")
    return folder


@pytest.mark.parametrize("name", EVERY)
def test_a_loaded_model_is_the_saved_one(name, tmp_path):
    made, given = model(**EVERY[name]), rows(5, 3)
    made.save(tmp_path / "model", card="# A model\n")
    found = GeneVAR.load(tmp_path / "model", device="cpu")
    assert found.config == made.config and found.genes == made.genes and found.preset == "nano"
    assert found.setup.told() == made.setup.told()
    assert found.fitted.sha256 == made.fitted.sha256 and found.fitted.split_sha256 == made.fitted.split_sha256
    assert found.fitted.format == made.fitted.format == 1
    first, second = (m.generate(given, n=2, seed=1) for m in (made, found))
    record = json.loads(second.uns["genviz"]["genevar"])
    assert record["checkpoint_format"] == 1 and record["transductive"] == []
    for key in first.obsm:
        np.testing.assert_array_equal(first.obsm[key], second.obsm[key])
    if made.fitted.flow is not None:
        assert float(found.fitted.flow.scale) == pytest.approx(1.7)
    assert found.fitted.prior.first_injected == made.fitted.prior.first_injected
    for first, second in zip(made.fitted.conditioner.state(), found.fitted.conditioner.state(), strict=True):
        assert first.keys() == second.keys()  # means and deviations of codes among them
        assert all(np.array_equal(first[key], second[key]) for key in first)
    assert {file.name for file in (tmp_path / "model").iterdir()} == {
        "config.json", "weights.safetensors", "genes.txt", "split.json", "card.md",
    }  # fmt: skip


def test_half_precision_is_half_as_large_and_keeps_the_statistics(tmp_path):
    made = model()
    made.save(tmp_path / "whole")
    made.save(tmp_path / "half", half=True)
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    found = GeneVAR.load(tmp_path / "half", device="cpu")
    np.testing.assert_array_equal(
        found.fitted.conditioner.components_ZU, made.fitted.conditioner.components_ZU
    )
    assert found.generate(rows(3), seed=0).n_obs == 3


def test_a_number_too_large_for_half_precision_stays_whole(tmp_path):
    made = model().fitted
    made.tokenizer.quantiser.count_V[0] = 1e6
    save_fitted(made, tmp_path / "model", half=True)
    assert float(load_fitted(tmp_path / "model").tokenizer.quantiser.count_V[0]) == 1e6


@pytest.mark.parametrize("part", ["tokenizer", "condition", "flow"])
def test_a_prior_with_a_part_of_another_training_is_refused(saved, tmp_path, part):
    one, two = (load_checkpoint(saved / name, kind=KIND) for name in ("one", "wide"))
    foreign = {name: value for name, value in two.tensors.items() if name.startswith(f"{part}.")}
    foreign = {name: value + 1 if value.is_floating_point() else value for name, value in foreign.items()}
    save_checkpoint(tmp_path / "mixed", one.config, one.tensors | foreign, one.texts, kind=KIND)
    with pytest.raises(CheckpointError, match="trained together"):
        load_fitted(tmp_path / "mixed")


def test_networks_of_another_size_are_refused(saved, tmp_path):
    one, wide = (load_checkpoint(saved / name, kind=KIND) for name in ("one", "wide"))
    save_checkpoint(tmp_path / "mixed", wide.config, one.tensors, one.texts, kind=KIND)
    with pytest.raises(CheckpointError, match="fit together"):
        load_fitted(tmp_path / "mixed")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    made = model().fitted
    made.prior.head.bias.data[0] = torch.nan
    save_fitted(made, tmp_path / "model")
    with pytest.raises(CheckpointError, match="not finite"):
        load_fitted(tmp_path / "model")


def test_a_model_of_another_kind_is_refused(saved):
    with pytest.raises(CheckpointError, match="genevar"):
        GenAR.load(saved / "one")


def test_first_stages_alone_can_be_saved_and_say_what_is_missing(tmp_path):
    whole = model().fitted
    part = Fitted(whole.config, whole.genes, tokenizer=whole.tokenizer)
    save_fitted(part, tmp_path / "model")
    found = GeneVAR.load(tmp_path / "model", device="cpu")
    assert found.reconstruct(rows(2)).n_obs == 2
    with pytest.raises(UsageError, match="prior"):
        found.generate(rows(2))


def test_a_model_that_was_not_trained_says_so():
    given = rows()
    GeneVAR.setup_anndata(given)
    with pytest.raises(UsageError, match="trained"):
        GeneVAR(given, preset="nano").generate(given)
