"""Turns and flips form the dihedral group of the square."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.core.tile_augment import N_TURNS, turn

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 5, 3), np.uint8)


def test_eight_different_turns_that_are_closed():
    turned = {turn(IMAGE, k).tobytes() for k in range(N_TURNS)}
    assert len(turned) == N_TURNS
    assert {turn(turn(IMAGE, a), b).tobytes() for a in range(N_TURNS) for b in range(N_TURNS)} == turned


def test_which_way_they_go():
    """Quarter turns counter-clockwise; from 4 on a mirroring of left and right before them."""
    corner = np.array([[1, 2], [3, 4]])
    assert turn(corner, 0).tolist() == [[1, 2], [3, 4]]
    assert turn(corner, 1).tolist() == [[2, 4], [1, 3]]
    assert turn(corner, 4).tolist() == [[2, 1], [4, 3]]
    assert turn(corner, 5).tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("k", range(N_TURNS))
def test_a_mask_goes_with_its_image(k):
    np.testing.assert_array_equal(turn(IMAGE, k)[..., 0], turn(IMAGE[..., 0], k))


@pytest.mark.parametrize("k", [-1, N_TURNS])
def test_other_turns_are_refused(k):
    with pytest.raises(UsageError, match="from 0 to 7"):
        turn(IMAGE, k)
