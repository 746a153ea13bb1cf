"""Copies are found in whatever turn."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError
from tests.metrics.pairs import disc_pairs

TRAIN = disc_pairs(30, side=48, seed=0).tiles
OTHER = disc_pairs(12, side=48, seed=1).tiles


def test_turned_copies_are_found():
    copies = np.stack([np.rot90(TRAIN[i][:, ::-1] if i % 2 else TRAIN[i], i % 4) for i in range(8)])
    found = metrics.nearest_training(copies, TRAIN, held_out=OTHER)
    assert found.row.tolist() == list(range(8))
    assert found.turn.tolist() == [i % 4 + 4 * (i % 2) for i in range(8)]
    np.testing.assert_allclose(found.distance, 0, atol=1e-3)
    np.testing.assert_allclose(found.correlation, 1)
    score = found.scores["nearest_distance"]
    assert score.value < 1e-3 < 5 < score.baseline
    assert found.scores["nearest_correlation_max"].baseline < 0.95


def test_new_tiles_are_as_far_as_held_out_ones():
    fresh = disc_pairs(12, side=48, seed=2).tiles
    found = metrics.nearest_training(fresh, TRAIN, held_out=OTHER).scores
    assert found["nearest_distance"].value == pytest.approx(found["nearest_distance"].baseline, rel=0.2)
    assert found["nearest_distance_min"].value > 3
    assert metrics.nearest_training(fresh, TRAIN).scores["nearest_distance"].baseline is None


def test_flat_tiles_do_not_look_alike():
    rng = np.random.default_rng(0)
    flat = np.clip(128 + rng.normal(0, 1, (4, 48, 48, 3)), 0, 255).astype(np.uint8)
    assert (metrics.nearest_training(flat[:2], flat[2:]).correlation < 0.5).all()


def test_sizes_must_agree():
    with pytest.raises(DataError, match="square"):
        metrics.nearest_training(OTHER, TRAIN[:, :32])
