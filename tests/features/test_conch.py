"""CONCH by way of its authors' package (here a stand-in of the same shape)."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from genviz._errors import GenvizError, MissingDependencyError
from genviz.features import conch
from genviz.features.stain import Identity
from genviz.features.timm_encoder import TimmEncoder


class Visual(nn.Module):
    """The two calls of CONCH's image tower."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward_no_head(self, tiles, normalize):
        assert not normalize and tiles.shape[1:] == (3, 448, 448)
        return tiles.mean(dim=(2, 3)) * self.scale

    def forward(self, tiles):
        raise AssertionError("the projection that is compared with text is not wanted")


@pytest.fixture
def package(monkeypatch):
    """``conch.open_clip_custom``, and how it was called."""
    calls: list[tuple] = []
    whole = nn.Module()
    whole.visual = Visual()
    module = ModuleType("conch.open_clip_custom")

    def create_model_from_pretrained(*args, **kwargs):
        calls.append((args, kwargs))
        return whole

    module.create_model_from_pretrained = create_model_from_pretrained
    monkeypatch.setitem(sys.modules, "conch", ModuleType("conch"))
    monkeypatch.setitem(sys.modules, "conch.open_clip_custom", module)
    return module, calls


def test_features_come_before_the_projection(package):
    encoder = TimmEncoder.named("conch", ring=None, device="cpu")
    _, calls = package
    assert calls == [(("conch_ViT-B-16", "hf_hub:MahmoodLab/conch"), {"return_transform": False})]
    recipe = encoder.recipe()
    assert (recipe["size_px"], recipe["mpp"], tuple(recipe["mean"])) == (448, 0.5, conch.MEAN)
    assert len(recipe["weights_sha256"]) == 64 and recipe["verified"] is False
    white = np.full((1, 448, 448, 3), 255, np.uint8)
    _, features = encoder.encode_tiles(white, mpp=0.5, normaliser=Identity())
    np.testing.assert_allclose(features[0], 2 * (1 - np.array(conch.MEAN)) / conch.STD, rtol=1e-4)


def test_without_the_package_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "conch", None)
    with pytest.raises(
        MissingDependencyError, match=r"timm cannot build CONCH.*git\+https.*mahmoodlab/CONCH"
    ):
        TimmEncoder.named("conch")


def test_gated_weights_say_what_to_accept(package, monkeypatch):
    errors = pytest.importorskip("huggingface_hub.errors", reason="the extra 'encoders' is not installed")
    module, _ = package

    def refuse(*args, **kwargs):
        raise errors.GatedRepoError.__new__(errors.GatedRepoError)

    monkeypatch.setattr(module, "create_model_from_pretrained", refuse)
    with pytest.raises(GenvizError, match=r"https://huggingface.co/MahmoodLab/conch.*hf auth login"):
        TimmEncoder.named("conch")
