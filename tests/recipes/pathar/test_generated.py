"""recipes.pathar.generated: scores under the names of a table, and numbers for what t-SNE pictures show."""

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.metrics import Score
from genviz.metrics.image_set import ImageSet
from genviz.recipes.pathar.generated import distances, diversities, empties, gaps, named, styles


def tiles(shift: float = 0.0, seed: int = 0) -> ImageSet:
    """Dark and light noise with a light square as nucleus, `shift` grey levels lighter."""
    rng = np.random.default_rng(seed)
    values, masks = [], []
    for mean in (50, 170):
        part = rng.normal(mean + shift, 12, (10, 32, 32, 3))
        part[:, 8:20, 8:20] += 30
        values.append(np.clip(part, 0, 255).astype(np.uint8))
        mask = np.zeros((10, 32, 32), bool)
        mask[:, 8:20, 8:20] = True
        masks.append(mask)
    labels = np.repeat(np.array(["dark", "brightfield_cytology"], object), 10)
    return ImageSet(np.concatenate(values), np.concatenate(masks), labels)


def test_names_and_means():
    found = named(
        "fd", {"brightfield_cytology": Score(2.0, n=3, baseline=1.0), "dark": Score(4.0, n=3, baseline=2.0)}
    )
    assert found["fd_cytology"].value == 2.0 and found["fd_dark"].value == 4.0
    assert (found["fd_mean"].value, found["fd_mean"].baseline, found["fd_mean"].n) == (3.0, 1.5, 6)
    assert named("fd", {}) == {}


def test_distances_take_the_extractors_asked_for():
    wanted = {"fd": "statistics:fd", "recall": "statistics:recall"}
    near = distances(tiles(seed=1), tiles(), tiles(seed=2), wanted)
    far = distances(tiles(40, seed=1), tiles(), tiles(seed=2), wanted)
    assert set(near) == {
        f"{name}_{end}" for name in wanted for end in ("dark", "cytology", "mean", "floor_mean")
    }
    assert near["fd_mean"].value < far["fd_mean"].value
    assert near["fd_floor_mean"].value == far["fd_floor_mean"].value == near["fd_mean"].baseline


def test_distances_need_held_out_tiles_with_labels():
    one = tiles()
    bare = ImageSet(one.tiles, one.masks)
    with pytest.raises(DataError, match="held-out tiles with labels"):
        distances(one, bare, one, {"fd": "statistics:fd"})


def test_gaps_grow_with_the_shift_and_spread_shrinks_with_collapse():
    near, far = (gaps(tiles(shift, seed=1), tiles(), "statistics") for shift in (0.0, 40.0))
    assert near["gap_mean"].value + 0.3 < far["gap_mean"].value
    same = tiles(seed=1)
    one = ImageSet(same.tiles[[0] * 10 + [10] * 10], same.masks[[0] * 10 + [10] * 10], same.labels)
    assert gaps(one, tiles(), "statistics")["spread_mean"].value < 0.01
    assert 0.7 < near["spread_mean"].value < 1.4


def test_other_scores_of_images():
    made, real = tiles(seed=1), tiles()
    assert styles(made, real, tiles(seed=2))["style_mean"].value == 1.0
    found = diversities(made, real, "statistics")
    assert found["diversity_real_mean"].value == found["diversity_mean"].baseline
    assert empties(made)["empty_mean"].value == 0.0
    assert empties(ImageSet(made.tiles, None, made.labels)) == {}
