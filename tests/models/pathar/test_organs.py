"""Organs beside labels: optional, learned with a null of their own, told or carried by rows, kept in the file."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from genviz import datasets, io, pp
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models import PathAR
from genviz.models.pathar.checkpoint import save_fitted
from genviz.models.pathar.conditions import conditions_of
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.setup import Setup, read_setup
from genviz.models.pathar.training.stages import training_images, validation_images
from tests.models.pathar.tile_cases import (
    LABELS,
    SHORT,
    SIDE,
    discs,
    same,
    trained,
    untrained,
    weights,
)

S, A = "structure_tokens", "appearance_tokens"
ORGANS = ("kidney", "liver")
CPU = {"seed": 0, "device": "cpu", "precision": "32-true"}


def nuclei():
    """Phantom nuclei, cut to tiles; each image has an organ or none."""
    rows = pp.crops(datasets.phantom("nuclei"), SIDE * 2)
    rows = rows[:12].copy()
    rows.obs["tissue_site"] = pd.Categorical([("liver", "kidney", None)[k % 3] for k in range(rows.n_obs)])
    return rows


@pytest.fixture(scope="module")
def model():
    """Trained on nuclei with organs, its heads shaken so that every token depends on what it may see."""
    rows = nuclei()
    PathAR.setup_anndata(rows, organ_key="tissue_site")
    model = PathAR(rows, preset="nano", **SHORT).train(**CPU)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in (model.fitted.prior.label_in, model.fitted.prior.organ_in):
            parameter.weight.normal_()
        for head in (model.fitted.prior.structure_out, model.fitted.prior.appearance_out):
            head.weight.normal_(std=0.4)
    return model


@pytest.fixture(scope="module")
def label(model):
    return model.labels[0]


def equal(a, b):
    return np.array_equal(a.obsm[S], b.obsm[S]) and np.array_equal(a.obsm[A], b.obsm[A])


def test_training_takes_the_organs_of_the_column(model):
    assert model.organs == model.fitted.organs == ORGANS and model.fitted.prior.n_organs == 2
    assert model.fitted.facts["organ_key"] == "tissue_site"
    rows = nuclei()
    PathAR.setup_anndata(rows, organ_key="tissue_site")
    images = training_images(rows, read_setup(rows), SIDE)
    assert images.organs.tolist() == [1, 0, 2] * 4  # liver, kidney, unknown
    assert images.digest() != training_images(rows, Setup("label", "split", model.labels), SIDE).digest()


def test_training_batches_carry_organs_and_the_null():
    before, found = [], declared_with_organs()
    found._fitted = untrained()
    own = Prior.loss

    def noted(self, s, a, label, organ=None):
        before.append(None if organ is None else organ.clone())
        return own(self, s, a, label, organ)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prior, "loss", noted)
        found.train(stage="prior", **CPU)
    assert all(organ is not None for organ in before)
    assert set(torch.cat(before).tolist()) == {0, 1, 2}


def declared_with_organs():
    rows = discs()
    rows.obs["organ"] = [None if k % 4 == 0 else ORGANS[k % 2] for k in range(rows.n_obs)]
    rows.obs.loc[rows.obs["split"] == "val", "organ"] = "spleen"
    PathAR.setup_anndata(rows, organ_key="organ")
    return PathAR(rows, preset="nano", **SHORT)


def test_organs_of_validation_rows_may_be_unknown():
    rows = declared_with_organs()._adata
    assert validation_images(rows, read_setup(rows), SIDE).organs.tolist() == [2] * 4


def test_another_organ_changes_logits_and_rows(model, label):
    made = {organ: model.generate(label, n=2, seed=0, organs=organ) for organ in (*ORGANS, None)}
    assert list(made["liver"].obs_names) == [f"{label}-liver-0", f"{label}-liver-1"]
    assert made["liver"].obs["organ"].tolist() == ["liver"] * 2
    assert list(made[None].obs_names) == [f"{label}-0", f"{label}-1"] and "organ" not in made[None].obs
    rows = made["liver"]
    found = {
        organ: model.log_prob(rows_with(rows, organ)).obsm["pathar_structure_log_prob"] for organ in made
    }
    for one, other in (("liver", "kidney"), ("liver", None), ("kidney", None)):
        assert not np.array_equal(found[one], found[other])
        rendered = [model.render(rows, n=2, seed=0, organs=[organ] * 2) for organ in (one, other)]
        assert np.array_equal(rendered[0].obsm[S], rendered[1].obsm[S])
        assert not np.array_equal(rendered[0].obsm[A], rendered[1].obsm[A])


def rows_with(rows, organ):
    rows = rows.copy()
    rows.obs["organ"] = pd.Categorical([organ] * rows.n_obs, categories=ORGANS)
    return rows


def test_a_label_may_come_with_several_organs(model, label):
    rows = model.generate([label] * 3, n=2, seed=0, organs=["liver", None, "kidney"])
    assert rows.obs_names[::2].tolist() == [f"{label}-liver-0", f"{label}-0", f"{label}-kidney-0"]
    assert rows.obs["organ"].isna().tolist() == [False] * 2 + [True] * 2 + [False] * 2
    assert equal(rows[:2], model.generate(label, n=2, seed=0, organs="liver"))
    assert np.array_equal(model.masks(label, n=2, seed=0, organs="kidney").obsm[S], rows.obsm[S][4:])
    with pytest.raises(UsageError, match="each once"):
        model.generate([label] * 2, organs="liver")
    record = json.loads(rows.uns["genviz"]["pathar"])
    assert record["parameters"]["organs"] == ["", "kidney", "liver"]


def test_rows_carry_their_organs(model, label, tmp_path):
    """What rows say of themselves is taken, unless told otherwise; and it survives a file."""
    rows = model.generate([label] * 2, n=1, seed=0, organs=["liver", None])
    io.write_h5ad(rows, tmp_path / "rows.h5ad")
    rows = io.read_h5ad(tmp_path / "rows.h5ad")
    assert conditions_of(model.fitted, rows).organs == ["liver", None]
    assert equal(model.render(rows, seed=0), rows)
    whole = np.ones((SIDE, SIDE), bool)
    for made in (
        model.inpaint(rows, whole, seed=0),
        model.inpaint(rows, whole, what="appearance", seed=0),
    ):
        assert equal(made, rows) and made.obs["organ"].tolist()[0] == "liver"
    assert not equal(model.inpaint(rows, whole, organs="kidney", seed=0), rows)
    several = model.inpaint(rows, whole, n=2, n_candidates=2, seed=0)
    assert several.obs["organ"].isna().tolist() == [False] * 2 + [True] * 2
    for made in (model.decode(rows), model.swap(rows, rows), model.render(rows, n=1, seed=0)):
        assert made.obs["organ"].isna().tolist() == [False, True]
    own = nuclei()[:3].copy()
    for key in ("tiles", "masks"):
        own.obsm[key] = own.obsm[key][:, :SIDE, :SIDE]
    own.obs = own.obs.drop(columns=["height", "width"], errors="ignore")
    assert conditions_of(model.fitted, own).organs == ["liver", "kidney", None]
    made = model.from_mask(own, label, seed=0)
    assert made.obs["organ"].tolist()[:2] == ["liver", "kidney"]
    assert not equal(made, model.from_mask(own, label, seed=0, organs="kidney"))


def test_a_saved_model_keeps_its_organs(model, label, tmp_path):
    model.save(tmp_path / "m")
    loaded = PathAR.load(tmp_path / "m", device="cpu")
    assert loaded.organs == ORGANS and loaded.setup.organ_key == "tissue_site"
    assert same(weights(loaded.fitted.prior), weights(model.fitted.prior))
    organs = ["liver", None]
    made = [m.generate([label] * 2, n=1, seed=4, organs=organs) for m in (model, loaded)]
    assert equal(*made)


def test_a_checkpoint_from_before_organs_loads_and_gives_the_same(tmp_path):
    """The shipped model is one, too."""
    now = trained()
    facts = {name: value for name, value in now.fitted.facts.items() if not name.startswith("organ")}
    assert len(facts) == len(now.fitted.facts) - 2
    save_fitted(replace(now.fitted, facts=facts), tmp_path / "old")
    loaded = PathAR.load(tmp_path / "old", device="cpu")
    assert loaded.organs == () and loaded.fitted.prior.organ_in is None
    made = loaded.generate(LABELS, n=1, seed=0)
    assert equal(made, now.generate(LABELS, n=1, seed=0)) and "organ" not in made.obs
    assert "organs" not in json.loads(made.uns["genviz"]["pathar"])["parameters"]


def test_what_cannot_be_meant_is_refused(model, label):
    rows = nuclei()
    with pytest.raises(MissingKeyError, match=r"organs in obs\['site'\].*organ_key="):
        PathAR.setup_anndata(rows, organ_key="site")
    rows.obs["empty"] = pd.Series([None] * rows.n_obs, index=rows.obs_names, dtype=object)
    with pytest.raises(DataError, match="no training row has one"):
        PathAR.setup_anndata(rows, organ_key="empty")
    with pytest.raises(UsageError, match="organs out of kidney, liver; got spleen"):
        model.generate(label, organs="spleen")
    with pytest.raises(UsageError, match="one organ, or one for each of 1 rows; got 2"):
        model.generate(label, organs=["liver", "kidney"])
    generated = model.generate(label, seed=0)
    generated.obs["organ"] = "spleen"
    with pytest.raises(UsageError, match="got spleen"):
        model.render(generated)
