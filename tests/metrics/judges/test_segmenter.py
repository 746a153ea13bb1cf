"""The segmentation net learns discs, and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genviz import metrics
from genviz._errors import DataError
from genviz.metrics.judges.segmenter import bce_dice, unet
from tests.metrics.pairs import disc_pairs

TRAIN = disc_pairs(16, side=48, seed=2)
QUICK = {"width": 8, "batch_size": 8, "seed": 0}


@pytest.fixture(scope="module")
def segmenter():
    return metrics.train_segmenter(TRAIN.tiles, TRAIN.masks, steps=60, learning_rate=1e-2, **QUICK)


def test_it_learns(segmenter):
    held = disc_pairs(8, side=48, seed=5)
    dice = metrics.masks(held.masks, segmenter.predict(held.tiles), instances=False)["dice"].value
    assert dice > 0.8
    assert segmenter.losses[-1] < segmenter.losses[0] / 2


def test_it_takes_tiles_of_any_size(segmenter):
    held = disc_pairs(3, side=50, seed=6)
    p = segmenter.predict_proba(held.tiles[:, :, :41])
    assert p.shape == (3, 50, 41) and p.dtype == np.float32 and 0 <= p.min() <= p.max() <= 1
    one = segmenter.predict_proba(held.tiles[:1, :, :41])
    np.testing.assert_allclose(one[0], p[0], atol=1e-5)  # a row does not depend on its batch


def test_equal_seeds_give_equal_networks():
    state = torch.random.get_rng_state()
    first, again, other = (
        metrics.train_segmenter(TRAIN.tiles, TRAIN.masks, steps=2, **QUICK | {"seed": seed})
        for seed in (0, 0, 1)
    )
    assert first.losses == again.losses != other.losses
    assert torch.equal(state, torch.random.get_rng_state())


def test_strata_are_drawn_equally_often():
    from genviz.metrics.judges.small_training import draw_rows

    strata = np.array(["a"] * 98 + ["b"] * 2, object)
    rows = draw_rows(np.random.default_rng(0), 100, 400, strata)
    assert 160 < (rows >= 98).sum() < 240


def test_the_loss():
    target = torch.zeros(1, 1, 4, 4)
    target[..., :2] = 1
    assert bce_dice(40 * (target - 0.5), target) < 1e-6
    assert bce_dice(-40 * (target - 0.5), target) > 10
    assert torch.isfinite(bce_dice(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)))


def test_size_of_the_net():
    assert sum(p.numel() for p in unet(16, 0).parameters()) == 1_627_854


def test_wrong_input():
    with pytest.raises(DataError, match="16 x 16"):
        metrics.train_segmenter(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 8)))
    with pytest.raises(DataError, match="one a tile"):
        metrics.train_segmenter(TRAIN.tiles, TRAIN.masks[:3])
