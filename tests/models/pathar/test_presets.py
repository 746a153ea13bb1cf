"""Presets and their options: what may be combined, and how large the published model is."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.fitted import new_prior
from genviz.models.pathar.presets import PRESETS, preset
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.tokenizer.config import TokenizerConfig
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.nn.image_coder import count_parameters


def test_the_paper_preset_has_the_published_number_of_parameters():
    config = preset("paper")
    with torch.device("meta"):
        tokenizer = DualTokenizer(config.tokenizer)
    prior = new_prior(config.prior, tokenizer, 3)
    assert count_parameters(tokenizer.structure_encoder, tokenizer.mask_decoder) == 29_295_872 + 42_447_489
    assert count_parameters(tokenizer.appearance_encoder, tokenizer.image_decoder) == 29_298_176 + 42_449_795
    assert count_parameters(prior) == 27_274_240
    assert count_parameters(tokenizer, prior) == pytest.approx(170.73e6, rel=0.002)


def test_the_paper_preset_is_the_papers():
    config = preset("paper")
    assert config.tokenizer.downsampling == 16 and config.tokenizer.grid == (16, 16)
    assert (config.tokenizer.codebook, config.tokenizer.appearance_permute) == ("gradient", 0.0)
    assert (config.tokenizer.jitter, config.tokenizer.gan_epochs) == (0.0, 0)


@pytest.mark.parametrize("name", PRESETS)
def test_json_gives_the_same_back(name):
    assert PathARConfig.from_dict(preset(name).to_dict()) == preset(name)


def test_options_change_a_preset():
    config = preset("nano", tokenizer={"fusion": "film"}, prior={"width": 64})
    assert (config.tokenizer.fusion, config.prior.width) == ("film", 64)
    assert preset("nano").tokenizer.fusion == "scaled_concat"


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        (TokenizerConfig, {"fusion": "sum"}, "fusion out of 'concat'"),
        (TokenizerConfig, {"size_px": 100}, "multiple of 8"),
        (TokenizerConfig, {"width": 0}, "width > 0"),
        (TokenizerConfig, {"multipliers": ()}, "multipliers from 1"),
        (TokenizerConfig, {"structure_width": 0.001}, "leave a channel"),
        (TokenizerConfig, {"appearance_permute": 1.5}, r"appearance_permute in \[0, 1\]"),
        (TokenizerConfig, {"ema_decay": 1.0}, r"ema_decay in \[0, 1\)"),
        (TokenizerConfig, {"gan_weight": -1.0}, "gan_weight from 0"),
        (TokenizerConfig, {"gan_epochs": 1, "size_px": 16}, "at least 24"),
        (PriorConfig, {"order": "backwards"}, "order out of"),
        (PriorConfig, {"n_heads": 5}, "multiple of 4 channels"),
        (PriorConfig, {"order": "s_then_a", "visibility": "leaky_literal"}, "order='interleaved'"),
        (PriorConfig, {"order": "a_only", "appearance_sees": "full"}, "appearance_sees='full'"),
        (PriorConfig, {"visibility": "causal", "appearance_input": "previous_and_structure"}, "what it predicts"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(part, values, said):
    with pytest.raises(UsageError, match=said):
        part(**values)


def test_parts_must_fit_together():
    with pytest.raises(UsageError, match="order='a_only' with streams='single'"):
        preset("nano", tokenizer={"streams": "single"})
    with pytest.raises(UsageError, match="structure_drop above 0"):
        preset("nano", prior={"order": "a_only"})
    preset("nano", tokenizer={"streams": "single"}, prior={"order": "a_only"})
    preset("nano", tokenizer={"structure_drop": 0.1}, prior={"order": "a_only"})


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="nano, mini, paper; got 'huge'"):
        preset("huge")
    with pytest.raises(UsageError, match="options of TokenizerConfig; got colour"):
        preset("nano", tokenizer={"colour": 1})
    with pytest.raises(UsageError, match="Known: "):
        TokenizerConfig.from_dict({"size_px": 32, "from_the_future": 1})
