"""Means over members, each view by itself."""

from __future__ import annotations

import numpy as np

from genviz.models.baselines.averaging import average
from genviz.models.baselines.estimate import Estimate

ONE = Estimate(np.full((2, 3), 1.0), np.full((2, 3), 10.0), np.full((2, 3), 5.0))
TWO = Estimate(np.full((2, 3), 3.0), np.full((2, 3), 20.0), np.full((2, 3), 7.0))
BARE = Estimate(np.full((2, 3), 5.0), np.full((2, 3), 60.0))


def test_views_are_averaged_and_members_named():
    found = average({"one": ONE, "two": TWO, "bare": BARE})
    assert np.allclose(found.log2_MG, 3.0)
    assert np.allclose(found.mean_MG, 30.0)
    assert found.chosen == {"members": ["one", "two", "bare"]}


def test_direct_is_the_mean_of_those_that_make_one():
    found = average({"one": ONE, "two": TWO, "bare": BARE})
    assert np.allclose(found.normalised_MG, 6.0)
    assert average({"bare": BARE}).normalised_MG is None


def test_clipping_leaves_nothing_negative():
    below = Estimate(np.full((1, 2), -1.0), np.full((1, 2), -2.0), np.full((1, 2), -3.0), {"alpha": 1})
    found = below.clipped()
    assert not found.log2_MG.any() and not found.mean_MG.any() and not found.normalised_MG.any()
    assert found.chosen == {"alpha": 1}
    assert BARE.clipped().normalised_MG is None
