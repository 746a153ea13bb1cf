"""Groups never straddle, and digests name rows, not their order."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.core.splits import check_straddling, grouped_split, split_digest

GROUPS = ["a"] * 10 + ["b"] * 20 + ["c"] * 30 + ["d"] * 40


def test_by_name() -> None:
    splits = grouped_split(GROUPS, test=["d"], val=["a"])
    assert splits.tolist() == ["val"] * 10 + ["train"] * 50 + ["test"] * 40
    assert grouped_split(GROUPS, test="d").tolist().count("test") == 40


@pytest.mark.parametrize("seed", range(20))
def test_by_fraction_keeps_groups_whole_and_trains_on_something(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 12, 300).tolist()
    splits = grouped_split(groups, test=0.25, val=0.15, seed=seed)
    check_straddling(groups, splits.tolist())
    assert set(splits) == {"train", "val", "test"}
    assert 0.1 < (splits == "test").mean() < 0.4
    assert splits.tolist() == grouped_split(groups, test=0.25, val=0.15, seed=seed).tolist()


def test_names_and_a_fraction_together() -> None:
    splits = grouped_split(GROUPS, test=["d"], val=0.1, seed=1)
    assert (splits[60:] == "test").all()
    assert {"train", "val"} == set(splits[:60])


def test_seed_chooses_the_groups() -> None:
    tests = {tuple(np.flatnonzero(grouped_split(range(30), test=0.2, seed=s) == "test")) for s in range(5)}
    assert len(tests) > 1


def test_what_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="unknown: 'z'"):
        grouped_split(GROUPS, test=["z"])
    with pytest.raises(UsageError, match="'a' are in test and val"):
        grouped_split(GROUPS, test=["a"], val=["a"])
    with pytest.raises(UsageError, match="left to train on"):
        grouped_split(GROUPS, test=["a", "b", "c", "d"])
    with pytest.raises(UsageError, match="between 0 and 1"):
        grouped_split(GROUPS, test=1.5)
    with pytest.raises(UsageError, match="at least 2 free groups"):
        grouped_split(["one"] * 9, test=0.3)
    with pytest.raises(DataError, match="1 straddle: 'b'"):
        check_straddling(["a", "b", "b"], ["train", "train", "test"])


def test_digest_is_of_sets_of_rows() -> None:
    one = split_digest({"train": ["r1", "r2"], "test": ["r3"]})
    assert one == split_digest({"test": ["r3"], "train": ["r2", "r1"], "val": []})
    assert one != split_digest({"train": ["r1"], "test": ["r3", "r2"]})
