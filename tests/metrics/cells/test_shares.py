"""Kinds of nuclei: shapes by hand, models by protocol, and a floor that real halves keep to."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError
from genviz.metrics.cells.shapes import shapes
from genviz.metrics.cells.shares import energy_distance
from genviz.metrics.tiles.tissue import TissueStandard
from tests.metrics.pairs import disc_pairs

NAMES = ("round", "long")


class Planted:
    """Reads counts from the corner of a tile."""

    names = NAMES

    def counts(self, tiles, /):
        return tiles[:, 0, 0, :2]


def planted(n: int, share: float, seed: int, empty: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tiles = np.zeros((n, 16, 16, 3), np.uint8)
    long = rng.binomial(20, share, n)
    tiles[:, 0, 0, 0], tiles[:, 0, 0, 1] = 20 - long, long
    tiles[:empty, 0, 0] = 0
    return tiles


def test_shares_by_hand():
    made, real = planted(60, 0.5, 0, empty=6), planted(80, 0.3, 1)
    found = metrics.cell_composition(made, real, Planted(), n_halves=20)
    own, other = (part[:, 0, 0, 1] / 20 for part in (made[6:], real))
    assert found["share_long"].value == pytest.approx(own.mean()) and found["share_long"].n == 54
    assert found["share_long"].baseline == pytest.approx(other.mean())
    assert found["share_sd_long"].value == pytest.approx(own.std(ddof=1))
    assert found["empty_share"].value == pytest.approx(0.1) and found["empty_share"].baseline == 0
    assert found["nuclei"].value == pytest.approx(18)
    # A shift of the mean by 0.2 is a W1 of 0.2; of two kinds one's share tells the other's.
    assert found["w1_long"].value == pytest.approx(found["w1_round"].value)
    assert found["w1_long"].value == pytest.approx(0.2, abs=0.03) and found["w1_long"].baseline < 0.06
    assert found["energy_excess"].ci[0] > 0


def test_real_against_real_stays_at_the_floor():
    found = metrics.cell_composition(planted(100, 0.3, 2), planted(100, 0.3, 3), Planted())
    low, high = found["energy_excess"].ci
    assert low < 0 < high
    assert found["w1_long"].value < 1.5 * found["w1_long"].baseline


def test_the_floor_knows_patients():
    """Patients that differ make the floor high: no half holds the other's patients."""
    shares = np.random.default_rng(0).uniform(0.1, 0.9, 10)
    tiles = np.concatenate([planted(20, share, i) for i, share in enumerate(shares)])
    patients = np.repeat(np.arange(10), 20)
    blind = metrics.cell_composition(tiles, tiles, Planted(), n_halves=40)["w1_long"].baseline
    aware = metrics.cell_composition(
        tiles, tiles, Planted(), made_groups=patients, real_groups=patients, n_halves=40
    )["w1_long"].baseline
    assert aware > 2 * blind


def test_energy_distance():
    a, b = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    assert energy_distance(a, b) == pytest.approx(np.sqrt(2 * 2 - 0.5 - 0.5))
    assert energy_distance(a, a) == 0


def test_shapes_of_a_disc_and_an_ellipse():
    y, x = np.mgrid[:60, :80]
    labels = np.zeros((60, 80), int)
    labels[(y - 20) ** 2 + (x - 20) ** 2 < 100] = 1
    labels[((y - 40) / 6) ** 2 + ((x - 50) / 18) ** 2 < 1] = 2
    area, eccentricity = shapes(labels)
    np.testing.assert_allclose(area, [np.pi * 100, np.pi * 6 * 18], rtol=0.05)
    np.testing.assert_allclose(eccentricity, [0, np.sqrt(1 - (6 / 18) ** 2)], atol=0.1)
    kinds = metrics.ShapeClassifier(mpp=0.25)
    assert kinds(None, labels[None])[0].tolist() == [1, 0]  # 20 um2: small; and elongated
    assert metrics.ShapeClassifier(mpp=1.0)(None, labels[None])[0].tolist() == [3, 0]
    assert [len(part) for part in shapes(np.zeros((4, 4), int))] == [0, 0]


def test_built_in_model_counts_discs():
    pairs = disc_pairs(6, side=96, seed=0, kinds=("light",), n_discs=3)
    standard = TissueStandard.of(pairs.tiles)
    model = metrics.SegmentThenClassify(metrics.StainSegmenter(standard), metrics.ShapeClassifier(mpp=0.5))
    found = model.counts(pairs.tiles)
    true = np.array([len(np.unique(mask)) - 1 for mask in pairs.masks])
    assert model.names == ("elongated", "small", "medium", "large")
    assert np.abs(found.sum(axis=1) - true).max() <= 1


def test_an_external_model():
    labels = np.zeros((1, 4, 6), int)
    labels[0, :, :2], labels[0, :, 2:4], labels[0, :, 5] = 7, 3, 9
    types = np.zeros_like(labels)
    types[0, :3, :2], types[0, 3, :2] = 2, 1  # mostly inflammatory
    types[0, 0, 2:4] = 5  # the rest of it untyped
    model = metrics.TypeMapModel(lambda tiles: (labels, types))
    assert model.counts(np.zeros((1, 4, 6, 3), np.uint8)).tolist() == [[0, 1, 0, 0, 1]]
    with pytest.raises(DataError, match="types 0 to 5"):
        metrics.TypeMapModel(lambda tiles: (labels, types + 9)).counts(np.zeros((1, 4, 6, 3), np.uint8))


def test_what_a_model_gives_is_checked():
    tiles = np.zeros((2, 16, 16, 3), np.uint8)
    labels = np.zeros((2, 16, 16), int)
    labels[:, 2, 2] = 5

    class Kinds:
        names = NAMES

        def __init__(self, kinds):
            self.kinds = kinds

        def __call__(self, tiles, labels, /):
            return self.kinds

    def count(kinds, found=labels):
        return metrics.SegmentThenClassify(lambda _: found, Kinds(kinds)).counts(tiles)

    assert count([[1], [0]]).tolist() == [[0, 1], [1, 0]]
    for wrong in ([[1, 1], [0]], [[2], [0]]):
        with pytest.raises(DataError, match="kind"):
            count(wrong)
    with pytest.raises(DataError, match="instance labels"):
        count([[1], [0]], labels[:1])
    with pytest.raises(DataError, match="tiles with nuclei"):
        metrics.cell_composition(planted(9, 0.5, 0, empty=6), planted(9, 0.5, 0), Planted())
