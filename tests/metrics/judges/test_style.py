"""The style net tells labels apart; its score sees what was not obeyed."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError, UsageError
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.style_scores import calibration_error
from tests.metrics.pairs import disc_pairs

TRAIN = disc_pairs(40, side=48, seed=0)
REAL = disc_pairs(16, side=48, seed=1)


@pytest.fixture(scope="module")
def net():
    return metrics.train_style(TRAIN, steps=25, width=6, batch_size=16)


def test_labels_are_told_apart(net):
    wrong = REAL.labels.copy()
    wrong[:4] = ["dark", "light"] * 2  # asked for the other one
    found = metrics.style_score(net, REAL, ImageSet(REAL.tiles, labels=wrong))
    assert found["style_accuracy_real"].value == 1.0
    assert found["style"].value == 0.75 and found["style"].baseline == 1.0
    assert found["style_light"].value == 0.75 and found["style_recall_real_dark"].value == 1.0
    assert 0 <= found["style_ece"].value < 0.2
    assert 0.04 < net.temperature < 21
    proba = net.predict_proba(REAL.tiles)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_equal_seeds_give_equal_nets(net):
    again = metrics.train_style(TRAIN, steps=25, width=6, batch_size=16)
    np.testing.assert_array_equal(net.predict_proba(REAL.tiles), again.predict_proba(REAL.tiles))


def test_calibration_error():
    assert calibration_error(np.full(10, 0.75), np.ones(10)) == pytest.approx(0.25)
    half = np.tile([0.0, 1.0], 50)
    assert calibration_error(np.full(100, 0.5), half) == pytest.approx(0.0)
    assert calibration_error(np.array([1.0, 0.05]), np.array([1.0, 0.0])) == pytest.approx(0.025)


def test_labels_must_be_known(net):
    with pytest.raises(DataError, match="got pink"):
        metrics.style_score(net, REAL, ImageSet(REAL.tiles, labels=np.full(16, "pink", object)))
    with pytest.raises(UsageError, match="two labels"):
        metrics.train_style(TRAIN.of_label("dark"))
