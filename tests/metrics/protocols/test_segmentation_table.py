"""Groups I to V: what is in them, what they gain, and that validation scenes are not trained on."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError, UsageError
from genviz.metrics.image_set import ImageSet
from genviz.metrics.protocols.segmentation_table import _label_means, group_pairs
from tests.metrics.pairs import disc_pairs


def named(pairs: ImageSet, name: str) -> ImageSet:
    """The same pairs with scenes of another name."""
    groups = np.array([f"{name} {group}" for group in pairs.groups], object)
    return ImageSet(pairs.tiles, pairs.masks, pairs.labels, groups)


REAL = named(disc_pairs(24, side=48, seed=0), "train")
VAL = named(disc_pairs(8, side=48, seed=1), "val")
MADE = disc_pairs(40, side=48, seed=3)
QUICK = {"seeds": (0,), "steps": 30, "width": 6, "batch_size": 8}


@pytest.fixture(scope="module")
def table():
    wrong = ImageSet(MADE.tiles, np.roll(MADE.masks, 2, axis=0), MADE.labels)
    return metrics.segmentation_groups(REAL, wrong, VAL, groups=[(8, 0), (0, 12)], **QUICK)


def test_wrong_synthetic_pairs_lose(table):
    assert list(table) == ["I", "II"]
    first, second = table["I"], table["II"]
    assert first["dice"].value > 0.7 and "dice_gain" not in first and first["dice"].baseline is None
    assert second["dice_gain"].ci[1] < 0 and second["dice"].baseline == first["dice"].value
    assert second["dice_gain"].value == pytest.approx(second["dice"].value - first["dice"].value)
    assert second["dice"].note.startswith("0 real + 12 synthetic")
    assert {"dice_light", "dice_dark", "dice_light_gain", "dice_seed_sd"} <= set(second)


def test_the_average_is_of_labels(table):
    for scores in table.values():
        assert scores["dice"].value == pytest.approx(
            (scores["dice_light"].value + scores["dice_dark"].value) / 2
        )


def test_groups_hold_what_they_say_and_grow():
    light = REAL.of_label("light")
    sources = np.array([f"image {i // 3}" for i in range(len(light))], object)  # three crops an image
    real = ImageSet(light.tiles, light.masks, light.labels, light.groups, sources)
    made = MADE.of_label("light")
    sets = [group_pairs(real, made, *one, "light", 0) for one in ((2, 0), (0, 5), (2, 5), (2, 10), (3, 10))]
    assert [len(one) for one in sets] == [6, 5, 11, 16, 19]
    content = [{tile.tobytes() for tile in one.tiles} for one in sets]
    assert content[0] | content[1] == content[2] < content[3] < content[4]
    assert set(sets[2].labels) == {"real light", "synthetic light"}
    with pytest.raises(DataError, match="there are 4 and 20"):
        group_pairs(real, made, 5, 5, "light", 0)


def test_intervals_draw_scenes():
    values = np.repeat(np.random.default_rng(0).normal(size=10), 5)
    rows, scene = np.arange(50), np.repeat(np.arange(10), 5).astype(str)
    by_scene, by_row = (_label_means(values, rows, which)[1:].std() for which in (scene, rows.astype(str)))
    assert by_scene > 1.7 * by_row
    assert np.isnan(_label_means(values, rows, np.zeros(50, str))[1:]).all()


def test_refusals():
    with pytest.raises(DataError, match="are in both"):
        metrics.segmentation_groups(REAL, MADE, REAL, groups=[(2, 0)], **QUICK)
    for wrong in ([], [(0, 0)], [(-1, 5)]):
        with pytest.raises(UsageError, match="groups"):
            metrics.segmentation_groups(REAL, MADE, VAL, groups=wrong, **QUICK)
