"""The table of training sets: better data give better nets, and the mixtures are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import UsageError
from genviz.metrics.image_set import ImageSet
from genviz.metrics.protocols.downstream_table import downstream_sets
from tests.metrics.pairs import disc_pairs

REAL = disc_pairs(24, side=48, seed=0)
VAL = disc_pairs(8, side=48, seed=1)
QUICK = {"seeds": (0, 1), "steps": 30, "width": 6, "batch_size": 8}


def test_wrong_masks_teach_nothing():
    wrong = ImageSet(REAL.tiles, np.roll(REAL.masks, 2, axis=0), REAL.labels)
    table = metrics.downstream({"right": REAL, "wrong": wrong}, VAL, baseline="right", **QUICK)
    right, other = table["right"]["dice"], table["wrong"]["dice"]
    assert right.value > 0.75 and right.value > other.value + 0.1  # discs shun the rim: that much is learnt
    assert other.baseline == pytest.approx(right.value) and right.baseline is None
    assert {"dice_light", "dice_dark", "dice_seed_sd"} <= set(table["right"])
    assert metrics.scores_table(table)[1][0] == "dice"
    with pytest.raises(UsageError, match="baseline of"):
        metrics.downstream({"right": REAL}, VAL, baseline="left")


def test_sets_of_the_table():
    made = disc_pairs(30, side=48, seed=3)
    real = ImageSet(REAL.tiles, REAL.masks, REAL.labels, None, REAL.groups)  # two crops of a label an image
    sets = downstream_sets(real, made, n_real=(1, 2), n_synthetic=10)
    assert list(sets) == [
        "all real", "10 synthetic", "1 real", "1 real + 10 synthetic", "2 real", "2 real + 10 synthetic"
    ]  # fmt: skip
    assert len(sets["10 synthetic"]) == 20
    one, two = ({tile.tobytes() for tile in sets[f"{n} real"].tiles} for n in (1, 2))
    assert one < two  # of each label one image, then another
    assert len(two) == 2 * len(one)
    mixed = sets["2 real + 10 synthetic"]
    assert set(mixed.labels) == {"real light", "real dark", "synthetic light", "synthetic dark"}
