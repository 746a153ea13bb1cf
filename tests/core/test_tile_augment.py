"""Turns and flips form the dihedral group and move mask and image together."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.core.tile_augment import N_TURNS, inverse_turn, turn, turn_pairs

RNG = np.random.default_rng(0)
TILES = RNG.integers(0, 256, (16, 5, 5, 3), np.uint8)
MASKS = TILES[..., 0].astype(np.uint16) * 3


def test_eight_different_turns_and_their_inverses():
    image = TILES[0]
    turned = [turn(image, k) for k in range(N_TURNS)]
    assert len({t.tobytes() for t in turned}) == N_TURNS
    for k in range(N_TURNS):
        np.testing.assert_array_equal(turn(turned[k], inverse_turn(k)), image)


def test_turns_are_closed():
    image = TILES[0]
    all_ = {turn(image, k).tobytes() for k in range(N_TURNS)}
    assert {turn(turn(image, a), b).tobytes() for a in range(N_TURNS) for b in range(N_TURNS)} == all_


def test_pairs_stay_together():
    turns = np.arange(16) % N_TURNS
    tiles, masks = turn_pairs(TILES, MASKS, turns)
    np.testing.assert_array_equal(tiles[..., 0].astype(np.uint16) * 3, masks)
    for i, k in enumerate(turns):
        np.testing.assert_array_equal(tiles[i], turn(TILES[i], int(k)))


def test_what_is_refused():
    with pytest.raises(UsageError):
        turn(TILES[0], 8)
    with pytest.raises(UsageError):
        turn_pairs(TILES[:, :4], MASKS[:, :4], np.zeros(16, int))
    with pytest.raises(UsageError):
        turn_pairs(TILES, MASKS[:, :4], np.zeros(16, int))
