"""Saved and loaded: the same tokens, the same rows, and no prior with a tokenizer that is not its own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genviz._errors import CheckpointError, UsageError
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint
from genviz.models import PathAR
from genviz.models.pathar.checkpoint import load_fitted, save_fitted
from tests.models.pathar.tile_cases import LABELS, SIDE, loaded_as, same, tiles, trained, untrained, weights

TOKENS = ("structure_tokens", "appearance_tokens")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return trained().save(tmp_path_factory.mktemp("model") / "m", card="# Card")


def rewritten(folder, target, change):
    """The checkpoint with its configuration and tensors changed by hand, its digests made to fit."""
    found = load_checkpoint(folder, kind="pathar")
    config, tensors, texts = dict(found.config), dict(found.tensors), dict(found.texts)
    change(config, tensors, texts)
    save_checkpoint(target, config, tensors, texts, kind="pathar")
    return target


def test_a_loaded_model_is_the_one_that_was_saved(folder):
    model, loaded = trained(), PathAR.load(folder, device="cpu")
    assert same(weights(loaded.fitted.tokenizer), weights(model.fitted.tokenizer))
    assert same(weights(loaded.fitted.prior), weights(model.fitted.prior))
    assert (loaded.labels, loaded.config) == (model.labels, model.config)
    assert loaded.fitted.facts == model.fitted.facts
    assert loaded.fitted.training_rows == model.fitted.training_rows
    assert not loaded.fitted.tokenizer.training and not loaded.fitted.prior.training
    assert (folder / "card.md").read_text() == "# Card"
    a, b = model.generate(LABELS, n=2, seed=3), loaded.generate(LABELS, n=2, seed=3)
    for key in (*TOKENS, "pathar", "pathar_mask"):
        np.testing.assert_array_equal(a.obsm[key], b.obsm[key])
    record = json.loads(b.uns["genviz"]["pathar"])
    assert record["checkpoint_sha256"] == loaded.fitted.sha256 and record["checkpoint_format"] == 1


def test_half_precision_halves_the_file_and_repeats_itself(folder, tmp_path):
    trained().save(tmp_path / "half", half=True)
    sizes = [(path / "weights.safetensors").stat().st_size for path in (folder, tmp_path / "half")]
    assert sizes[1] < 0.52 * sizes[0]
    assert sizes[1] < 1.2e6
    first, second = PathAR.load(tmp_path / "half"), PathAR.load(tmp_path / "half")
    a, b = first.generate(LABELS, n=3, seed=0), second.generate(LABELS, n=3, seed=0)
    encoded = [model.encode(tiles()) for model in (first, second)]
    for key in TOKENS:
        np.testing.assert_array_equal(a.obsm[key], b.obsm[key])
        np.testing.assert_array_equal(encoded[0].obsm[key], encoded[1].obsm[key])
    assert all(value.dtype != torch.float16 for value in first.fitted.tokenizer.state_dict().values())
    # Saved again as it was loaded, it is the same model.
    first.save(tmp_path / "again", half=True)
    assert same(weights(load_fitted(tmp_path / "again").prior), weights(first.fitted.prior))


def test_a_tokenizer_alone_can_be_kept(tmp_path):
    fitted = untrained()
    fitted.prior = None
    save_fitted(fitted, tmp_path / "t")
    model = PathAR.load(tmp_path / "t")
    assert model.decode(tiles()).obsm["pathar"].shape == (6, SIDE, SIDE, 3)
    for call in (
        lambda: model.generate("dark"),
        lambda: model.render(tiles()),
        lambda: model.log_prob(tiles()),
    ):
        with pytest.raises(UsageError, match=r"a model with a prior.*stage='prior'"):
            call()


def test_a_prior_with_another_tokenizer_is_refused(folder, tmp_path):
    """As if two checkpoints of one configuration were mixed, and all digests put right."""
    other = untrained()
    mixed = {f"tokenizer.{name}": value for name, value in other.tokenizer.state_dict().items()}
    rewritten(folder, tmp_path / "mixed", lambda config, tensors, texts: tensors.update(mixed))
    with pytest.raises(
        CheckpointError, match=r"the tokenizer that the prior .* was trained on; it holds another"
    ):
        PathAR.load(tmp_path / "mixed")


@pytest.mark.parametrize(
    "change",
    [
        lambda config, tensors, texts: config["tokenizer"].update(appearance_codes=16),
        lambda config, tensors, texts: config["tokenizer"].update(stem=7),
        lambda config, tensors, texts: config["prior"].update(from_the_future=1),
        lambda config, tensors, texts: config.pop("facts"),
        lambda config, tensors, texts: config.update(labels=3),
        lambda config, tensors, texts: tensors.pop("prior.label_in.weight"),
        lambda config, tensors, texts: texts.update({"split.json": "[]"}),
        lambda config, tensors, texts: texts.pop("split.json"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(folder, tmp_path, change):
    rewritten(folder, tmp_path / "bad", change)
    with pytest.raises(CheckpointError, match="a complete PathAR checkpoint"):
        PathAR.load(tmp_path / "bad")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    fitted = untrained()
    with torch.no_grad():
        fitted.prior.label_in.weight[0, 0] = float("nan")
    save_fitted(fitted, tmp_path / "nan")
    with pytest.raises(CheckpointError, match="not finite"):
        PathAR.load(tmp_path / "nan")


def test_another_model_is_refused(tmp_path):
    save_checkpoint(tmp_path / "g", {}, {"a": np.zeros(1)}, kind="genar")
    with pytest.raises(CheckpointError, match=r"a checkpoint of pathar .* one of genar"):
        PathAR.load(tmp_path / "g")
    with pytest.raises(UsageError, match="a model folder or one of the models"):
        PathAR.load(tmp_path / "nowhere")


def test_tokens_of_another_tokenizer_are_refused(folder):
    rows = trained().encode(tiles())
    other = loaded_as(untrained())
    assert PathAR.load(folder).decode(rows).n_obs == rows.n_obs
    for call in (other.decode, other.log_prob, other.render):
        with pytest.raises(Exception, match="tokens of this model's tokenizer"):
            call(rows)
    assert other.encode(rows).n_obs == rows.n_obs  # encoded anew
