"""With a Dask client active the same bits come from its workers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.pathar.tile_cases import LABELS, SIDE, loaded_as, untrained

N = 20  # of each label: two blocks


@pytest.fixture(scope="module")
def model():
    return loaded_as(untrained())


@pytest.fixture(scope="module")
def rows(model):
    return model.generate(LABELS, n=N, seed=1)


def corner() -> np.ndarray:
    """A region that is not everything."""
    region = np.zeros((SIDE, SIDE))
    region[: SIDE // 2, : SIDE // 2] = 1
    return region


def differing() -> np.ndarray:
    """A region of each row's own."""
    regions = np.stack([corner()] * N * len(LABELS))
    regions[1] = 1 - regions[1]
    return regions


CALLS = {
    "generate": (lambda model, rows: model.generate(LABELS, n=N, seed=2), 4),
    "masks": (lambda model, rows: model.masks(LABELS, n=N, seed=2), 4),
    "render": (lambda model, rows: model.render(rows, seed=2), 4),
    "render three each": (lambda model, rows: model.render(rows, n=3, seed=2), 3 + 4),
    "inpaint": (lambda model, rows: model.inpaint(rows, corner(), seed=2), 4),
    "inpaint where each row has its own": (lambda model, rows: model.inpaint(rows, differing(), seed=2), 2),
    "swap": (lambda model, rows: model.swap(rows, rows[::-1].copy()), 2),
    "log_prob": (lambda model, rows: model.log_prob(rows), 2),
}


@pytest.fixture(scope="module")
def here(model, rows):
    """What every call gives without a client."""
    return {name: call(model, rows) for name, (call, _) in CALLS.items()}


@pytest.mark.parametrize("name", CALLS)
def test_it_is_the_same(model, rows, here, tasks_there, name):
    call, n_blocks = CALLS[name]
    there = call(model, rows)
    assert tasks_there("_there") == n_blocks
    assert set(there.obsm) == set(here[name].obsm)
    for key in there.obsm:
        np.testing.assert_array_equal(there.obsm[key], here[name].obsm[key])


def test_tokens_of_pixels_are_the_same(model, rows, tasks_there):
    given = rows.copy()
    given.obsm["tiles"], given.obsm["masks"] = rows.obsm["pathar"], rows.obsm["pathar_mask"]
    there = model.encode(given)
    assert tasks_there("_there") == 4  # tiles, masks
    for few in (slice(0, 3), slice(32, 40)):  # one block each: here
        found = model.encode(given[few].copy())
        for key in ("structure_tokens", "appearance_tokens"):
            np.testing.assert_array_equal(found.obsm[key], there.obsm[key][few])
    assert tasks_there("_there") == 4
