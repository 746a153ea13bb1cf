"""Scores of masks: rows, labels, intervals, and agreement with the image beside them."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz import metrics
from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.metrics.mask_scores import mask_rows
from tests.metrics.pairs import disc_pairs

PAIRS = disc_pairs(24, seed=1)


class Threshold:
    """A perfect judge of these images."""

    def predict(self, tiles):
        return tiles[..., 2] > 127


def test_perfect_masks():
    scores = metrics.masks(PAIRS.masks, PAIRS.masks)
    assert {name: s.value for name, s in scores.items()} == {
        "dice": 1, "iou": 1, "aji": 1, "pq": 1, "dq": 1, "sq": 1, "both_empty": 0
    }  # fmt: skip
    assert scores["dice"].n == 24 and scores["dice"].ci == (1.0, 1.0)


def test_rows_that_are_empty_in_both_are_left_out_and_counted():
    true, pred = PAIRS.masks.copy(), PAIRS.masks.copy()
    true[:6] = pred[:6] = 0
    pred[6] = 0
    scores = metrics.masks(true, pred, instances=False)
    assert set(scores) == {"dice", "iou", "both_empty"}
    assert scores["dice"].value == pytest.approx(17 / 18)
    assert scores["dice"].n == 18 and "6 of 24" in scores["dice"].note
    assert scores["both_empty"].value == 0.25
    assert np.isnan(mask_rows(true, pred)["dice"][:6]).all()


def test_labels_have_their_own_means():
    pred = PAIRS.masks.copy()
    pred[PAIRS.labels == "dark"] = 0
    scores = metrics.masks(PAIRS.masks, pred, labels=PAIRS.labels)
    assert scores["dice_light"].value == 1.0 and scores["dice_dark"].value == 0.0
    assert scores["dice"].value == pytest.approx((PAIRS.labels == "light").mean())
    low, high = scores["dice"].ci
    assert 0 <= low < scores["dice"].value < high <= 1
    whole = metrics.masks(PAIRS.masks, pred, labels=PAIRS.labels, groups=PAIRS.groups)["dice"]
    assert whole.ci == (0.5, 0.5)  # every group is half dark, and groups stay whole


def test_objects_are_read():
    obs = pd.DataFrame({Obs.LABEL: PAIRS.labels, Obs.SCENE: PAIRS.groups}, index=[f"r{i}" for i in range(24)])
    adata = ad.AnnData(obs=obs)
    adata.obsm[Obsm.TILES] = adata.obsm["model"] = PAIRS.tiles
    adata.obsm[Obsm.MASKS] = PAIRS.masks
    adata.obsm[Obsm.mask("model")] = PAIRS.masks
    scores = metrics.masks(adata, adata, key="model")
    assert scores["pq_dark"].value == 1.0
    assert metrics.mask_agreement(adata, None, Threshold(), key="model")["agreement_dark"].value == 1.0
    with pytest.raises(MissingKeyError, match=r"obsm\['other'\]"):
        metrics.masks(adata, adata, key="other")


def test_shapes_must_agree():
    with pytest.raises(DataError, match="one shape"):
        metrics.masks(PAIRS.masks, PAIRS.masks[:3])


def test_agreement_and_its_controls():
    fake = PAIRS.rows(np.arange(12))
    blank = fake.masks.copy()
    blank[:3] = 0
    found = metrics.mask_agreement(fake, blank, Threshold(), real=PAIRS)
    assert found["agreement"].value == 1.0 and found["agreement"].baseline == 1.0
    assert found["agreement"].n == 9
    assert found["agreement_shuffled"].value < 0.5
    assert found["empty_share"].value == 0.25 and found["empty_share"].baseline == 0.0
    assert "agreement_dark" in found and "agreement_median" in found


def test_agreement_needs_pairs_with_nuclei():
    with pytest.raises(DataError, match="at least two pairs"):
        metrics.mask_agreement(PAIRS.tiles, 0 * PAIRS.masks, Threshold())
