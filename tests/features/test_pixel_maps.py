"""Everything that is measured once per pixel."""

from __future__ import annotations

import numpy as np

from genviz.features.optical_density import REFERENCE_BASIS, REFERENCE_MAXIMUM, rgb_of_density
from genviz.features.pixel_maps import E_LEVELS, H_LEVELS, pixel_maps
from tests.features.painting import tissue


def measured(rgb: np.ndarray) -> dict[str, np.ndarray]:
    names, maps_Mhw = pixel_maps(rgb)
    assert maps_Mhw.dtype == np.float32 and np.isfinite(maps_Mhw).all()
    assert len(names) == len(set(names)) == len(maps_Mhw)
    return dict(zip(names, maps_Mhw, strict=True))


def of_stain(hematoxylin: float, eosin: float) -> np.ndarray:
    amounts = np.array([hematoxylin, eosin], np.float32) * REFERENCE_MAXIMUM
    return np.broadcast_to(rgb_of_density(amounts @ REFERENCE_BASIS), (128, 128, 3)).copy()


def test_amounts_are_in_units_of_the_reference():
    maps = measured(of_stain(0.5, 0.3))
    np.testing.assert_allclose(maps["h"], 0.5, atol=0.03)
    np.testing.assert_allclose(maps["e"], 0.3, atol=0.03)
    np.testing.assert_allclose(maps["he"], maps["h"] * maps["e"], rtol=1e-4)


def test_moments_are_those_of_the_pixels():
    rgb = tissue(128, 128)
    maps = measured(rgb)
    block = rgb[8:16, 16:24, 0].astype(float) / 255
    np.testing.assert_allclose(maps["r"][1, 2], block.mean(), rtol=1e-5)
    np.testing.assert_allclose(maps["r2"][1, 2], (block**2).mean(), rtol=1e-5)


def test_levels_are_nested():
    maps = measured(tissue(256, 256))
    for stain, levels in (("h", H_LEVELS), ("e", E_LEVELS)):
        shares = [maps[f"{stain}_above{level}"].mean() for level in levels]
        assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1]


def test_glass_and_fat():
    rgb = of_stain(0.6, 0.6)
    rgb[:, :64] = 250
    maps = measured(rgb)
    assert (maps["glass"][:, :8] == 1).all() and (maps["glass"][:, 8:] == 0).all()
    assert (maps["fat"][:, 0] == 1).all() and (maps["fat"][:, 7] < 1).all()  # deep inside, not at the edge
    assert (maps["fat"][:, 8:] == 0).all()
