"""Distances with floors, composition of nuclei and copies of tokens on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.metrics import TissueStandard
from genviz.metrics.cells.composition import composition, nuclei_of
from genviz.metrics.conditions.floors import distances_with_floors
from genviz.metrics.tokens.distance import nearest_tokens
from tests.metrics.tiles.test_tissue import painted

RNG = np.random.default_rng(0)


def rows(n: int, shift: float = 0.0) -> np.ndarray:
    return RNG.normal(size=(n, 3)) + shift


class TestFloors:
    def test_sets_are_compared_at_one_size_beside_real_ones(self):
        real, made = rows(60), [rows(60), rows(60)]
        found = distances_with_floors("x", made, real, {"A": rows(40, 1.0), "B": rows(80, 2.0), "C": rows(3)})
        assert found["fd_x"].n == 40 and set(found) >= {"fd_x_floor_A", "fd_x_floor_B", "fd_x_half", "kid_x"}
        assert "fd_x_floor_C" not in found
        assert 2 < found["fd_x_floor_A"].value < 5 < found["fd_x_floor_B"].value
        mean = (found["fd_x_floor_A"].value + found["fd_x_floor_B"].value) / 2
        assert found["fd_x"].baseline == pytest.approx(mean)
        assert found["fd_x_of_floor"].value == pytest.approx(found["fd_x"].value / mean)
        assert found["fd_x"].value < 0.6 and "sd over 2 draws" in found["fd_x"].note

    def test_halves_of_the_real_stand_beside_halves(self):
        real = rows(200)
        found = distances_with_floors("x", [rows(200)], real, {})
        assert found["fd_x_half"].n == 100 and found["fd_x"].baseline is None
        assert found["fd_x_half"].value == pytest.approx(found["fd_x_half"].baseline, abs=0.15)

    def test_few_rows_have_no_distance(self):
        assert distances_with_floors("x", [rows(6)], rows(6), {}) == {}


class TestComposition:
    def tiles(self, *counts: int) -> np.ndarray:
        return np.stack([painted(nuclei=count) for count in counts])

    def test_counts_areas_and_fractions(self):
        tiles = self.tiles(0, 4, 9)
        standard = TissueStandard.of(tiles)
        found = nuclei_of(tiles, standard.nuclei)
        assert found[:, 0].tolist() == [0, 4, 9] and np.isnan(found[0, 1])
        assert found[1, 1] == pytest.approx(36, abs=8)
        np.testing.assert_allclose(found[:, 2], standard.nuclei(tiles).mean(axis=(1, 2)))

    def test_distances_are_in_deviations_of_the_real(self):
        real, made = self.tiles(2, 4, 6, 8), self.tiles(4, 6, 8, 10)
        segment = TissueStandard.of(real).nuclei
        found = composition(made, real, segment, floor=real)
        assert found["nuclei_count"].value == 7 and found["nuclei_count"].baseline == 5
        assert found["w1_count"].value == pytest.approx(2 / np.sqrt(5)) and found["w1_count"].baseline == 0
        low, high = found["w1_count"].ci
        assert low < found["w1_count"].value < high
        assert composition(real, real, segment)["w1_area"].value == 0

    def test_any_segmenter_will_do(self):
        real = self.tiles(2, 4)

        def labels(tiles):
            marked = np.zeros(tiles.shape[:3], int)
            marked[:, :4, :4], marked[:, 10:20, :4] = 1, 2
            return marked

        assert nuclei_of(real, labels)[:, 0].tolist() == [2, 2]
        with pytest.raises(DataError, match="Expected masks"):
            nuclei_of(real, lambda tiles: tiles)

    def test_no_nuclei_at_all(self):
        empty = self.tiles(0, 0)
        found = composition(empty, empty, lambda tiles: np.zeros(tiles.shape[:3], bool))
        assert found["nuclei_count"].value == 0 and "w1_area" not in found


def test_nearest_tokens():
    known = RNG.integers(50, size=(30, 20))
    near = known[[3, 7]].copy()
    near[0, :4] = -1
    assert nearest_tokens(near, known).tolist() == [4, 0]
    assert nearest_tokens(RNG.integers(50, size=(100, 20)), known).min() > 10
    for bad in (known[:, :3], known[0]):
        with pytest.raises(DataError, match="one length"):
            nearest_tokens(bad, known)
