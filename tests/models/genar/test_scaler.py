"""Standardisation: training statistics, or each section's own, and a line beyond which tissue is strange."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.models.genar.scaler import Scaler

RNG = np.random.default_rng(0)
FEATURES = (RNG.normal(size=(400, 5)) * [1, 10, 0.1, 5, 1] + [0, 100, -3, 1e4, 0]).astype(np.float32)
SECTION = np.array(["a", "b"] * 200, dtype=object)


def test_training_rows_get_mean_zero_and_deviation_one():
    z = Scaler.fit(FEATURES, SECTION, "train").apply(FEATURES, SECTION)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.02)


def test_a_row_does_not_depend_on_its_company():
    scaler = Scaler.fit(FEATURES, SECTION, "train")
    part = slice(7, 9)
    np.testing.assert_array_equal(
        scaler.apply(FEATURES[part], SECTION[part]), scaler.apply(FEATURES, SECTION)[part]
    )


def test_constant_features_say_nothing_and_wild_ones_are_bounded():
    features = FEATURES.copy()
    features[:, 2] = 1e6 + 0.1  # constant up to rounding
    scaler = Scaler.fit(features, SECTION, "train")
    assert np.abs(scaler.apply(features, SECTION)[:, 2]).max() < 1
    features[0] = 1e9
    assert scaler.apply(features, SECTION).max() == 6.0


def test_each_section_by_itself_takes_a_sections_shift_away():
    shifted = FEATURES.copy()
    shifted[SECTION == "b"] += 50
    scaler = Scaler.fit(shifted, SECTION, "section")
    z = scaler.apply(shifted, SECTION)
    for section in ("a", "b"):
        np.testing.assert_allclose(z[section == SECTION].mean(axis=0), 0, atol=0.02)
    others = np.array(["c"] * 200, dtype=object)
    new = FEATURES[SECTION == "a"] * 3 + 7
    np.testing.assert_allclose(scaler.apply(new, others).mean(axis=0), 0, atol=0.02)


def test_a_few_rows_of_a_section_are_not_standardised_by_themselves():
    scaler = Scaler.fit(FEATURES, SECTION, "section")
    with pytest.raises(
        DataError, match=r"at least 20 rows of section 'a'.*got 10. Predict the whole section"
    ):
        scaler.apply(FEATURES[:20], SECTION[:20])


def test_tissue_unlike_the_training_tissue_is_counted():
    scaler = Scaler.fit(FEATURES, SECTION, "train")
    assert scaler.unfamiliar(FEATURES, SECTION) < 0.01
    strange = FEATURES.copy()
    strange[:100] += 10 * FEATURES.std(axis=0)
    assert scaler.unfamiliar(strange, SECTION) == pytest.approx(0.25, abs=0.01)


def test_unknown_words_are_refused():
    with pytest.raises(UsageError, match="normalise='train' or 'section'; got 'slide'"):
        Scaler.fit(FEATURES, SECTION, "slide")
