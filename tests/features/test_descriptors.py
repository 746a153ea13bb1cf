"""Descriptors: smooth functions of window means."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.features.descriptors import describe
from genviz.features.pixel_maps import pixel_maps
from tests.features.painting import amounts, stained, tissue


def described(rgb: np.ndarray) -> dict[str, float]:
    names, maps_Mhw = pixel_maps(rgb)
    found, values = describe(names, maps_Mhw.mean(axis=(1, 2), dtype=np.float64)[None])
    assert values.shape == (1, len(found)) and np.isfinite(values).all()
    assert len(found) == len(set(found))
    return dict(zip(found, values[0], strict=True))


def test_deviations_are_those_of_the_pixels():
    rgb = tissue(256, 256)
    found = described(rgb)
    for index, channel in enumerate("rgb"):
        assert found[f"{channel}_sd"] == pytest.approx((rgb[..., index] / 255).std(), rel=1e-3)


def test_skewness_knows_few_dark_from_few_pale():
    few_dark, few_pale = np.full((2, 128, 128, 2), 0.5, np.float32)
    few_dark[::8, ::8, 0], few_pale[::8, ::8, 0] = 2.0, 0.0
    assert described(stained(few_dark))["h_skew"] > 0.1
    assert described(stained(few_pale))["h_skew"] < -0.02


def test_correlation_of_stains_keeps_its_sign():
    wave = 0.6 + 0.4 * np.sin(np.arange(256) / 3)
    one = np.broadcast_to(wave, (256, 256))
    same, opposite = np.stack([one, one], axis=-1), np.stack([one, 1.2 - one], axis=-1)
    assert described(stained(same))["he_correlation"] > 0.9
    assert described(stained(opposite))["he_correlation"] < -0.9


def test_fibres_are_coherent_and_noise_is_not():
    rng = np.random.default_rng(0)
    noise = np.zeros((256, 256, 2), np.float32)
    noise[..., 1] = rng.uniform(0, 1, (256, 256))
    fibres = np.zeros_like(noise)
    fibres[..., 1] = 0.5 + 0.4 * np.sin(np.arange(256)[:, None] / 2)
    assert described(stained(fibres))["e_coherence2"] > 0.95
    assert described(stained(noise))["e_coherence2"] < 0.2


def test_coherence_is_the_same_in_any_direction():
    rows, columns = np.mgrid[:256, :256]
    found = []
    for turn in (0, np.pi / 4, np.pi / 2):
        fibres = np.zeros((256, 256, 2), np.float32)
        fibres[..., 1] = 0.5 + 0.4 * np.sin((rows * np.cos(turn) + columns * np.sin(turn)) / 3)
        found.append(described(stained(fibres))["e_coherence4"])
    np.testing.assert_allclose(found, found[0], atol=0.03)


def test_means_over_nuclei_fade_where_there_are_none():
    stain = amounts(256, 256)
    with_nuclei = described(stained(stain))
    stain[..., 0] = 0.05
    without = described(stained(stain))
    assert with_nuclei["nuclei_size_mean"] > 20 and with_nuclei["nuclei_density"] > 0.01
    assert without["nuclei_size_mean"] == 0 and without["nuclei_density"] == 0
