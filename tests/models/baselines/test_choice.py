"""Settings are judged on sections that were not fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genviz.models.baselines.choice import choose
from tests.models.baselines.cases import problem


def shrunk_mean(fit_NF, y_NG, predict_MF, settings: Sequence[float]) -> Iterator[np.ndarray]:
    """Part of the mean of the rows that are fitted on."""
    for part in settings:
        yield np.tile(part * y_NG.mean(axis=0), (len(predict_MF), 1))


def test_the_smallest_error_wins_and_is_reported():
    given = problem()
    found = choose(given, given.log2_NG, shrunk_mean, (0.2, 1.0, 3.0))
    assert found.setting == 1.0
    assert np.allclose(found.predicted_MG, given.log2_NG.mean(axis=0))
    section = given.train.libraries
    errors = []
    for name in "ABC":
        out = section == name
        expected = given.log2_NG[~out].mean(axis=0)
        assert np.allclose(found.out_of_fold_NG[out], expected)
        errors.append(((given.log2_NG[out] - expected) ** 2).mean())
    assert np.isclose(found.mse, np.mean(errors))


def test_a_row_never_sees_its_own_section():
    """Poisoning a section changes the out-of-fold predictions of the others, never its own."""
    given = problem()
    out = given.train.libraries == "B"
    poisoned = given.log2_NG.copy()
    poisoned[out] += 100.0
    before = choose(given, given.log2_NG, shrunk_mean, (1.0,)).out_of_fold_NG
    after = choose(given, poisoned, shrunk_mean, (1.0,)).out_of_fold_NG
    assert np.array_equal(before[out], after[out])
    assert (after[~out] > before[~out] + 10).all()


def test_rows_left_out_are_neither_fitted_nor_predicted():
    given = problem()
    rows = np.arange(60) % 3 > 0
    poisoned = np.where(rows[:, None], given.log2_NG, 1e6)
    found = choose(given, poisoned, shrunk_mean, (0.5, 1.0), rows=rows)
    assert np.isnan(found.out_of_fold_NG[~rows]).all()
    assert np.isfinite(found.out_of_fold_NG[rows]).all()
    assert found.predicted_MG.max() < 100 and found.mse < 100


def test_a_section_without_such_rows_is_no_fold():
    given = problem()
    rows = given.train.libraries != "B"
    found = choose(given, given.log2_NG, shrunk_mean, (1.0,), rows=rows)
    assert np.isfinite(found.mse)
    assert np.isnan(found.out_of_fold_NG[~rows]).all()
