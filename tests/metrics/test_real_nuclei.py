"""Scores on real nuclei: what is known to be good scores well, what is known to be wrong does not."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, metrics, pp
from genviz.metrics.image_set import ImageSet, image_set


@pytest.fixture(scope="module")
def histology(genviz_data):
    if not (genviz_data / "dsb2018").is_dir():
        pytest.skip("expected dsb2018/ in GENVIZ_DATA")
    return {split: image_set(pp.crops(datasets.dsb2018(split, "histology"))) for split in ("train", "val")}


def test_pairs_are_read(histology):
    val = histology["val"]
    assert val.tiles.shape[1:] == (128, 128, 3) and val.label_names == ["histology"]
    assert len(set(val.groups)) >= 5  # scenes
    assert 0.15 < val.foreground_N.mean() < 0.5


def test_shuffled_masks_are_worse_than_the_floor(histology):
    train, val = histology["train"], histology["val"]
    good = metrics.images(val, train, floor=train, n=60)
    wrong = ImageSet(train.tiles, np.roll(train.masks, 40, axis=0))
    bad = metrics.images(val, wrong, floor=train, n=60)
    assert bad["fd_statistics_nuclear"].value > 2 * good["fd_statistics_nuclear"].value
    assert bad["precision_statistics"].value < good["precision_statistics"].value
    assert bad["fd_statistics"].baseline == pytest.approx(good["fd_statistics"].baseline)


def test_dilated_nuclei_lose_overlap(histology):
    val = histology["val"]
    moved = np.roll(val.masks, 3, axis=1)
    scores = metrics.masks(val.masks, moved, groups=val.groups)
    assert 0.6 < scores["dice"].value < 0.95 and scores["pq"].value < scores["dice"].value
    low, high = scores["dice"].ci
    assert low < scores["dice"].value < high


def test_held_out_scenes_are_no_copies(histology):
    found = metrics.nearest_training(histology["val"], histology["train"])
    assert found.scores["nearest_correlation_max"].value < 0.98
    own = metrics.nearest_training(histology["train"].tiles[:5], histology["train"])
    np.testing.assert_allclose(own.correlation, 1)


@pytest.mark.slow
def test_the_segmenter_learns_nuclei_in_a_minute(histology):
    train, val = histology["train"], histology["val"]
    net = metrics.train_segmenter(train.tiles, train.masks)
    agreement = metrics.mask_agreement(val, None, net)
    assert agreement["agreement"].value > 0.82
    assert agreement["agreement_shuffled"].value < 0.45
