"""Samples reduced to what is read: bounds, median, mode, entropy, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genviz.models.genar.entropy import marginal_entropy
from genviz.models.genar.summary import Interval, Summary, _interval, _median, _mode, concatenate

SAMPLES = np.random.default_rng(0).poisson(3.0, (101, 70, 4)).astype(np.int32)


def test_bounds_are_counts_that_were_drawn_and_hold_the_level():
    found = _interval(SAMPLES, 0.9, None)
    np.testing.assert_allclose(found.mean, SAMPLES.mean(axis=0), rtol=1e-6)
    assert (found.lower == np.rint(found.lower)).all()
    inside = ((found.lower <= SAMPLES) & (found.upper >= SAMPLES)).mean(axis=0)
    assert inside.min() >= 0.9
    narrow = _interval(SAMPLES, 0.5, None)
    assert (narrow.lower >= found.lower).all() and (narrow.upper <= found.upper).all()


def test_a_known_mean_replaces_the_samples():
    mean = np.full((70, 4), 2.5)
    assert (_interval(SAMPLES, 0.9, mean).mean == 2.5).all()


def test_median_and_mode_are_numpys_and_scipys():
    np.testing.assert_array_equal(_median(SAMPLES), np.median(SAMPLES, axis=0))
    np.testing.assert_array_equal(_mode(SAMPLES), stats.mode(SAMPLES, axis=0).mode)
    np.testing.assert_array_equal(_mode(SAMPLES[:1]), SAMPLES[0])


def test_entropy_is_the_plug_in_with_its_correction():
    expected = np.zeros((70, 4))
    for row, gene in np.ndindex(70, 4):
        _, times = np.unique(SAMPLES[:, row, gene], return_counts=True)
        expected[row, gene] = stats.entropy(times) + (len(times) - 1) / (2 * len(SAMPLES))
    np.testing.assert_allclose(marginal_entropy(SAMPLES), expected.mean(axis=1), rtol=1e-5)


def test_entropy_of_what_is_certain_is_zero_and_of_poisson_is_poissons():
    assert (marginal_entropy(np.full((50, 3, 2), 7)) == 0).all()
    draws = np.random.default_rng(1).poisson(3.0, (256, 100, 20))
    assert marginal_entropy(draws).mean() == pytest.approx(stats.poisson(3.0).entropy(), abs=0.01)


def test_chunks_are_put_together_in_order():
    def part(start: int, n: int) -> Summary:
        rows = np.arange(start, start + n, dtype=np.float32)[:, None]
        interval = Interval(rows, rows - 1, rows + 1)
        return Summary(interval, rows, (interval,), rows[:, 0], {"median": rows})

    joined, whole = concatenate([part(0, 2), part(2, 3)]), part(0, 5)
    for name in ("mean", "lower", "upper"):
        np.testing.assert_array_equal(getattr(joined.genes, name), getattr(whole.genes, name))
        np.testing.assert_array_equal(getattr(joined.groups[0], name), getattr(whole.groups[0], name))
    np.testing.assert_array_equal(joined.extra["median"], whole.extra["median"])
    np.testing.assert_array_equal(joined.entropy_B, whole.entropy_B)
