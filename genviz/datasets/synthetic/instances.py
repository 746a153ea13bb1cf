"""Nuclei of a phantom field of view: where they are, their outlines, and the mask that results; none overlap.

Lengths are pixels. Shapes: H, W rows and columns; P side of a nucleus' patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.datasets.synthetic.fields import Field


@dataclass(frozen=True)
class Crowd:
    """How the nuclei of a modality lie and look.

    Attributes
    ----------
    radius
        Median radius.
    spread
        Standard deviation of log radius.
    longer
        Largest ratio of long to short axis.
    cover
        Share of the field that is tried to fill, lowest and highest of an image.
    gap
        Least distance of two nuclei.
    """

    radius: float
    spread: float
    longer: float
    cover: tuple[float, float]
    gap: int


@dataclass(frozen=True)
class Nuclei:
    """Drawn nuclei.

    Attributes
    ----------
    labels_HW
        uint16, 1, 2, ... and 0 = background.
    depth_HW
        0 at the outline, 1 at the centre, 0 outside.
    """

    labels_HW: NDArray[np.uint16]
    depth_HW: Field


def grow_nuclei(rng: np.random.Generator, size_px: int, crowd: Crowd) -> Nuclei:
    """Place nuclei one after the other, each where it touches no other; what does not fit is left out.

    A nucleus is an ellipse whose outline is bent by its second and third harmonic. It may reach out of the field.

    Parameters
    ----------
    rng
        Source of randomness.
    size_px
        Side of the field.
    crowd
        What they are like.
    """
    labels_HW, depth_HW = np.zeros((size_px, size_px), np.uint16), np.zeros((size_px, size_px), np.float32)
    taken_HW = np.zeros((size_px, size_px), bool)
    n = max(1, round(rng.uniform(*crowd.cover) * size_px**2 / (np.pi * crowd.radius**2)))
    place_n2 = rng.uniform(0, size_px, (n, 2))
    radius_n = crowd.radius * np.exp(rng.normal(scale=crowd.spread, size=n))
    longer_n = np.sqrt(rng.uniform(1, crowd.longer, n))
    angle_n, bend_n4 = rng.uniform(0, np.pi, n), rng.normal(scale=0.05, size=(n, 4))
    number = 0
    for place, radius, longer, angle, bend in zip(
        place_n2, radius_n, longer_n, angle_n, bend_n4, strict=True
    ):
        reach = int(np.ceil(radius * longer * 1.25)) + crowd.gap
        top, left = (max(0, int(p) - reach) for p in place)
        window = np.s_[top : int(place[0]) + reach + 1, left : int(place[1]) + reach + 1]
        rho_PP = _rho(
            labels_HW[window].shape, place - (top, left), (radius * longer, radius / longer), angle, bend
        )
        inside = rho_PP < 1
        if inside.sum() < radius or (taken_HW[window] & inside).any():
            continue
        number += 1
        labels_HW[window][inside] = number
        depth_HW[window][inside] = 1 - rho_PP[inside]
        taken_HW[window] |= rho_PP < 1 + (crowd.gap + 0.5) * longer / radius
    return Nuclei(labels_HW, depth_HW)


def _rho(
    shape: tuple[int, ...],
    centre: NDArray[np.floating],
    axes: tuple[float, float],
    angle: float,
    bend: NDArray[np.floating],
) -> Field:
    """Distance from the centre, 1 on the outline."""
    down, right = np.ogrid[: shape[0], : shape[1]]
    y, x = down + 0.5 - centre[0], right + 0.5 - centre[1]
    u = (x * np.cos(angle) + y * np.sin(angle)) / axes[0]
    v = (y * np.cos(angle) - x * np.sin(angle)) / axes[1]
    theta = np.arctan2(v, u)
    outline = bend[0] * np.cos(2 * theta) + bend[1] * np.sin(2 * theta)
    outline += bend[2] * np.cos(3 * theta) + bend[3] * np.sin(3 * theta)
    return np.asarray(np.hypot(u, v) / (1 + outline), dtype=np.float32)
