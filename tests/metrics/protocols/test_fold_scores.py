"""Scores over folds agree with scikit-learn, and intervals draw patients."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from genviz.metrics.protocols.fold_scores import (
    Cell,
    accuracy,
    auc,
    cell_scores,
    f1_macro,
    f1_weighted,
    majority_cell,
)


def cell(n: int = 40, n_classes: int = 3, seed: int = 0, skill: float = 1.0, n_patients: int = 10) -> Cell:
    rng = np.random.default_rng(seed)
    target = rng.integers(n_classes, size=n)
    raw = rng.random((n, n_classes)) + skill * np.eye(n_classes)[target]
    proba = np.round(raw / raw.sum(axis=1, keepdims=True), 2)  # with ties
    return Cell(proba, target, np.array([f"P{i % n_patients}" for i in range(n)], object))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_against_scikit_learn(n_classes, seed):
    one = cell(n_classes=n_classes, seed=seed, skill=0.3)
    weights = np.random.default_rng(seed).integers(0, 4, size=(5, 40)).astype(float)
    weights[0] = 1
    for b, w in enumerate(weights):
        args = {"y_true": one.target_N, "y_pred": one.predicted_N, "sample_weight": w}
        assert accuracy(one, weights)[b] == pytest.approx(reference.accuracy_score(**args))
        assert f1_macro(one, weights)[b] == pytest.approx(reference.f1_score(average="macro", **args))
        assert f1_weighted(one, weights)[b] == pytest.approx(reference.f1_score(average="weighted", **args))
        if n_classes == 2:
            expected = reference.roc_auc_score(one.target_N, one.proba_NC[:, 1], sample_weight=w)
            assert auc(one, weights)[b] == pytest.approx(expected)


def test_means_spread_and_gains():
    cells = [cell(seed=seed) for seed in range(4)]
    worse = [cell(seed=seed, skill=0.0) for seed in range(4)]
    found = cell_scores(cells, {"accuracy": accuracy}, n=40, reference=worse)
    own = [(one.predicted_N == one.target_N).mean() for one in cells]
    assert found["accuracy"].value == pytest.approx(np.mean(own)) and found["accuracy"].n == 40
    assert found["accuracy_fold_sd"].value == pytest.approx(np.std(own, ddof=1))
    low, high = found["accuracy_gain"].ci
    assert 0 < low < found["accuracy_gain"].value < high
    assert found["accuracy_gain"].value == pytest.approx(found["accuracy"].value - found["accuracy"].baseline)
    same = cell_scores(cells, {"accuracy": accuracy}, n=40, reference=cells)["accuracy_gain"]
    assert same.value == 0 and same.ci == (0, 0)  # paired


def test_intervals_know_that_rows_of_a_patient_resemble_each_other():
    one = cell(n=400, n_patients=400, skill=0.2)
    few = Cell(np.repeat(one.proba_NC[:20], 20, axis=0), np.repeat(one.target_N[:20], 20),
               np.repeat([f"P{i}" for i in range(20)], 20).astype(object))  # fmt: skip
    wide, narrow = (cell_scores([c], {"accuracy": accuracy}, n=400)["accuracy"].ci for c in (few, one))
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])


def test_one_class_in_a_fold_has_no_auc():
    one = cell(n_classes=2)
    alone = Cell(one.proba_NC, np.zeros(40, int), one.patients_N)
    assert np.isnan(auc(alone, np.ones((1, 40))))
    found = cell_scores([one, alone], {"auc": auc}, n=40)["auc"]
    assert found.value == pytest.approx(auc(one, np.ones((1, 40)))[0])


def test_majority():
    one = majority_cell(cell(), np.array([2, 2, 1]))
    assert set(one.predicted_N) == {2}
