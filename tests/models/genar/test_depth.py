"""Depth as an argument: a number, a column, one a row, and what cannot be meant."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.models.genar.depth import read_depth, section_factors
from tests.models.genar.cases import tissue


@pytest.fixture
def adata():
    made = tissue(6)
    made.obs["umi"] = [10, 20.4, 0, 7, 5, 3]
    return made


def test_what_can_be_said(adata):
    assert read_depth(adata, None).told == "no"
    section = read_depth(adata, 120)
    assert (section.told, section.median) == ("section", 120.0)
    for said in ("umi", adata.obs["umi"].to_numpy(), list(adata.obs["umi"])):
        spot = read_depth(adata, said)
        assert spot.told == "spot" and spot.total_N.tolist() == [10, 20, 0, 7, 5, 3]


@pytest.mark.parametrize(
    ("depth", "error", "words"),
    [
        ("counts", UsageError, r"a column of obs \(library_id, umi\); got 'counts'"),
        (-1.0, DataError, "finite and not negative"),
        (np.inf, DataError, "finite and not negative"),
        (0, DataError, "above 0; got 0"),
        ([1.0, 2.0], DataError, r"one depth a row \(6\).*shape \(2,\)"),
        (np.ones((6, 2)), DataError, r"shape \(6, 2\)"),
    ],
)
def test_what_cannot_be_meant(adata, depth, error, words):
    with pytest.raises(error, match=words):
        read_depth(adata, depth)


SECTION = np.array(["a", "a", "a", "b", "b"], dtype=object)
EXPECTED = np.array([10.0, 20.0, 30.0, 80.0, 120.0])


def test_each_sections_median_is_met_silently_when_it_is_near():
    factors, notes = section_factors(30.0, EXPECTED[:3], SECTION[:3])
    assert not notes and np.median(factors * EXPECTED[:3]) == pytest.approx(30.0)


def test_a_factor_beyond_two_is_said_for_the_section_it_holds_for():
    factors, notes = section_factors(30.0, EXPECTED, SECTION)
    assert len(notes) == 1 and notes[0].startswith("Section b: predicted median panel count 100, told 30")
    np.testing.assert_allclose(factors, [1.5] * 3 + [0.3] * 2)
