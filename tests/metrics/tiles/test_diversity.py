"""Diversity of generated tiles, with features and with LPIPS of random weights."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from genviz import metrics
from genviz._errors import DataError, DownloadError, MissingDependencyError
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.distances import fidelity, kid
from tests.metrics.pairs import disc_pairs

REAL = disc_pairs(24, side=48, seed=1)
FAKE = disc_pairs(20, side=48, seed=2)


def test_equal_tiles_have_none():
    same = ImageSet(np.repeat(REAL.tiles[:2], 5, axis=0), np.repeat(REAL.masks[:2], 5, axis=0),
                    np.repeat(REAL.labels[:2], 5))  # fmt: skip
    found = metrics.feature_diversity(same, REAL)
    assert found["diversity_statistics"].value == 0
    assert found["diversity_statistics"].baseline > 1


def test_it_is_measured_within_labels():
    found = metrics.feature_diversity(FAKE, REAL)
    mine = found["diversity_statistics"]
    assert mine.n == 2 * 45 and mine.value == pytest.approx(mine.baseline, rel=0.5)
    assert {"diversity_statistics_light", "diversity_statistics_dark"} <= set(found)
    few = metrics.feature_diversity(FAKE, REAL, n_pairs=7)
    assert few["diversity_statistics"].n == 14
    with pytest.raises(DataError, match="two tiles"):
        metrics.feature_diversity(FAKE.rows(np.arange(2)), REAL)


def test_lpips_with_random_weights(monkeypatch):
    from torchvision.models import vgg16

    source = fidelity("sample_similarity_lpips")
    torch.manual_seed(0)
    features = vgg16(weights=None).features
    monkeypatch.setattr(
        source, "torchvision_load_pretrained_vgg16", lambda: SimpleNamespace(features=features)
    )
    lines = {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1) for i, c in enumerate((64, 128, 256, 512, 512))}
    monkeypatch.setattr(source, "load_state_dict_from_url", lambda *args, **kwargs: lines)
    fake, real = FAKE.rows(np.arange(4)), REAL.rows(np.arange(4))
    found = metrics.lpips_diversity(fake, real, n_pairs=2, device="cpu")["diversity_lpips"]
    assert found.value > 0 and found.baseline > 0 and "unverified" in found.note
    same = ImageSet(np.repeat(FAKE.tiles[:1], 3, axis=0))
    assert metrics.lpips_diversity(same, same, n_pairs=2)["diversity_lpips"].value == pytest.approx(
        0, abs=1e-6
    )


def test_what_torch_fidelity_is_needed_for_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(
        MissingDependencyError, match=r"torch_fidelity is needed to compute LPIPS and.*genviz\[metrics\]"
    ):
        metrics.lpips_diversity(FAKE, REAL, device="cpu")
    features = np.ones((6, 2))
    with pytest.raises(MissingDependencyError, match="needed to compute KID and"):
        kid(features, features)


def test_lpips_without_weights_says_what_to_do(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(fidelity("sample_similarity_lpips"), "load_state_dict_from_url", offline)
    with pytest.raises(DownloadError, match="feature_diversity"):
        metrics.lpips_diversity(FAKE, REAL)
