"""Overlaps that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.metrics.mask_overlap import aji, dice_iou, nuclei, overlap, panoptic


def strip(*runs: int) -> np.ndarray:
    """One row of pixels from (label, length) pairs."""
    return np.concatenate([np.full(n, label) for label, n in zip(runs[::2], runs[1::2], strict=True)])[None]


# Two true nuclei of 10 px; the prediction shifts the first by 2 (IoU 8/12), splits off 3 px of the second
# (IoU 3/10, no match) and invents one of 5 px.
TRUE = strip(1, 10, 0, 10, 2, 10, 0, 10)
PRED = strip(0, 2, 7, 10, 0, 8, 9, 3, 0, 12, 4, 5)


def test_dice_and_iou():
    dice, iou = dice_iou(TRUE, PRED)
    assert dice == pytest.approx(2 * 11 / (20 + 18))
    assert iou == pytest.approx(11 / 27)
    assert dice_iou(TRUE, TRUE) == (1.0, 1.0)
    assert dice_iou(TRUE, 0 * TRUE) == (0.0, 0.0)
    assert np.isnan(dice_iou(0 * TRUE, 0 * TRUE)).all()


def test_aji():
    # shared 8 + 3; unions 12 + 10; the invented nucleus adds 5
    assert aji(overlap(TRUE, PRED)) == pytest.approx(11 / 27)
    assert aji(overlap(TRUE, TRUE * 5)) == 1.0
    # a predicted nucleus over both true ones is taken twice
    both = strip(3, 30, 0, 10)
    assert aji(overlap(TRUE, both)) == pytest.approx((10 + 10) / (30 + 30))
    # a true nucleus that nothing touches adds its area
    assert aji(overlap(TRUE, strip(1, 10, 0, 30))) == pytest.approx(10 / 20)


def test_panoptic():
    pq, dq, sq = panoptic(overlap(TRUE, PRED))
    assert sq == pytest.approx(8 / 12)
    assert dq == pytest.approx(1 / ((2 + 3) / 2))
    assert pq == pytest.approx(dq * sq)
    pq, dq, sq = panoptic(overlap(TRUE, strip(0, 10, 1, 10, 0, 20)))
    assert (pq, dq) == (0.0, 0.0) and np.isnan(sq)


def test_empty_masks():
    empty = 0 * TRUE
    assert np.isnan(aji(overlap(empty, empty))) and np.isnan(panoptic(overlap(empty, empty))).all()
    for a, b in ((TRUE, empty), (empty, TRUE)):
        assert aji(overlap(a, b)) == 0.0 and panoptic(overlap(a, b))[0] == 0.0


def test_bool_masks_are_parted_into_pieces():
    mask = np.zeros((4, 6), bool)
    mask[0, 0] = mask[1, 1] = mask[3, 5] = True  # the first two touch at a corner
    assert nuclei(mask).max() == 2
    assert sorted(np.unique(nuclei(TRUE * 1000))) == [0, 1, 2]
