"""Both stages: what each leaves behind, what it needs, and going on after Ctrl-C."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from genviz._errors import DataError, GenvizError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm
from genviz.models import PathAR
from genviz.models.pathar.training.image_set import image_set
from genviz.models.pathar.training.prior import TOKENS
from genviz.models.pathar.training.stages import grey_labels
from genviz.models.pathar.training.tile_batches import TileDraws, TileOptions
from genviz.models.pathar.training.token_views import tokenised_views
from genviz.train import callbacks
from tests.models.pathar.tile_cases import (
    LABELS,
    SHORT,
    SIDE,
    declared,
    disc_set,
    discs,
    same,
    trained,
    untrained,
    weights,
)
from tests.models.pathar.training.test_tokenizer import interrupt

CPU = {"seed": 0, "device": "cpu", "precision": "32-true"}


def test_one_call_trains_both_parts(tmp_path):
    model = declared().train(out_dir=tmp_path, **CPU)
    assert model.fitted.prior is not None
    assert model.fitted.training_rows == [f"{label}{k}" for label in LABELS for k in (0, 1, 3, 4)]
    assert model.fitted.facts["grey_labels"] == ["dark"]
    assert PathAR.load(tmp_path / "tokenizer" / "model").fitted.prior is None
    with (tmp_path / "prior" / "part_fit" / "log" / "metrics.csv").open() as file:
        logged = csv.DictReader(file).fieldnames
    assert {"train_nll_structure", "val_nll_appearance"} <= set(logged)  # validation rows are only measured


def test_stage_by_stage_equals_all_at_once(tmp_path):
    whole = declared().train(**CPU).fitted
    model = declared().train(stage="tokenizer", **CPU)
    assert model.fitted.prior is None
    assert same(weights(model.train(stage="prior", **CPU).fitted.prior), weights(whole.prior))
    declared().train(stage="tokenizer", out_dir=tmp_path, **CPU)
    later = declared(preset="nano").train(stage="prior", out_dir=tmp_path, **CPU)
    assert same(weights(later.fitted.prior), weights(whole.prior))
    assert same(weights(later.fitted.tokenizer), weights(whole.tokenizer))
    assert later.fitted.facts == whole.facts


def test_the_tokenizer_of_a_folder_brings_its_own_configuration(tmp_path):
    declared(tokenizer={"appearance_codes": 16}).train(stage="tokenizer", out_dir=tmp_path, **CPU)
    model = declared().train(stage="prior", out_dir=tmp_path, **CPU)
    assert model.config.tokenizer.appearance_codes == model.fitted.prior.appearance_codes == 16


def n_epochs(part):
    """Epochs in the log of a part."""
    with (part / "log" / "metrics.csv").open() as file:
        return len({row["epoch"] for row in csv.DictReader(file) if row["epoch"]})


def test_max_epochs_bounds_every_stage_and_is_the_runs(tmp_path):
    model = declared(tokenizer={"gan_epochs": 3})
    model.train(max_epochs=1, out_dir=tmp_path, **CPU)
    assert n_epochs(tmp_path / "tokenizer" / "part_fit") == n_epochs(tmp_path / "prior" / "part_fit") == 1
    state = torch.load(tmp_path / "tokenizer" / "part_sharpen" / "last.ckpt", weights_only=True)
    assert state["epoch"] == 1
    assert model.fitted.facts["max_epochs"] == {"tokenizer": 1, "prior": 1}
    for other in (None, 2):
        with pytest.raises(GenvizError, match="its own options and rows; they differ"):
            model.train(max_epochs=other, out_dir=tmp_path, resume=True, **CPU)
    first = weights(model.fitted.prior)
    again = model.train(max_epochs=1, out_dir=tmp_path, resume=True, **CPU)
    assert same(weights(again.fitted.prior), first)
    model.train(stage="prior", **CPU)  # as many as the preset says: the bound is of a run, not of the model
    assert model.fitted.facts["max_epochs"] == {"tokenizer": 1}
    assert not same(weights(model.fitted.prior), first)


def test_max_epochs_above_the_presets_changes_nothing():
    whole, bounded = declared().train(**CPU), declared().train(max_epochs=99, **CPU)
    assert same(weights(bounded.fitted.prior), weights(whole.fitted.prior))
    with pytest.raises(UsageError, match="max_epochs, a whole number from 1; got 0"):
        declared().train(max_epochs=0, **CPU)


def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    """Ctrl-C in the second epoch of the prior; the tokenizer is not trained again."""
    whole = declared().train(**CPU).fitted
    with monkeypatch.context() as patch:
        interrupt(patch, callbacks.KeyedRandomness, "on_train_epoch_start", 4)
        with pytest.raises(KeyboardInterrupt, match="go on with resume=True"):
            declared().train(out_dir=tmp_path, **CPU)
    begun = []
    start = callbacks.KeyedRandomness.on_train_epoch_start

    def note(self, trainer, module):
        begun.append(trainer.current_epoch)
        start(self, trainer, module)

    monkeypatch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", note)
    resumed = declared().train(out_dir=tmp_path, resume=True, **CPU).fitted
    assert begun == [1]
    assert same(weights(resumed.prior), weights(whole.prior))
    assert same(weights(resumed.tokenizer), weights(whole.tokenizer))


def test_ctrl_c_without_a_folder_says_that_nothing_is_kept(monkeypatch):
    interrupt(monkeypatch, callbacks.KeyedRandomness, "on_train_epoch_start", 1)
    with pytest.raises(KeyboardInterrupt, match="Nothing was kept"):
        declared().train(**CPU)


def test_the_tokenizer_is_not_changed_by_the_prior():
    model = declared().train(stage="tokenizer", **CPU)
    before = weights(model.fitted.tokenizer)
    assert same(weights(model.train(stage="prior", **CPU).fitted.tokenizer), before)


@pytest.mark.parametrize(
    "prior",
    [
        {"order": "s_then_a"}, {"order": "a_then_s"}, {"visibility": "causal"},
        {"visibility": "leaky_literal"}, {"appearance_sees": "full"},
        {"appearance_input": "previous_and_structure"}, {"rope_query": "input"}, {"dropout": 0.1},
    ],
    ids=str,
)  # fmt: skip
def test_every_prior_is_trained_and_sampled(prior):
    fitted = untrained()
    model = declared(prior=prior | {"max_epochs": 1, "views_per_epoch": 8, "n_views": 8})
    model._fitted = fitted
    rows = model.train(stage="prior", **CPU).generate(LABELS, n=1, seed=0)
    assert rows.obsm["pathar"].shape == (2, SIDE, SIDE, 3)
    assert rows.obsm["structure_tokens"].shape == rows.obsm["appearance_tokens"].shape == (2, 16)


@pytest.mark.parametrize("tokenizer", [{"streams": "single"}, {"structure_drop": 0.3}], ids=str)
def test_appearance_alone_is_trained_and_sampled(tokenizer):
    model = declared(tokenizer=tokenizer, prior={"order": "a_only"}).train(**CPU)
    rows = model.generate("dark", n=2, seed=0)
    assert rows.obsm["pathar"].shape == (2, SIDE, SIDE, 3)
    assert "pathar_mask" not in rows.obsm and "structure_tokens" not in rows.obsm
    again = model.log_prob(model.encode(rows_as_tiles(rows)))
    assert again.obsm["pathar_appearance_log_prob"].shape == (2, 16)
    for call in (
        lambda: model.masks("dark"),
        lambda: model.render(rows),
        lambda: model.from_mask(MASK, "dark"),
    ):
        with pytest.raises(UsageError, match="a model whose prior draws structure"):
            call()


MASK = np.zeros((SIDE, SIDE), bool)


def rows_as_tiles(rows):
    """Generated rows as if a microscope had seen them."""
    rows = rows.copy()
    rows.obsm[Obsm.TILES] = rows.obsm["pathar"]
    rows.obsm[Obsm.MASKS] = np.zeros(rows.obsm["pathar"].shape[:3], np.uint16)
    return rows


def test_views_are_kept_for_what_they_were_made_of(tmp_path, monkeypatch):
    """Other images, other weights, another tokenizer: made anew; the same: read."""
    fitted, images = untrained(), disc_set()
    file = tmp_path / TOKENS
    made = []
    batch = TileDraws.batch
    monkeypatch.setattr(TileDraws, "batch", lambda *words: made.append(1) or batch(*words))

    def views(tokenizer=fitted.tokenizer, images=images, weights=None, seed=0, n=8):
        draws = TileDraws(images, TileOptions(SIDE, 1, 1, seed), weights)
        made.clear()
        return tokenised_views(tokenizer, draws, n, torch.device("cpu"), file), len(made)

    first, n_made = views()
    assert n_made == 1 and first.structure_VN.shape == (8, 16) and first.structure_VN.dtype == torch.int32
    second, n_made = views()
    assert n_made == 0 and all(map(torch.equal, first.tensors(), second.tensors()))
    others = [
        {"images": disc_set(5)}, {"weights": {"dark": 1.0, "stained": 3.0}}, {"seed": 1}, {"n": 9},
        {"tokenizer": untrained(seed=1).tokenizer},
    ]  # fmt: skip
    assert [views(**other)[1] for other in others] == [1] * 5
    file.write_bytes(b"damaged")
    assert views()[1] == 1


def test_gpu_memory_that_is_short_halves_the_chunks(monkeypatch, caplog):
    """Views are the same whatever fits."""
    fitted, sizes = untrained(), []
    draws = TileDraws(disc_set(), TileOptions(SIDE, 1, 1, 0))
    whole = tokenised_views(fitted.tokenizer, draws, 70, torch.device("cpu"))
    encode = fitted.tokenizer.encode_appearance

    def short(x):
        sizes.append(len(x))
        if len(x) > 16:
            raise torch.cuda.OutOfMemoryError("too large")
        return encode(x)

    monkeypatch.setattr(fitted.tokenizer, "encode_appearance", short)
    found = tokenised_views(fitted.tokenizer, draws, 70, torch.device("cpu"))
    assert all(map(torch.equal, whole.tensors(), found.tensors()))
    assert sizes[:4] == [64, 32, 16, 16] and "going on with 16" in caplog.text


@pytest.mark.parametrize(("part", "epoch"), [("tokenizer", 1), ("prior", 3)])
def test_a_gpu_that_is_full_says_what_to_do(monkeypatch, part, epoch):
    called = []

    def full(*words):
        called.append(1)
        if len(called) == epoch:
            raise torch.cuda.OutOfMemoryError("too large")

    monkeypatch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", full)
    with pytest.raises(GenvizError, match=rf"room on the GPU for batches of 8 .*{part}={{'batch_size': 4}}"):
        declared().train(**CPU)


def test_grey_labels_are_those_whose_images_are_all_grey():
    assert grey_labels(disc_set()) == ["dark"]


def test_labels_are_those_of_training_rows():
    adata = discs()
    adata.obs[Obs.SPLIT] = ["val" if label == "dark" else "train" for label in adata.obs[Obs.LABEL]]
    PathAR.setup_anndata(adata)
    model = PathAR(adata, preset="nano", **SHORT)
    assert model.labels == ("stained",)
    assert model.train(stage="tokenizer", **CPU).fitted.labels == ("stained",)


def test_images_are_read_without_their_padding():
    adata = discs()
    adata.obs[Obs.HEIGHT], adata.obs[Obs.WIDTH] = 40, 44
    found = image_set(adata, Obs.LABEL, LABELS, SIDE)
    assert {image.shape for image in found.images} == {(40, 44, 3)}
    assert {mask.shape for mask in found.masks} == {(40, 44)}
    adata.obs[Obs.HEIGHT] = [20] + [40] * (adata.n_obs - 1)
    with pytest.raises(DataError, match="at least 32 pixels a side; dark0 has 20 x 44"):
        image_set(adata, Obs.LABEL, LABELS, SIDE)
    assert len(image_set(adata, Obs.LABEL, LABELS, SIDE, skip_small=True)) == adata.n_obs - 1


@pytest.mark.parametrize("key", [Obsm.TILES, Obsm.MASKS])
def test_images_and_masks_must_be_there(key):
    adata = discs()
    del adata.obsm[key]
    with pytest.raises(MissingKeyError, match=f"obsm\\['{key}'\\].*read_image_masks"):
        PathAR.setup_anndata(adata)


def test_what_training_refuses(tmp_path):
    adata = discs()
    with pytest.raises(MissingKeyError, match="setup_anndata"):
        PathAR(discs())
    with pytest.raises(MissingKeyError, match="label_key="):
        PathAR.setup_anndata(adata, label_key="stain")
    unlabelled = discs()
    unlabelled.obs[Obs.LABEL] = unlabelled.obs[Obs.LABEL].cat.remove_categories("dark")
    with pytest.raises(DataError, match="4 of 8 have none"):
        PathAR.setup_anndata(unlabelled)
    no_train = discs()
    no_train.obs[Obs.SPLIT] = "val"
    with pytest.raises(DataError, match="== 'train'; got none"):
        PathAR.setup_anndata(no_train)
    model = declared()
    with pytest.raises(UsageError, match="stage out of tokenizer, prior, all; got 'both'"):
        model.train(stage="both", **CPU)
    with pytest.raises(UsageError, match="a trained tokenizer for stage='prior'"):
        model.train(stage="prior", **CPU)
    with pytest.raises(UsageError, match="out_dir with resume"):
        model.train(resume=True, **CPU)
    with pytest.raises(UsageError, match="a seed from 0"):
        model.train(seed=-1, device="cpu")
    with pytest.raises(UsageError, match="a trained model"):
        model.generate("dark")
    declared().train(stage="tokenizer", out_dir=tmp_path, **CPU)
    with pytest.raises(UsageError, match="they differ"):
        declared().train(out_dir=tmp_path, resume=True, **CPU | {"seed": 1})
    other = discs()
    other.obs[Obs.LABEL] = ["blue" if label == "dark" else "stained" for label in other.obs[Obs.LABEL]]
    with pytest.raises(UsageError, match=r"dark, stained; got blue, stained"):
        declared(other).train(stage="prior", out_dir=tmp_path, **CPU)


def test_a_model_that_was_loaded_has_no_rows_to_train_on(tmp_path):
    trained().save(tmp_path / "m")
    with pytest.raises(UsageError, match="this one was loaded"):
        PathAR.load(tmp_path / "m").train()
