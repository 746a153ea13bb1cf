"""Texture maps: known patterns in a known order."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.features.texture import (
    EDGE_SCALES,
    LBP_RADII,
    SCALES,
    band_maps,
    binary_pattern_maps,
    blur,
    halve,
)

SIDE = 256


def stripes(period: float, noise: float = 0.0) -> np.ndarray:
    wave = np.sin(2 * np.pi * np.arange(SIDE) / period)
    grain = np.random.default_rng(0).normal(scale=noise, size=(SIDE, SIDE)) if noise else 0
    return (np.broadcast_to(wave, (SIDE, SIDE)) + grain).astype(np.float32)


def middle(maps: dict[str, np.ndarray], name: str) -> float:
    return float(maps[name][8:-8, 8:-8].mean())


@pytest.mark.parametrize("period", [6, 12, 24, 48, 96])
def test_energy_lies_in_the_band_of_the_pattern(period):
    maps, _, _ = band_maps(stripes(period), "t")
    energy = [middle(maps, f"t_power{scale}") for scale in SCALES]
    # A difference of Gaussians with the wider one at sigma s passes best near a period of 5 s.
    best = SCALES[int(np.argmax(energy))]
    assert 2.5 * best <= period <= 10 * best


def test_maps_are_at_block_resolution_at_every_scale():
    maps, smooth, background = band_maps(stripes(12), "t")
    assert {m.shape for m in maps.values()} == {(32, 32)} and background.shape == (32, 32)
    assert smooth.shape == (SIDE, SIDE)
    assert len(maps) == 2 * len(SCALES) + 4 * len(EDGE_SCALES)


def test_a_flat_map_has_no_texture():
    maps, _, background = band_maps(np.full((SIDE, SIDE), 0.7, np.float32), "t")
    assert all(np.abs(m).max() < 1e-6 for m in maps.values())
    np.testing.assert_allclose(background, 0.7, rtol=1e-5)


def test_the_structure_tensor_knows_directions():
    across, _, _ = band_maps(stripes(24), "t")
    down, _, _ = band_maps(np.ascontiguousarray(stripes(24).T), "t")
    assert middle(across, "t_xx2") > 100 * middle(across, "t_yy2")
    assert middle(down, "t_yy2") > 100 * middle(down, "t_xx2")


def test_binary_patterns_part_flat_spots_and_edges():
    rng = np.random.default_rng(1)
    flat = binary_pattern_maps(np.full((SIDE, SIDE), 0.5, np.float32))
    spots = np.full((SIDE, SIDE), 0.5, np.float32)
    spots[::16, ::16] = 0.1  # lighter than everything around
    spots = binary_pattern_maps(spots)
    noise = binary_pattern_maps(rng.normal(scale=0.3, size=(SIDE, SIDE)).astype(np.float32))
    for radius in LBP_RADII:
        codes = [f"lbp{radius}_{code}" for code in range(9)]
        assert middle(flat, codes[0]) == 1 and middle(flat, codes[8]) == 0
        assert middle(spots, codes[8]) == pytest.approx(1 / 256)
        share = sum(middle(noise, code) for code in codes)
        assert 0.1 < share < 0.8  # the rest is not uniform


def test_noise_of_the_sensor_is_no_pattern():
    grain = np.random.default_rng(2).uniform(0, 0.015, (SIDE, SIDE)).astype(np.float32)
    assert middle(binary_pattern_maps(grain), "lbp2_0") == 1


def test_halving_and_blurring_keep_the_mean():
    noise = np.random.default_rng(3).normal(size=(64, 64)).astype(np.float32)
    assert halve(noise).mean() == pytest.approx(noise.mean(), abs=1e-6)
    assert blur(noise, 2.0).std() < 0.3 * noise.std()
