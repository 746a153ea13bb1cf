"""Colour scales: what they promise to the eye, and ranges that are never empty."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.pl.colours import (
    CATEGORIES,
    ERROR,
    EXPRESSION,
    UNCERTAINTY,
    plotly_scale,
    shared_range,
    symmetric_range,
)


def lightness(colour: str) -> float:
    """Relative luminance of a hex colour."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(rgb**2.2 @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("colours", [EXPRESSION, UNCERTAINTY])
def test_values_are_read_from_lightness(colours):
    assert (np.diff([lightness(colour) for colour in colours]) > 0).all()


def test_error_is_palest_at_zero_and_darkens_to_both_sides():
    light = np.array([lightness(colour) for colour in ERROR])
    assert len(ERROR) % 2 == 1 and light.argmax() == len(ERROR) // 2
    assert (np.diff(light[:5]) > 0).all() and (np.diff(light[4:]) < 0).all()


def test_stops_are_even_and_categories_differ():
    assert plotly_scale(("#000000", "#777777", "#ffffff")) == [
        [0.0, "#000000"],
        [0.5, "#777777"],
        [1.0, "#ffffff"],
    ]
    assert len(set(CATEGORIES)) == 8


def test_panels_share_a_range_that_one_wild_spot_does_not_rule():
    a, b = np.full(999, 2.0), np.array([900.0])
    assert shared_range(a, b) == (0.0, 2.0)
    assert shared_range(np.array([1.0]), np.array([3.0]))[1] == pytest.approx(3.0, abs=0.02)
    assert shared_range(np.array([np.nan, 2.0])) == (0.0, 2.0)


def test_ranges_are_never_empty():
    assert shared_range(np.zeros(5)) == (0.0, 1e-3)
    assert symmetric_range(np.zeros(5)) == (-1e-3, 1e-3)


def test_errors_are_centred_on_zero():
    low, high = symmetric_range(np.array([-4.0] * 50 + [1.0] * 50))
    assert (low, high) == (-4.0, 4.0)
