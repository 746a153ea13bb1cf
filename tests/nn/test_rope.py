"""Property 10: a product of a turned query and a turned key depends on the offset of their cells alone."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.rope import grid_rotation, rotate
from genviz.nn.visibility import row_layout

GRIDS = [(4, 4), (3, 5), (6, 2), (1, 7)]


def _turned(x_LC, grid):
    cosine, sine = grid_rotation(torch.arange(len(x_LC)), grid, x_LC.shape[1])
    return rotate(x_LC, cosine, sine)


@pytest.mark.parametrize("grid", GRIDS)
def test_only_the_offset_counts(grid):
    n_rows, n_columns = grid
    n = n_rows * n_columns
    query, key = torch.randn(2, 64, generator=torch.Generator().manual_seed(0)).double()
    product = _turned(query.expand(n, -1), grid) @ _turned(key.expand(n, -1), grid).T
    found = {}
    for i in range(n):
        for j in range(n):
            offset = (i // n_columns - j // n_columns, i % n_columns - j % n_columns)
            found.setdefault(offset, []).append(float(product[i, j]))
    assert all(max(values) - min(values) < 1e-4 for values in found.values())
    assert found[(0, 0)][0] == pytest.approx(float(query @ key), abs=1e-5)
    means = [values[0] for values in found.values()]
    assert len({round(value, 5) for value in means}) == len(means)


@pytest.mark.parametrize("grid", GRIDS)
def test_rows_and_columns_turn_their_own_halves(grid):
    n_columns = grid[1]
    cosine, _ = grid_rotation(torch.arange(grid[0] * n_columns), grid, 64)
    for cell, angles in enumerate(cosine[:, :32]):
        theta = 10000.0 ** (-2 * torch.arange(16) / 32)
        expected = torch.cat([(cell // n_columns * theta).cos(), (cell % n_columns * theta).cos()])
        assert torch.allclose(angles, expected, atol=1e-6)


def test_no_cell_is_not_turned():
    x = torch.randn(1, 8)
    cosine, sine = grid_rotation(torch.tensor([-1]), (3, 3), 8)
    assert torch.equal(rotate(x, cosine, sine), x)


def test_length_is_kept():
    x = torch.randn(12, 16)
    assert torch.allclose(_turned(x, (3, 4)).norm(dim=1), x.norm(dim=1), atol=1e-5)


def test_pixel_aligned_offsets():
    """With the target's position, the query for a_i and the key of s_i lie on one cell; S and A keys agree."""
    layout = row_layout(12)
    n = layout.n_cells
    for cell in range(n):
        predicts_a = int(layout.rows_predicting(1)[cell])
        holds_s = int((layout.holds_L == cell + 1).nonzero())
        assert layout.target_cell_L[predicts_a] == layout.held_cell_L[holds_s] == cell
        if cell < n - 1:
            holds_a = int((layout.holds_L == n + 2 + cell).nonzero())
            assert layout.held_cell_L[holds_a] == cell
