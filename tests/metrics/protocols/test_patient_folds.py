"""Folds part patients, and what a tested patient's profile made is never trained on."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.metrics.protocols.patient_folds import fold_rows, patient_folds, replaced_rows, stratified_rows


def cohort(n_patients: int = 23, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and patients: one label a patient, 1 to 9 rows each."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 10, n_patients)
    patients = np.repeat([f"P{i:02d}" for i in range(n_patients)], sizes)
    labels = np.repeat([("a", "a", "b")[i % 3] for i in range(n_patients)], sizes)
    order = rng.permutation(len(labels))
    return labels[order], patients[order]


@pytest.mark.parametrize("seed", range(4))
def test_folds_part_patients_and_spread_labels(seed):
    labels, patients = cohort(seed=seed)
    folds = patient_folds(labels, patients, 4, seed)
    for name in set(patients):
        assert len(set(folds[patients == name])) == 1
    for label in "ab":
        held = np.bincount(folds[labels == label], minlength=4)
        assert held.min() > 0 and held.max() - held.min() <= 9  # the largest patient
    order = np.random.default_rng(1).permutation(len(labels))
    np.testing.assert_array_equal(patient_folds(labels[order], patients[order], 4, seed), folds[order])
    assert (patient_folds(labels, patients, 4, seed + 1) != folds).any()


@pytest.mark.parametrize("held_out", [None, ["P00", "P02", "P03", "P05", "P08", "P20"]])
def test_no_profile_of_a_tested_patient_is_trained_on(held_out):
    labels, patients = cohort()
    made = np.repeat([*sorted(set(patients)), "elsewhere"], 3)
    folds = fold_rows(labels, patients, made, n_folds=3, held_out=held_out)
    for fold in folds:
        tested = set(patients[fold.test])
        assert tested and not tested & set(patients[fold.train]) and not tested & set(made[fold.synthetic])
        # and nothing else is lost
        assert len(fold.test) + len(fold.train) == len(labels)
        assert set(made[fold.synthetic]) == set(made) - tested
    seen = np.sort(np.concatenate([fold.test for fold in folds]))
    wanted = np.isin(patients, held_out) if held_out else np.ones(len(labels), bool)
    np.testing.assert_array_equal(seen, np.flatnonzero(wanted))


def test_what_would_hide_a_leak_is_refused():
    labels, patients = cohort()
    made = np.array([f"{name}-01A" for name in patients])
    with pytest.raises(DataError, match="Write both alike"):
        fold_rows(labels, patients, made, n_folds=3)
    assert len(fold_rows(labels, patients, made, n_folds=3, other_patients=True)[0].synthetic) == len(made)
    made[3] = "nan"
    with pytest.raises(DataError, match="1 have none, the first is row 3"):
        fold_rows(labels, patients, made, n_folds=3, other_patients=True)
    with pytest.raises(UsageError, match="unknown: 'nobody'"):
        fold_rows(labels, patients, n_folds=3, held_out=["nobody"])
    with pytest.raises(UsageError, match="a patient for each"):
        patient_folds(["a", "b"], ["P", "Q"], 3)
    with pytest.raises(DataError, match="never trained on"):
        fold_rows(["a", "a", "b", "a"], ["P", "P", "Q", "R"], n_folds=2)


def test_replacement_keeps_the_balance_and_grows():
    labels = np.array(["a"] * 40 + ["b"] * 20)
    made = np.array(["b"] * 30 + ["a"] * 30)
    before: set[int] = set()
    for share in (0.0, 0.25, 0.5, 0.75):
        stay, come = replaced_rows(labels, made, share, seed=3)
        assert len(stay) + len(come) == len(labels)
        for kind, n in (("a", 40), ("b", 20)):
            assert (made[come] == kind).sum() == share * n and (labels[stay] == kind).sum() == (1 - share) * n
        assert before <= set(come)
        before = set(come)
    with pytest.raises(DataError, match="there are 30"):
        replaced_rows(labels, made, 1.0)
    half, all_rows = (stratified_rows(labels, share, 0, "x") for share in (0.5, 1.0))
    assert len(half) == 30 and set(half) < set(all_rows) and len(all_rows) == 60
