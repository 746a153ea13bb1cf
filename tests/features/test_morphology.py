"""The morphology encoder: a row's features depend on the slide and its place, on nothing else."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from PIL import Image

from genviz._errors import DataError, UsageError
from genviz.features.morphology import MPP, MorphologyEncoder
from genviz.features.stain import Identity, MacenkoNormaliser
from tests.features.painting import OTHER_BASIS, amounts, reader, stained

SIDE = 1700  # px at 0.7 um/px
STAIN = amounts(SIDE, SIDE)
RGB = stained(STAIN)
# Across the border of chunks (1024 px) in both directions, and no farther than four chunks are looked at.
XY = np.concatenate([np.random.default_rng(0).uniform(520, 1500, (24, 2)), [[1023.9, 1024.1], [1024, 1023]]])
NONE = Identity()


def encode(xy, *, rgb=RGB, mpp=MPP, ring="mean", normaliser=NONE, n_workers=2, **kwargs):
    encoder = MorphologyEncoder(ring=ring)
    return encoder.encode(
        reader(rgb), np.asarray(xy), mpp=mpp, normaliser=normaliser, n_workers=n_workers, **kwargs
    )


@pytest.fixture(scope="module")
def whole():
    return encode(XY)


@pytest.fixture(scope="module")
def around():
    return encode(XY, ring="each")


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0) + 1e-30)


def test_names_and_numbers(whole):
    names, features = whole
    assert features.shape == (26, 380) and features.dtype == np.float32
    assert len(names) == len(set(names)) == 380
    assert np.isfinite(features).all()
    assert sum(name.endswith("@ring") for name in names) == 95


@pytest.mark.parametrize("n_workers", [1, 4])
def test_order_and_threads_change_nothing(whole, n_workers):
    order = np.random.default_rng(1).permutation(len(XY))
    told: list[int] = []
    _, features = encode(XY[order], n_workers=n_workers, on_rows=told.append)
    np.testing.assert_array_equal(features, whole[1][order])
    assert sum(told) == len(XY) and min(told) > 0


@pytest.mark.parametrize("rows", [[24], [3, 25]])
def test_a_row_is_the_same_whichever_rows_are_beside_it(whole, rows):
    np.testing.assert_array_equal(encode(XY[rows])[1], whole[1][rows])


def test_each_of_the_ring_and_their_mean(whole, around):
    names, each = around
    mean_names, mean = whole
    own_names, own = encode(XY, ring=None)
    assert each.shape == (len(XY), 285 + 8 * 95) and len(set(names)) == each.shape[1]
    np.testing.assert_array_equal(each[:, :285], own)
    np.testing.assert_array_equal(mean[:, :285], own)
    assert names[:285] == mean_names[:285] == own_names
    # Plain means are means of the eight; deviations and the like are made of them afterwards.
    for statistic in ("h", "glass", "nuclear_area", "e_band4"):
        eight = [each[:, names.index(f"{statistic}@ring{i}")] for i in range(8)]
        np.testing.assert_allclose(
            mean[:, mean_names.index(f"{statistic}@ring")], np.mean(eight, axis=0), rtol=1e-4
        )


def test_a_place_of_the_ring_is_what_lies_there(around):
    names, each = around
    step = 200 / MPP
    # Of (-1, 0, 1) x (-1, 0, 1) without the middle, the seventh place is (1, 0): to the right.
    own_names, own = encode(XY[:3] + np.array([step, 0]), ring=None)
    for statistic in ("h", "e", "nuclei_density"):
        there = own[:, own_names.index(f"{statistic}@314um")]
        np.testing.assert_allclose(each[:3, names.index(f"{statistic}@ring6")], there, rtol=0.05)


def test_the_same_tissue_scanned_finer_gives_close_features():
    fine = np.asarray(Image.fromarray(RGB).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC))
    xy = np.random.default_rng(2).uniform(400, 1000, (20, 2))  # all in one chunk
    names, coarse = encode(xy, ring=None)
    _, finer = encode(xy * 2, rgb=fine, mpp=MPP / 2, ring=None)
    assert np.median(correlation(coarse, finer)) > 0.97
    _, wrong = encode(xy, mpp=MPP / 2, ring=None)  # what a wrong resolution would do
    area = names.index("nuclei_size_mean@314um")
    np.testing.assert_allclose(finer[:, area], coarse[:, area], rtol=0.1)
    assert (np.abs(wrong[:, area] / coarse[:, area] - 1) > 0.5).all()


def test_outside_the_image_is_glass():
    names, features = encode([[-300.0, 500.0], [20.0, 500.0]], ring=None)
    glass = names.index("glass@78um")
    assert features[0, glass] == 1 and 0.1 < features[1, glass] < 0.9
    assert features[0, names.index("nuclear_area@314um")] == 0


def test_features_follow_the_tissue(whole):
    names, features = whole
    inside = XY[:, 1] < 1200  # farther down the windows reach into glass
    area = features[inside, names.index("nuclear_area@314um")]
    assert np.corrcoef(area, XY[inside, 0])[0, 1] > 0.9  # nuclei are painted denser to the right


def test_restained_tissue_gives_close_features():
    away = stained(STAIN * [1.3, 0.7], OTHER_BASIS)
    _, home = encode(XY, ring=None, normaliser=MacenkoNormaliser.fit(RGB))
    _, restained = encode(XY, rgb=away, ring=None, normaliser=MacenkoNormaliser.fit(away))
    _, raw = encode(XY, rgb=away, ring=None)
    scale = home.std(0) + 1e-6
    left, before = (np.median(np.abs(x - home) / scale) for x in (restained, raw))
    assert left < 0.25 * before
    assert np.median(correlation(home, restained)) > 0.97


def test_positions_must_be_numbers():
    with pytest.raises(DataError, match=r"finite spot centres.*Drop those rows"):
        encode([[10.0, np.nan]])
    with pytest.raises(DataError, match="at least one spot"):
        encode(np.zeros((0, 2)))


def test_arguments_are_checked():
    with pytest.raises(UsageError, match="ring='mean', 'each' or None, got 'all'"):
        MorphologyEncoder(ring="all")
    with pytest.raises(UsageError, match="ring of at most 202 um, got 500 um"):
        MorphologyEncoder(pitch_um=500.0)


def test_the_widest_ring_is_measured_whole():
    widest = MorphologyEncoder(pitch_um=MorphologyEncoder().max_pitch_um)
    _, features = widest.encode(reader(RGB), XY, mpp=MPP, normaliser=NONE)
    assert np.isfinite(features).all()


def test_recipe_is_json_and_knows_the_ring():
    recipe = MorphologyEncoder().recipe()
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["name"] == "morphology" and recipe["mpp"] == MPP and recipe["pitch_um"] == 200
    assert MorphologyEncoder(ring=None).recipe() | {"pitch_um": 1} != recipe | {"pitch_um": 1}
    assert MorphologyEncoder(ring=None, pitch_um=50.0).recipe() == MorphologyEncoder(ring=None).recipe()


def test_loose_tiles():
    tiles = np.stack([RGB[:224, :224], RGB[700:924, 1300:1524], np.full((224, 224, 3), 255, np.uint8)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names, features = MorphologyEncoder().encode_tiles(tiles, mpp=MPP, normaliser=NONE)
        _, alone = MorphologyEncoder().encode_tiles(tiles[1:2], mpp=MPP, normaliser=NONE)
    assert features.shape == (3, 95) and len(set(names)) == 95 and np.isfinite(features).all()
    np.testing.assert_array_equal(alone[0], features[1])
    density = features[:, names.index("nuclei_density")]
    assert density[1] > density[0] > density[2] == 0


def test_loose_tiles_of_another_resolution():
    coarse = RGB[None, 600:1048, 900:1348]
    fine = np.asarray(Image.fromarray(coarse[0]).resize((896, 896), Image.Resampling.BICUBIC))[None]
    names, a = MorphologyEncoder().encode_tiles(coarse, mpp=MPP, normaliser=NONE)
    _, b = MorphologyEncoder().encode_tiles(fine, mpp=MPP / 2, normaliser=NONE)
    for name in ("h", "e", "nuclei_density", "h_band4", "nuclear_area"):
        assert b[0, names.index(name)] == pytest.approx(a[0, names.index(name)], rel=0.1)
