"""Parting rows into train, validation and test so that a group (section, patient) never straddles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz.core.counts import first_names

SPLITS = ("train", "val", "test")
Part = Sequence[str] | float | None


def grouped_split(
    groups: Sequence[Any], *, val: Part = None, test: Part = None, seed: int = 0
) -> NDArray[np.object_]:
    """Assign each row to a split by its group.

    Parameters
    ----------
    groups
        (n,) group of each row.
    val, test
        Names of groups, or a fraction of the rows: groups in seeded order are taken while they
        bring the share nearer to it, at least one. None: no such split.
    seed
        Order of the groups when a fraction is given.

    Returns
    -------
    (n,) of ``"train"``, ``"val"``, ``"test"``.

    Raises
    ------
    UsageError
        For groups that do not exist or are asked for twice, fractions that leave nothing to train
        on, or too few groups.
    """
    labels = np.asarray([str(group) for group in groups], dtype=object)
    sizes = {str(name): int((labels == name).sum()) for name in sorted(set(labels))}
    rng = np.random.default_rng(seed)
    pool = [str(name) for name in rng.permutation(list(sizes))]
    taken: dict[str, str] = {}
    for split, part in (("test", test), ("val", val)):
        if not isinstance(part, (int, float)):
            taken |= _named(split, part, sizes, taken)
    for split, part in (("test", test), ("val", val)):
        if isinstance(part, (int, float)):
            taken |= dict.fromkeys(
                _fraction(split, float(part), sizes, [g for g in pool if g not in taken]), split
            )
    if set(taken) == set(sizes):
        raise UsageError(f"Expected groups left to train on; all {len(sizes)} are held out. Hold out fewer.")
    return np.array([taken.get(label, "train") for label in labels], dtype=object)


def _named(
    split: str, part: Sequence[str] | None, sizes: Mapping[str, int], taken: Mapping[str, str]
) -> dict[str, str]:
    names = [part] if isinstance(part, str) else [str(name) for name in (() if part is None else part)]
    unknown = [name for name in names if name not in sizes]
    if unknown:
        raise UsageError(
            f"Expected {split}= to name groups; unknown: {first_names(unknown)}. "
            f"There are {first_names(list(sizes), 12)}."
        )
    twice = [name for name in names if name in taken]
    if twice:
        raise UsageError(
            f"Expected each group in one split; {first_names(twice)} are in {taken[twice[0]]} and {split}."
        )
    return dict.fromkeys(names, split)


def _fraction(split: str, fraction: float, sizes: Mapping[str, int], free: list[str]) -> list[str]:
    """Groups in the order given, as long as each brings the number of rows nearer to the fraction."""
    if not 0 < fraction < 1:
        raise UsageError(f"Expected {split}= as group names or a fraction between 0 and 1; got {fraction}.")
    if len(free) < 2:
        raise UsageError(
            f"Expected at least 2 free groups to hold out {fraction:.0%} for {split}; there are {len(free)}. "
            "A group never straddles: add sections, or split by a finer group."
        )
    wanted, got = fraction * sum(sizes.values()), 0
    chosen: list[str] = []
    for name in free[:-1]:
        if chosen and abs(got + sizes[name] - wanted) >= abs(got - wanted):
            continue
        chosen.append(name)
        got += sizes[name]
    return chosen


def check_straddling(groups: Sequence[Any], splits: Sequence[str]) -> None:
    """Refuse an assignment of rows in which one group is in two splits.

    Raises
    ------
    DataError
        Naming the first such groups.
    """
    seen: dict[str, set[str]] = {}
    for group, split in zip(groups, splits, strict=True):
        seen.setdefault(str(group), set()).add(str(split))
    astray = [group for group, found in seen.items() if len(found) > 1]
    if astray:
        raise DataError(
            f"Expected each group in one split; {len(astray)} straddle: {first_names(astray)}. Rows of one "
            "section or patient resemble each other, so that leaks. Correct the index, or the group key."
        )


def split_digest(names_by_split: Mapping[str, Sequence[str]]) -> str:
    """SHA-256 of which rows are in which split; the order of the rows does not matter."""
    whole = {
        str(split): sorted(str(name) for name in names)
        for split, names in names_by_split.items()
        if len(names)
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
