"""Training from profiles and windows to a model: every stage, every kind, and going on after Ctrl-C."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from genviz._errors import CheckpointError, UsageError
from genviz.models.genevar.ablations import ABLATIONS
from genviz.models.genevar.fitted import FLOW, TOKENIZER, Fitted
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.tokenizer.sharpening import Sharpener
from genviz.models.genevar.training import flow as flow_stage
from genviz.models.genevar.training.flow import first_scale
from genviz.models.genevar.training.prior_task import PriorTask
from genviz.models.genevar.training.stages import PARTS, train
from genviz.train.run_options import RunOptions
from tests.models.genevar.training.cases import GENES, data, interrupt, nano, options, same, windows


@cache
def whole() -> Fitted:
    """One trained model; not to be changed."""
    found = train(nano(), data(), "all", options())
    assert found is not None
    return found


def alike(a: Fitted, b: Fitted) -> bool:
    return all(same(getattr(a, name), getattr(b, name)) for name in ("tokenizer", "flow", "prior"))


def test_one_call_trains_all_parts(tmp_path):
    kept = []
    model = train(
        nano(), data(validation=True), "all", options(tmp_path), keep=lambda part, _: kept.append(part)
    )
    assert kept == list(PARTS)
    assert model.genes == list(GENES)
    assert model.training_rows == [f"r{i}" for i in range(16)] + [f"u{i}" for i in range(8)]
    assert {TOKENIZER, FLOW} <= set(model.facts)
    assert model.facts["best"]["nll"] < math.log(32)
    assert model.flow.scale != 1
    for part, column in {
        "tokenizer": "val_psnr",
        "meanflow": "val_single_3",
        "prior": "train_nll_masked",
    }.items():
        with (tmp_path / part / "part_fit" / "log" / "metrics.csv").open() as file:
            assert column in csv.DictReader(file).fieldnames


def test_the_scale_of_latents_is_that_of_all_rows_not_of_the_first(monkeypatch):
    """Rows come section by section, here eight blank ones first."""
    earlier, measured = whole(), []
    blank = np.concatenate([np.full((8, 40, 40, 3), 255, np.uint8), windows(8).images_NSS3])
    given = data(unpaired=False)
    given = replace(given, windows=replace(given.windows, images_NSS3=blank))
    monkeypatch.setattr(flow_stage, "_START_TILES", 8)
    monkeypatch.setattr(Flow, "start", lambda self, f_BDGG: measured.append(f_BDGG))
    train(nano(), given, "meanflow", options(), fitted=earlier)
    different = [len(torch.unique(f_BDGG.flatten(1), dim=0)) for f_BDGG in measured]
    assert [len(f_BDGG) for f_BDGG in measured] == [8] and different[0] >= 4


def test_stage_by_stage_equals_all_at_once():
    model = None
    for part in PARTS:
        model = train(nano(), data(), part, options(), fitted=model)
    assert alike(model, whole())
    assert model.facts == whole().facts


def test_measures_choose_nothing():
    """Tokenizer and flow are the same with validation rows and without."""
    model = train(nano(), data(validation=True), "all", options())
    assert same(model.tokenizer, whole().tokenizer)
    assert same(model.flow, whole().flow)


@pytest.mark.parametrize("nth", [2, 4, 6])
def test_resumed_equals_uninterrupted(nth, tmp_path, monkeypatch):
    """Ctrl-C in the second epoch of tokenizer, flow and prior."""
    with monkeypatch.context() as patch:
        interrupt(patch, nth)
        assert train(nano(), data(), "all", options(tmp_path)) is None
    resumed = train(nano(), data(), "all", options(tmp_path, resume=True))
    assert alike(resumed, whole())


@pytest.mark.parametrize("likelihood", ["gaussian_gene", "nb"])
def test_an_autoencoder_of_profiles_resumed_equals_uninterrupted(likelihood, tmp_path, monkeypatch):
    """Property 23: weights, warm-up, and the statistics of its codes."""
    config = nano(condition={"kind": "vae", "likelihood": likelihood, "max_epochs": 3})
    complete = train(config, data(), "vae", options()).conditioner
    with monkeypatch.context() as patch:
        interrupt(patch, 2)
        assert train(config, data(), "vae", options(tmp_path)) is None
    resumed = train(config, data(), "vae", options(tmp_path, resume=True)).conditioner
    (first, _), (second, _) = complete.state(), resumed.state()
    assert first.keys() == second.keys() and {"mean", "std"} <= set(first)
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)


def test_sharpening_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    config = nano(tokenizer={"gan_epochs": 2})
    complete = train(config, data(), "tokenizer", options()).tokenizer
    step, begun = Sharpener.step, []

    def stop(self, x_B3HW):
        begun.append(1)
        if len(begun) == 4:  # two steps an epoch
            raise KeyboardInterrupt
        return step(self, x_B3HW)

    with monkeypatch.context() as patch:
        patch.setattr(Sharpener, "step", stop)
        assert train(config, data(), "tokenizer", options(tmp_path)) is None
    assert same(train(config, data(), "tokenizer", options(tmp_path, resume=True)).tokenizer, complete)
    (tmp_path / "tokenizer" / "part_sharpen" / "last.ckpt").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="unfinished"):
        train(config, data(), "tokenizer", options(tmp_path, resume=True))


def test_sharpening_leaves_tokens_alone():
    x_B3HW = torch.rand(4, 3, 32, 32) * 2 - 1
    plain = train(nano(tokenizer={"gan_epochs": 0}), data(), "tokenizer", options()).tokenizer
    assert torch.equal(plain.encode(x_B3HW), whole().tokenizer.encode(x_B3HW))
    s_BL = plain.encode(x_B3HW)
    assert not torch.equal(plain.decode_tokens(s_BL), whole().tokenizer.decode_tokens(s_BL))


def test_a_folder_is_of_one_run(tmp_path):
    train(nano(), data(), "tokenizer", options(tmp_path))
    with pytest.raises(UsageError, match="options and rows"):
        train(nano(tokenizer={"lr": 2e-3}), data(), "tokenizer", options(tmp_path, resume=True))
    with pytest.raises(UsageError, match="options and rows"):
        train(nano(), data(12), "tokenizer", options(tmp_path, resume=True))


@pytest.mark.parametrize(
    "name", ["abl/b1_class", "abl/b2_linear", "abl/b3_vae", "abl/c1_var", "abl/x_input_both"]
)
def test_ablations_train(name):
    changes = dict(ABLATIONS[name])
    if name == "abl/b3_vae":
        changes["condition"] = {"kind": "vae", "max_epochs": 1}
    config = nano(**changes)
    model = Fitted(config, list(GENES), tokenizer=whole().tokenizer, conditioner=whole().conditioner)
    for part in ("vae", *(["meanflow"] if config.refine else []), "prior"):
        model = train(config, data(validation=part == "prior"), part, options(), fitted=model)
    assert all(torch.isfinite(weight).all() for weight in model.prior.state_dict().values())
    assert (model.flow is None) == (name == "abl/c1_var")
    learned = list(model.head.parameters())
    assert bool(learned) == (name == "abl/b2_linear")


def test_the_autoencoder_s_epochs_come_first(tmp_path, monkeypatch):
    config = nano(tokenizer={"ae_epochs": 1, "gan_epochs": 0})
    complete = train(config, data(), "tokenizer", options()).tokenizer
    with monkeypatch.context() as patch:
        interrupt(patch, 3)
        assert train(config, data(), "tokenizer", options(tmp_path)) is None
    assert same(train(config, data(), "tokenizer", options(tmp_path, resume=True)).tokenizer, complete)


def test_mixed_precision_trains():
    run = RunOptions(seed=0, precision="bf16-mixed")
    model = train(nano(), data(), "all", run)
    for network in (model.tokenizer, model.flow, model.prior):
        assert all(
            torch.isfinite(w).all() and w.dtype != torch.bfloat16 for w in network.state_dict().values()
        )


def test_stages_out_of_order_are_refused():
    with pytest.raises(UsageError, match="stage out of"):
        train(nano(), data(), "flow", options())
    with pytest.raises(UsageError, match="with a condition"):
        train(nano(), data(), "meanflow", options())
    with pytest.raises(UsageError, match="with a tokenizer"):
        train(nano(), data(), "prior", options(), fitted=train(nano(), data(), "vae", options()))
    with pytest.raises(UsageError, match="with a flow"):
        train(nano(), data(), "prior", options(), fitted=Fitted(**vars(whole()) | {"flow": None}))
    with pytest.raises(UsageError, match="no flow"):
        train(nano(**ABLATIONS["abl/c1_var"]), data(), "meanflow", options())
    with pytest.raises(UsageError, match="genes"):
        train(nano(), data(), "tokenizer", options(), fitted=Fitted(**vars(whole()) | {"genes": ["a"]}))


@pytest.mark.parametrize("unpaired", [False, True])
def test_batches_hold_rows_without_a_profile_where_there_are_any(monkeypatch, unpaired):
    told = []
    loss = PriorTask.loss

    def note(self, s_BL, x_BI, paired_B):
        told.append(paired_B.clone())
        return loss(self, s_BL, x_BI, paired_B)

    monkeypatch.setattr(PriorTask, "loss", note)
    train(nano(), data(unpaired=unpaired), "prior", options(), fitted=whole())
    paired = torch.cat(told)
    assert paired.any() and bool(paired.all()) == (not unpaired)


def test_a_flow_beside_a_plain_prior_learns_the_last_scale():
    config = nano(mask={"strategy": "none"}, prior={"n_inject": 0})
    model = Fitted(config, list(GENES), tokenizer=whole().tokenizer, conditioner=whole().conditioner)
    model = train(config, data(), "meanflow", options(), fitted=model)
    assert first_scale(config) == len(config.tokenizer.scales)
    assert float(model.flow.out.weight.abs().max()) > 0
    assert train(config, data(), "prior", options(), fitted=model).injector() is None
