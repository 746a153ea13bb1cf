"""The fourteen morphology statistics: by hand on painted tiles, against scikit-image, through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu

from genviz._errors import DataError, FileFormatError
from genviz.metrics import TissueStandard
from genviz.metrics.tiles.tissue import TISSUE, raw_tissue, tiles_of

PINK, PURPLE, WHITE = (230, 170, 200), (80, 40, 130), (250, 250, 250)


def painted(*, nuclei: int = 0, side: int = 6, white: bool = False) -> np.ndarray:
    """A pink tile 64 x 64 with square nuclei in a grid, its lower half glass if asked."""
    tile = np.full((64, 64, 3), PINK, np.uint8)
    if white:
        tile[32:] = WHITE
    for i in range(nuclei):
        y, x = 3 + 12 * (i // 5), 3 + 12 * (i % 5)
        tile[y : y + side, x : x + side] = PURPLE
    return tile


def speckled(n: int, seed: int = 0) -> np.ndarray:
    """Tiles of smooth noise in H&E-like colours."""
    rng = np.random.default_rng(seed)
    amount = ndimage.gaussian_filter(rng.normal(size=(n, 48, 64)), (0, 2, 2)) * 5 + rng.normal(size=(n, 1, 1))
    share = 1 / (1 + np.exp(-amount))[..., None]
    return (np.array(PINK) * (1 - share) + np.array(PURPLE) * share).astype(np.uint8)


def column(name: str) -> int:
    return TISSUE.index(name)


def test_painted_tiles_by_hand():
    tiles = np.stack([painted(), painted(nuclei=4), painted(nuclei=9, side=4), painted(white=True)])
    standard = TissueStandard.of(tiles)
    raw = raw_tissue(tiles, standard.threshold)
    assert raw.shape == (4, 14)
    assert raw[:, column("nuclear_count")].tolist() == [0, 4, 9, 0]
    assert raw[:, column("white_fraction")].tolist() == [0, 0, 0, 0.5]
    np.testing.assert_allclose(raw[0, :3], PINK)
    assert raw[0, column("nuclear_size")] == 0
    assert raw[1, column("nuclear_size")] == pytest.approx(6, abs=0.7)  # smoothing takes the corners
    assert raw[2, column("nuclear_size")] == pytest.approx(4, abs=0.7)
    assert raw[1, column("nuclear_fraction")] == pytest.approx(4 * 36 / 4096, rel=0.2)
    assert (
        raw[0, column("laplacian")] == raw[0, column("gradient")] == raw[0, column("low_frequency_sd")] == 0
    )
    grey = np.array([0.299, 0.587, 0.114])
    half = (np.array(WHITE) - np.array(PINK)) @ grey / 2
    assert raw[3, column("low_frequency_sd")] == pytest.approx(half)
    assert raw[3, column("coherence")] == pytest.approx(1)
    np.testing.assert_array_equal(
        standard.nuclei(tiles).mean(axis=(1, 2)), raw[:, column("nuclear_fraction")]
    )


def test_small_specks_are_no_nuclei_and_tiles_do_not_touch():
    tiles = np.stack([painted(nuclei=5, side=2), painted(nuclei=5)])
    tiles[:, 60:, :] = tiles[:, :4, :]
    standard = TissueStandard.of(np.stack([painted(nuclei=4), painted(nuclei=9)]))
    count = raw_tissue(tiles, standard.threshold)[:, column("nuclear_count")]
    assert count[0] == 0
    alone = [raw_tissue(tile[None], standard.threshold)[0] for tile in tiles]
    np.testing.assert_array_equal(raw_tissue(tiles, standard.threshold), alone)


def test_stripes_are_coherent_and_noise_is_not():
    rng = np.random.default_rng(0)
    stripes = np.repeat(np.where(np.arange(64) // 4 % 2, 220, 90)[None, :, None], 64, axis=0)
    tiles = np.stack([np.repeat(stripes, 3, axis=2), rng.integers(0, 256, (64, 64, 3))]).astype(np.uint8)
    coherence = raw_tissue(tiles, 1.0)[:, column("coherence")]
    assert coherence[0] == pytest.approx(1, abs=1e-4)
    assert coherence[1] < 0.2


def test_stains_and_threshold_are_those_of_scikit_image():
    tiles = speckled(20)
    standard = TissueStandard.of(tiles)
    raw = raw_tissue(tiles, standard.threshold)
    hed = rgb2hed(tiles)
    for name, channel in (("haematoxylin", 0), ("eosin", 1)):
        theirs = hed[..., channel].mean(axis=(1, 2))
        assert np.corrcoef(raw[:, column(name)], theirs)[0, 1] > 0.999
    smooth = ndimage.gaussian_filter(hed[..., 0], (0, 0.7, 0.7))
    theirs = (smooth > threshold_otsu(smooth)).mean(axis=(1, 2))
    np.testing.assert_allclose(raw[:, column("nuclear_fraction")], theirs, atol=0.02)


def test_standardised_and_kept_in_json():
    tiles = speckled(150)
    standard = TissueStandard.of(tiles)
    values = standard.measure(tiles)
    flat = standard.sd_D == 1.0
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(values.std(axis=0)[~flat], 1)
    again = TissueStandard.from_dict(json.loads(json.dumps(standard.to_dict())))
    np.testing.assert_array_equal(again.measure(tiles[:9]), values[:9])
    assert standard.measure(tiles[:0]).shape == (0, 14)
    assert standard.nuclei(tiles[:0]).shape == (0, 48, 64)


def test_a_constant_statistic_keeps_its_unit():
    tiles = np.stack([painted(), painted(nuclei=4)])
    standard = TissueStandard.of(tiles)
    assert standard.sd_D[column("white_fraction")] == 1
    assert standard.measure(painted(white=True)[None])[0, column("white_fraction")] == 0.5


def test_bad_input():
    tile = painted()[None]
    for bad in (tile.astype(float), tile[0], tile[..., :1], tile[:, :8]):
        with pytest.raises(DataError, match="uint8 tiles"):
            tiles_of(bad)
    with pytest.raises(DataError, match="two tiles"):
        TissueStandard.of(tile)
    with pytest.raises(FileFormatError, match="tissue statistics"):
        TissueStandard.from_dict({"threshold": 1.0})
