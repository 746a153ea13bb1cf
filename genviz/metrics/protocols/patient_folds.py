"""Folds by patient, and which real and synthetic rows a fold may be trained on.

A synthetic tile is made from somebody's profile, so it tells about that patient: it may be trained on only where
the patient is not tested. Shape legend: N real rows, M synthetic rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, UsageError
from genviz.core.counts import first_names
from genviz.core.keyed import row_key
from genviz.metrics.image_set import Labels, keyed_rows, labels_of

Rows = NDArray[np.intp]

_NOBODY = {"", "nan", "none", "<na>"}


@dataclass(frozen=True, eq=False)
class FoldRows:
    """The rows of one fold.

    Attributes
    ----------
    test, train
        Real rows; no patient is in both.
    synthetic
        Synthetic rows that may be trained on: none was made from the profile of a tested patient.
    """

    test: Rows
    train: Rows
    synthetic: Rows


def patient_folds(labels: ArrayLike, patients: ArrayLike, n_folds: int, seed: int = 0) -> NDArray[np.intp]:
    """Fold of each row; a patient is in one fold, and labels are spread evenly.

    Patients are dealt in keyed order, those with most rows first, each to the fold that its rows leave most even:
    the least sum of squared shares of labels.

    Parameters
    ----------
    labels, patients
        (N,).
    n_folds
        At least 2.
    seed
        Of the order.

    Returns
    -------
    (N,), 0 to ``n_folds - 1``.

    Raises
    ------
    UsageError
        For fewer patients than folds.
    """
    kinds = labels_of(np.asarray(labels, object), np.size(labels))
    whose = labels_of(np.asarray(patients, object), len(kinds))
    names, patient_N = np.unique(whose.astype(str), return_inverse=True)
    if n_folds < 2 or len(names) < n_folds:
        raise UsageError(
            f"Expected 2 folds or more, and a patient for each; got {n_folds}, {len(names)} patients."
        )
    found, label_N = np.unique(kinds.astype(str), return_inverse=True)
    table = np.zeros((len(names), len(found)))
    np.add.at(table, (patient_N, label_N), 1.0)
    keys = [row_key(seed, "", str(name), "fold") for name in names]
    order = sorted(range(len(names)), key=lambda i: (-table[i].sum(), keys[i]))
    shares = table / table.sum(axis=0)
    held = np.zeros((n_folds, len(found)))
    fold_of = np.zeros(len(names), np.intp)
    for patient in order:
        cost = ((held + shares[patient]) ** 2 - held**2).sum(axis=1)
        fold_of[patient] = int(np.lexsort((held.sum(axis=1), np.round(cost, 12)))[0])
        held[fold_of[patient]] += shares[patient]
    return np.asarray(fold_of[patient_N], np.intp)


def fold_rows(
    labels: ArrayLike,
    patients: ArrayLike,
    synthetic_patients: ArrayLike | None = None,
    *,
    n_folds: int = 5,
    seed: int = 0,
    held_out: Sequence[Any] | None = None,
    other_patients: bool = False,
) -> list[FoldRows]:
    """Part rows into folds without a leak through patients or through conditioning profiles.

    Parameters
    ----------
    labels, patients
        (N,) of real rows.
    synthetic_patients
        (M,) whose profile each synthetic row was made from; None without synthetic rows.
    n_folds, seed
        See `patient_folds`.
    held_out
        Patients that the generator was not trained on: only they are tested, all others are trained on in every
        fold. None tests everybody.
    other_patients
        Whether none of the synthetic rows is of a real patient here. Without it, names that nowhere match are taken
        for a spelling that would hide a leak.

    Raises
    ------
    DataError
        For rows without a patient, synthetic patients of whom none is a real one, or a label that a fold tests and
        cannot learn because all its patients are in it.
    UsageError
        For held-out patients that are not there, or fewer than folds.
    """
    whose = _named(patients, "real")
    kinds = labels_of(np.asarray(labels, object), len(whose))
    made = np.zeros(0, object) if synthetic_patients is None else _named(synthetic_patients, "synthetic")
    matched = set(made.tolist()) & set(whose.tolist())
    if len(made) and not matched and not other_patients:
        raise DataError(
            f"Expected synthetic rows of the real patients ({first_names(sorted(set(whose.tolist())), 2)}); got "
            f"{first_names(sorted(set(made.tolist())), 2)}. Write both alike, or say other_patients=True."
        )
    tested = np.ones(len(whose), bool)
    if held_out is not None:
        wanted = {str(name) for name in held_out}
        if unknown := sorted(wanted - set(whose.tolist())):
            raise UsageError(
                f"Expected held_out to name patients of the rows; unknown: {first_names(unknown)}."
            )
        tested = np.isin(whose, np.array(sorted(wanted), object))
    fold_N = np.full(len(whose), -1, np.intp)
    fold_N[tested] = patient_folds(kinds[tested], whose[tested], n_folds, seed)
    found = []
    for fold in range(n_folds):
        test = np.flatnonzero(fold_N == fold)
        safe = np.flatnonzero(~np.isin(made, whose[test]))
        train = np.flatnonzero(fold_N != fold)
        if unlearned := sorted(set(kinds[test].tolist()) - set(kinds[train].tolist())):
            raise DataError(
                f"Expected each label in patients of two folds or more; {first_names(unlearned)} would be tested and "
                "never trained on. Leave it out, or add patients."
            )
        found.append(FoldRows(test, train, safe))
    return found


def _named(patients: ArrayLike, what: str) -> Labels:
    """Names of patients; a row that nobody is known for is an error."""
    names = labels_of(np.asarray(patients, object), np.size(patients))
    lost = [i for i, name in enumerate(names.tolist()) if name.strip().lower() in _NOBODY]
    if lost:
        raise DataError(
            f"Expected the patient of every {what} row; {len(lost)} have none, the first is row {lost[0]}. "
            "Name them, or leave these rows out."
        )
    return names


def stratified_rows(labels: ArrayLike, share: float, seed: int, stream: str) -> Rows:
    """A share of the rows of each label, rounded; a larger share only adds rows.

    Parameters
    ----------
    labels
        (N,).
    share
        0 to 1.
    seed, stream
        Equal ones choose the same rows.
    """
    kinds = labels_of(np.asarray(labels, object), np.size(labels))
    chosen: list[int] = []
    for kind in dict.fromkeys(kinds.tolist()):
        rows = np.flatnonzero(kinds == kind)
        chosen += rows[keyed_rows(len(rows), round(share * len(rows)), seed, f"{stream} {kind}")].tolist()
    return np.sort(np.array(chosen, np.intp))


def replaced_rows(
    labels: ArrayLike, synthetic_labels: ArrayLike, share: float, seed: int = 0
) -> tuple[Rows, Rows]:
    """Real rows that stay and synthetic rows that stand for the others, equally many of each label.

    Parameters
    ----------
    labels
        (N,) of the real training rows.
    synthetic_labels
        (M,) of the synthetic rows that may be used.
    share
        How many of each label are replaced, 0 to 1; a larger share replaces these too.
    seed
        Which.

    Raises
    ------
    DataError
        For a label with too few synthetic rows.
    """
    kinds = labels_of(np.asarray(labels, object), np.size(labels))
    made = labels_of(np.asarray(synthetic_labels, object), np.size(synthetic_labels))
    gone = stratified_rows(kinds, share, seed, "replaced")
    stand_ins: list[int] = []
    for kind in dict.fromkeys(kinds.tolist()):
        n = int((kinds[gone] == kind).sum())
        rows = np.flatnonzero(made == kind)
        if len(rows) < n:
            raise DataError(
                f"Expected {n} synthetic rows of {kind!r} to replace {share:.0%} of the real ones, made from profiles "
                f"of patients that are not tested; there are {len(rows)}. Generate more."
            )
        stand_ins += rows[keyed_rows(len(rows), n, seed, f"stand-in {kind}")].tolist()
    return np.setdiff1d(np.arange(len(kinds)), gone), np.sort(np.array(stand_ins, np.intp))
