"""PIT, coverage and CRPS: exact on small cases, right in distribution on counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from genviz._errors import DataError, UsageError
from genviz.core.calibration import (
    central_coverage,
    crps_interval,
    crps_samples,
    pit_of_samples,
    randomised_pit,
)


def test_crps_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    samples, truth = rng.normal(size=(9, 2, 3)), rng.normal(size=(2, 3))
    pairs = np.abs(samples[:, None] - samples[None]).mean(axis=(0, 1))
    np.testing.assert_allclose(crps_samples(samples, truth), np.abs(samples - truth).mean(0) - pairs / 2)

    def squared_gap(t: float) -> float:
        return float(((samples[:, 0, 0] <= t).mean() - (truth[0, 0] <= t)) ** 2)

    edges = np.sort(np.r_[samples[:, 0, 0], truth[0, 0]])
    integral = integrate.quad(squared_gap, edges[0], edges[-1], points=edges, limit=200)[0]
    assert crps_samples(samples, truth)[0, 0] == pytest.approx(integral, abs=1e-7)


def test_crps_of_one_sample_is_the_absolute_error() -> None:
    assert crps_samples(np.full((1, 1, 1), 3.0), np.full((1, 1), 5.0))[0, 0] == 2.0
    assert crps_samples(np.full((4, 1, 1), 5.0), np.full((1, 1), 5.0))[0, 0] == 0.0


def test_crps_prefers_the_right_spread() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(4000, 1))
    scores = [crps_samples(rng.normal(0, s, (200, 4000, 1)), truth).mean() for s in (0.4, 1.0, 2.5)]
    assert scores[1] == min(scores)
    assert scores[1] == pytest.approx(1 / np.sqrt(np.pi), abs=0.02)  # the known value for a normal


def test_interval_approximation_is_near_the_crps_of_a_normal() -> None:
    truth = np.random.default_rng(2).normal(size=20_000)
    z = stats.norm.ppf(0.95)
    assert crps_interval(-z, 0.0, z, truth, 0.9).mean() == pytest.approx(1 / np.sqrt(np.pi), rel=0.04)
    by_hand = 2 * (0.15 * (0.05 * 4 + 4 * 1.5 + 0.95 * 2) + 0.025 * (0.05 * 4 + 0.95 * 2))
    assert crps_interval(-1.0, 0.0, 1.0, 3.0, 0.9) == pytest.approx(by_hand)
    assert crps_interval(2.0, 2.0, 2.0, 2.0, 0.9) == 0


def test_pit_is_uniform_for_calibrated_counts_where_closed_intervals_overcover() -> None:
    rng = np.random.default_rng(3)
    model = stats.nbinom(1.5, 0.4)
    truth = model.rvs(20_000, random_state=rng)
    u = randomised_pit(model.cdf(truth - 1), model.cdf(truth), rng.random(truth.shape))
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert central_coverage(u, 0.9) == pytest.approx(0.9, abs=0.008)
    assert ((truth >= model.ppf(0.05)) & (truth <= model.ppf(0.95))).mean() > 0.92


@pytest.mark.parametrize("n_samples", [3, 60])
def test_pit_of_few_samples_is_uniform_too(n_samples: int) -> None:
    rng = np.random.default_rng(4)
    samples, truth = rng.poisson(1.2, (n_samples, 20_000)), rng.poisson(1.2, 20_000)
    u = pit_of_samples(samples, truth, rng.random(20_000))
    assert stats.kstest(u, "uniform").pvalue > 1e-3


def test_pit_shows_what_is_wrong() -> None:
    rng = np.random.default_rng(5)
    truth = rng.poisson(20.0, 5000)
    narrow = stats.poisson(20).cdf
    wide = randomised_pit(narrow(truth * 2 - 20 - 1), narrow(truth * 2 - 20), rng.random(5000))
    assert central_coverage(wide, 0.9) < 0.75


def test_hand_computed() -> None:
    assert randomised_pit(0.2, 0.6, 0.5) == pytest.approx(0.4)
    assert pit_of_samples(np.array([0, 1, 1, 4]), np.array(1), np.array(0.5)) == pytest.approx(
        (1 + 0.5 * 3) / 5
    )
    assert central_coverage([0.05, 0.5, 0.951, 0.01], 0.9) == 0.5
    assert np.isnan(central_coverage([np.nan]))


def test_bad_input() -> None:
    with pytest.raises(DataError, match="not such probabilities"):
        randomised_pit(0.7, 0.6, 0.5)
    with pytest.raises(DataError, match="samples axis first"):
        crps_samples(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(UsageError):
        central_coverage([0.5], 1.0)
