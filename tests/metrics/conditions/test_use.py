"""Use of the condition: bounds, nulls, ranks and spreads on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.metrics.conditions.ridge_bound import Ridge, RidgeBound, probe_r2
from genviz.metrics.conditions.row_nulls import shifted_null, shuffled_null
from genviz.metrics.conditions.use import (
    condition_use,
    correlation_scores,
    retrieval_ranks,
    spread_scores,
)
from genviz.metrics.conditions.within_sections import correlations, mean_of, section_labels

NAMES = ("a", "b", "c")
WEIGHTS = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 0.0]])


def linear_case(n: int = 1500, draws: int = 8, seed: int = 0, noise: float = 1.0):
    """Codes, real statistics = linear + noise, and draws of the very same law: a calibrated sampler."""
    rng = np.random.default_rng(seed)
    code = rng.normal(size=(n, 2))
    mean = code @ WEIGHTS
    return code, mean + noise * rng.normal(size=(n, 3)), mean + noise * rng.normal(size=(draws, n, 3))


def one(n: int) -> np.ndarray:
    return np.full(n, "", object)


class TestBounds:
    def test_a_calibrated_sampler_reaches_its_bounds_and_no_more(self):
        code, real, made = linear_case()
        training = linear_case(seed=1)
        bound = RidgeBound.of((training[0], training[1], one(1500)), (code, real, one(1500)))
        scores = correlation_scores(made[:, :, :2], real[:, :2], bound=RidgeBound(bound.rho_D[:2], 1.0))
        assert scores["r_single_share"].value == pytest.approx(1, abs=0.08)
        assert scores["r_mean_share"].value == pytest.approx(1, abs=0.05)
        assert scores["r_single"].baseline < scores["r_mean"].baseline
        low, high = scores["r_mean"].ci
        assert low < scores["r_mean"].value < high

    def test_bounds_by_hand(self):
        bound = RidgeBound(np.array([0.5, -0.3, 1.0, np.nan]), 1.0)
        np.testing.assert_allclose(bound.of_mean(1), [0.25, 0, 1, np.nan])
        assert bound.of_mean(8)[0] == pytest.approx(0.25 / np.sqrt(0.25 + 0.75 / 8))
        assert bound.of_mean(10**9)[0] == pytest.approx(0.5)

    def test_the_strength_is_chosen_by_sections_left_out(self):
        rng = np.random.default_rng(0)
        common = rng.normal(size=(60, 1))
        code = common + rng.normal(size=(60, 30))  # all of them together say it best
        real = common + 2 * rng.normal(size=(60, 1))
        sections = np.repeat(["A", "B", "C"], 20).astype(object)
        noisy, clear = Ridge.fit(code, real, sections), Ridge.fit(code, code[:, :1], sections)
        assert noisy.strength > clear.strength
        np.testing.assert_allclose(clear.predict(code), code[:, :1], atol=0.1)
        assert Ridge.fit(code, real, one(60)).strength > 0

    def test_few_rows_and_nan_are_refused(self):
        with pytest.raises(DataError, match="at least 10 rows"):
            Ridge.fit(np.zeros((5, 2)), np.zeros((5, 1)), one(5))
        with pytest.raises(DataError, match="finite"):
            Ridge.fit(np.full((20, 2), np.nan), np.zeros((20, 1)), one(20))


class TestCorrelations:
    def test_sections_do_not_count(self):
        rng = np.random.default_rng(0)
        made, real = rng.normal(size=(2, 200, 1))
        sections = np.repeat(["A", "B"], 100).astype(object)
        shift = np.where(sections == "A", 0.0, 50.0)[:, None]
        assert correlations(made + shift, real + shift)[0] > 0.9
        assert abs(correlations(made + shift, real + shift, sections)[0]) < 0.25

    def test_constant_columns(self):
        real = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
        found = correlations(np.column_stack([np.ones(3), np.arange(3.0)]), real)
        assert found[0] == 0 and np.isnan(found[1])
        assert mean_of(found) == 0 and np.isnan(mean_of(np.array([np.nan])))

    def test_tables_that_do_not_fit_are_refused(self):
        _, real, made = linear_case(20, 2)
        for bad in (made[0], made[:, :9], made[:, :, :2]):
            with pytest.raises(DataError, match="Expected generated statistics"):
                condition_use(bad, real, names=NAMES)
        with pytest.raises(DataError, match="three rows"):
            condition_use(made[:, :2], real[:2], names=NAMES)
        with pytest.raises(DataError, match="sections"):
            section_labels(["A"], 3)


class TestNulls:
    def test_unrelated_rows_are_not_significant_and_related_ones_are(self):
        _, real, made = linear_case(100, 4)
        found = condition_use(made, real, names=NAMES, n_shuffles=400)
        assert found["p_shuffled"].value == pytest.approx(1 / 401)
        assert abs(found["r_shuffled"].value) < 0.03 and found["z_shuffled"].value > 4
        again = condition_use(made, real, names=NAMES, n_shuffles=400)
        assert found == again
        unrelated = condition_use(made[:, ::-1], real, names=NAMES, n_shuffles=400)
        assert unrelated["p_shuffled"].value > 0.02
        null = shuffled_null(made[0], real, one(100), n=50)
        assert null.p_D.shape == (3,) and null.p_D[0] < 0.05

    def test_a_smooth_map_is_significant_by_shuffling_but_not_by_moving(self):
        x, y = np.meshgrid(np.arange(14), np.arange(14), indexing="ij")
        places = np.column_stack([x.ravel(), y.ravel()])
        real = np.sin(places[:, :1] / 2.5) + np.cos(places[:, 1:] / 3.5)
        made = np.sin((places[:, :1] + 1.5) / 2.5)  # as smooth, and out of step
        assert shuffled_null(made, real, one(196), n=200).p < 0.01
        moved = shifted_null(made, real, places, one(196))
        assert moved is not None and moved.p > 0.05 and len(moved.null_PD) > 50
        true = shifted_null(real, real, places, one(196))
        assert true is not None and true.p == pytest.approx(1 / (1 + len(true.null_PD)))

    def test_shifts_stay_within_sections_and_leave_enough_rows(self):
        places = np.array([(i % 8, i // 8) for i in range(64)])
        real = np.random.default_rng(0).normal(size=(128, 1))
        sections = np.repeat(["A", "B"], 64).astype(object)
        both = shifted_null(real, real, np.vstack([places, places + 100]), sections)
        alone = shifted_null(real[:64], real[:64], places, one(64))
        assert both is not None and alone is not None and len(both.null_PD) == len(alone.null_PD)
        assert shifted_null(real[:9], real[:9], places[:9], one(9)) is None
        assert shifted_null(real[:64], real[:64], places, one(64), step=(0.01, 0.01)) is None

    def test_shift_scores_are_given_with_places_only(self):
        _, real, made = linear_case(64, 2)
        places = np.array([(i % 8, i // 8) for i in range(64)])
        found = condition_use(made, real, names=NAMES, places=places, n_shuffles=20)
        assert found["p_shifted"].value <= 0.1 and found["r_shifted_max"].value < found["r_mean"].value
        assert "p_shifted" not in condition_use(made, real, names=NAMES, n_shuffles=20)


def test_ranks_and_spreads():
    _, real, made = linear_case(60, 3)
    assert retrieval_ranks(real, real).max() == 0
    assert 0.4 < retrieval_ranks(made[0][::-1], real).mean() < 0.6
    found = spread_scores(0.5 * np.stack([real, real]), real, names=NAMES)
    assert found["spread"].value == pytest.approx(0.5) and found["spread_c"].value == pytest.approx(0.5)


def test_probe_reads_what_is_there():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    assert probe_r2(x, x @ np.arange(5.0)) > 0.99
    assert abs(probe_r2(x, rng.normal(size=300))) < 0.15
    names = np.where(x[:, 0] > 0, "one", "two").astype(object)
    assert 0.4 < probe_r2(x, names) < 0.8  # of an indicator, linearly
    assert probe_r2(x, x[:, 0], groups=np.repeat(["A", "B", "C"], 100).astype(object)) > 0.99
