"""Nuclear statistics on drawn disks and ellipses."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.features.nuclei import AREA_EDGES, nuclear_maps
from genviz.features.texture import band_maps
from tests.features.painting import disk

SIDE = 512


def measured(hematoxylin: np.ndarray) -> dict[str, np.ndarray]:
    _, smooth, background = band_maps(hematoxylin, "h")
    return nuclear_maps(hematoxylin, smooth, background)


def total(maps: dict[str, np.ndarray], name: str) -> float:
    return float(maps[name].sum()) * 64


def grid_of(radius: float, step: int = 48, value: float = 1.0) -> tuple[np.ndarray, int]:
    """Disks on a grid, and how many."""
    drawn = np.full((SIDE, SIDE), 0.05, np.float32)
    places = range(step // 2, SIDE - step // 2, step)
    for x in places:
        for y in places:
            disk(drawn, x, y, radius, value)
    return drawn, len(places) ** 2


@pytest.mark.parametrize("radius", [4, 6, 9])
def test_disks_are_counted_and_their_area_is_near(radius):
    drawn, n = grid_of(radius)
    maps = measured(drawn)
    assert total(maps, "nuclei") == pytest.approx(n)
    assert total(maps, "nuclei_size") / n == pytest.approx(np.pi * radius**2, rel=0.25)
    assert total(maps, "nuclear_area") == pytest.approx(total(maps, "nuclei_size"), rel=1e-3)
    assert total(maps, "nuclei_round") == pytest.approx(n) and total(maps, "nuclei_long") == 0


def test_sizes_are_sorted_into_kinds():
    counts = {}
    for radius in (3, 4.5, 6, 9):
        drawn, n = grid_of(radius)
        maps = measured(drawn)
        kinds = {edge: total(maps, f"nuclei_area{edge}") for edge in AREA_EDGES}
        assert sum(kinds.values()) == pytest.approx(n)
        counts[radius] = max(kinds, key=kinds.get)
    assert list(counts.values()) == sorted(set(counts.values()))  # each larger radius, a larger kind


def test_ellipses_are_long():
    drawn = np.full((SIDE, SIDE), 0.05, np.float32)
    rows, columns = np.ogrid[:SIDE, :SIDE]
    for x in range(32, SIDE - 16, 64):
        for y in range(32, SIDE - 16, 64):
            drawn[((columns - x) / 14) ** 2 + ((rows - y) / 4) ** 2 <= 1] = 1.0
    maps = measured(drawn)
    assert total(maps, "nuclei_long") == total(maps, "nuclei") > 50
    assert total(maps, "nuclei_eccentricity") / total(maps, "nuclei") > 0.85


def test_darkness_and_chromatin():
    pale, n = grid_of(6, value=0.7)
    dark, _ = grid_of(6, value=1.4)
    pale, dark = measured(pale), measured(dark)
    assert 1.0 < total(dark, "nuclei_darkness") / n < 1.4  # pixels of the paler rim count too
    assert total(dark, "nuclei_darkness") > 1.5 * total(pale, "nuclei_darkness")
    assert total(pale, "nuclei_chromatin") / n < 0.05


def test_pale_specks_and_empty_tissue_have_no_nuclei():
    assert total(measured(np.zeros((SIDE, SIDE), np.float32)), "nuclei") == 0
    faint, _ = grid_of(6, value=0.3)
    assert total(measured(faint), "nuclei") == 0
    specks, _ = grid_of(1)
    assert total(measured(specks), "nuclei") == 0


def test_nuclei_lie_where_they_were_drawn():
    drawn = np.full((SIDE, SIDE), 0.05, np.float32)
    disk(drawn, 100, 300, 6, 1.0)
    assert np.argwhere(measured(drawn)["nuclei"]).tolist() == [[300 // 8, 100 // 8]]
