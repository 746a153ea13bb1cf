"""core.geometry: resolution from the spot grid, whatever the rotation and the odd spot."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.core.geometry import fit_grid, mpp_from_pitch


def grid_and_pixels(step=290.0, angle=0.0, jitter=0.0, seed=0):
    grid = np.array([(x, y) for y in range(2, 16) for x in range(3, 14)], float)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    noise = np.random.default_rng(seed).normal(scale=jitter, size=grid.shape)
    return grid, grid @ (step * turn).T + [500, -40] + noise


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, np.pi])
def test_mpp_is_pitch_over_step_at_any_angle(angle):
    grid, pixels = grid_and_pixels(step=290.0, angle=angle)
    assert mpp_from_pitch(pixels, grid, 200.0) == pytest.approx(200 / 290, rel=1e-9)


def test_outliers_do_not_pull():
    grid, pixels = grid_and_pixels(jitter=5.0)
    pixels[:8] += [4000, -2500]
    least_squares = np.linalg.lstsq(np.c_[grid, np.ones(len(grid))], pixels, rcond=None)[0][:2]
    pulled = 200 / np.sqrt(abs(np.linalg.det(least_squares)))
    robust = mpp_from_pitch(pixels, grid, 200.0)
    assert robust == pytest.approx(200 / 290, rel=0.005)
    assert abs(pulled - 200 / 290) > 10 * abs(robust - 200 / 290)


def test_fit_gives_offset_residuals_and_handedness():
    grid, pixels = grid_and_pixels(jitter=3.0)
    fit = fit_grid(pixels, grid)
    np.testing.assert_allclose(fit.offset, [500, -40], atol=5)
    assert 1 < np.median(fit.residual_px) < 6
    assert not fit.mirrored
    assert fit_grid(pixels[:, ::-1], grid).mirrored
    assert fit_grid(pixels, grid[:, ::-1]).mirrored


def test_fit_is_exact_without_noise():
    grid, pixels = grid_and_pixels(angle=0.2)
    np.testing.assert_allclose(fit_grid(pixels, grid).residual_px, 0, atol=1e-6)


@pytest.mark.parametrize("keep", [slice(0, 2), slice(0, 11)])
def test_spots_on_one_line_cannot_tell(keep):
    grid, pixels = grid_and_pixels()
    with pytest.raises(DataError, match="mpp="):
        fit_grid(pixels[keep], grid[keep])


def test_positions_must_be_finite_and_alike():
    grid, pixels = grid_and_pixels()
    pixels[3, 1] = np.nan
    with pytest.raises(DataError, match="finite"):
        fit_grid(pixels, grid)
    with pytest.raises(DataError, match="one shape"):
        fit_grid(pixels[:-1], grid)


def test_collapsed_pixels_are_an_error():
    grid, pixels = grid_and_pixels()
    with pytest.raises(DataError, match="collapse"):
        mpp_from_pitch(np.zeros_like(pixels), grid, 200.0)
