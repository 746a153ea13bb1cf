"""Stain normalisation: another laboratory's colours come back to the reference."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.features.lab import rgb_to_lab
from genviz.features.optical_density import REFERENCE_MAXIMUM, optical_density, rgb_of_density
from genviz.features.stain import (
    Identity,
    MacenkoNormaliser,
    ReinhardNormaliser,
    fit_normaliser,
    tissue_density,
)
from tests.features.painting import OTHER_BASIS, amounts, stained

STAIN = amounts(300, 400)
HOME = stained(STAIN)
AWAY = stained(STAIN * [1.3, 0.7], OTHER_BASIS)  # other dyes, more of one and less of the other


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def test_macenko_finds_the_stains():
    fitted = MacenkoNormaliser.fit(AWAY)
    assert degrees(fitted.basis[0], OTHER_BASIS[0]) < 4
    assert degrees(fitted.basis[1], OTHER_BASIS[1]) < 4
    np.testing.assert_allclose(np.linalg.norm(fitted.basis, axis=1), 1, atol=1e-5)


def test_hematoxylin_comes_first_whatever_the_order_of_the_vectors():
    swapped = MacenkoNormaliser.fit(stained(STAIN[..., ::-1] * [1.0, 1.0]))
    assert swapped.basis[0, 0] > swapped.basis[1, 0]


@pytest.mark.parametrize(("method", "left"), [("macenko_glass", 0.2), ("macenko", 0.2), ("reinhard", 0.65)])
def test_restained_tissue_looks_the_same(method, left):
    home, away = (fit_normaliser(method, rgb).apply(rgb) for rgb in (HOME, AWAY))
    assert home.dtype == np.uint8 and home.shape == HOME.shape
    assert difference(home, away) < left * difference(HOME, AWAY)


def test_a_tint_of_glass_and_scanner_is_taken_off():
    tinted = rgb_of_density(optical_density(HOME) + np.array([0.05, 0.15, 0.08], np.float32))
    apart = {
        method: difference(*(fit_normaliser(method, rgb).apply(rgb) for rgb in (HOME, tinted)))
        for method in ("macenko_glass", "macenko")
    }
    assert apart["macenko_glass"] < 0.3 * apart["macenko"]
    fitted = MacenkoNormaliser.fit(tinted, glass=True)
    np.testing.assert_allclose(fitted.glass, [0.05, 0.15, 0.08], atol=0.02)
    assert (fitted.apply(tinted)[(HOME == 255).all(axis=-1)] >= 250).all()


def test_tissue_without_a_gap_does_not_pass_for_glass():
    dense = stained(STAIN + 0.8)
    assert (MacenkoNormaliser.fit(dense, glass=True).glass <= 0.35).all()


def test_macenko_brings_amounts_to_the_reference():
    done = MacenkoNormaliser.fit(AWAY)
    again = MacenkoNormaliser.fit(done.apply(AWAY))
    np.testing.assert_allclose(again.maximum, REFERENCE_MAXIMUM, rtol=0.1)


def test_reinhard_brings_tissue_to_one_mean():
    means = []
    for rgb in (HOME, AWAY):
        tissue = (optical_density(rgb) > 0.15).all(axis=-1)
        means.append(rgb_to_lab(ReinhardNormaliser.fit(rgb).apply(rgb))[tissue].mean(axis=0))
    np.testing.assert_allclose(*means, atol=2.5)


def test_glass_stays_glass():
    glass = (HOME == 255).all(axis=-1)
    assert glass.mean() > 0.1
    assert (ReinhardNormaliser.fit(HOME).apply(HOME)[glass] == 255).all()
    assert (MacenkoNormaliser.fit(HOME).apply(HOME)[glass] >= 250).all()


@pytest.mark.parametrize("method", ["macenko_glass", "macenko", "reinhard"])
def test_a_pixel_does_not_depend_on_those_beside_it(method):
    fitted = fit_normaliser(method, AWAY)
    np.testing.assert_array_equal(fitted.apply(AWAY[40:90, 30:95]), fitted.apply(AWAY)[40:90, 30:95])


@pytest.mark.parametrize("method", ["macenko_glass", "macenko", "reinhard"])
def test_blank_glass_is_an_error(method):
    with pytest.raises(DataError, match=r"at least 500 tissue pixels.*found 0 of 40000.*stain=None"):
        fit_normaliser(method, np.full((200, 200, 3), 250, np.uint8))


def test_one_colour_is_an_error():
    only_eosin = STAIN.copy()
    only_eosin[..., 0] = 0
    with pytest.raises(DataError, match=r"two distinct stains.*reinhard"):
        MacenkoNormaliser.fit(stained(only_eosin * 3))


def test_a_flat_colour_is_an_error():
    with pytest.raises(DataError, match="two distinct stains"):
        MacenkoNormaliser.fit(np.full((100, 100, 3), (150, 80, 140), np.uint8))


def test_without_a_method_colours_stay():
    none = fit_normaliser(None, None)
    assert isinstance(none, Identity) and none.apply(HOME) is HOME


def test_unknown_method_is_refused():
    with pytest.raises(UsageError, match="'macenko', 'reinhard' or None, got 'vahadane'"):
        fit_normaliser("vahadane", HOME)


def test_provenance_is_plain_json():
    for method in ("macenko_glass", "macenko", "reinhard", None):
        told = fit_normaliser(method, HOME).to_dict()
        assert json.loads(json.dumps(told)) == told
        assert told["method"] == (method or "none")


def test_tissue_is_what_absorbs_in_all_channels():
    assert len(tissue_density(HOME)) == (optical_density(HOME) > 0.15).all(axis=-1).sum()
