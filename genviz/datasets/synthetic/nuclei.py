"""Nuclei of a phantom section: where they are, how large, long and dark, and how they are drawn.

Shapes: n nuclei; P side of a patch in pixels; H, W rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from genviz.datasets.synthetic.fat import Fat
from genviz.datasets.synthetic.fields import Field, at_points
from genviz.datasets.synthetic.tissue import ADIPOSE, CELL_UM, LYMPHOID, STROMA, TUMOUR, Tissue

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Looks:
    """Nuclei of one compartment; lengths in micrometres."""

    spacing: float
    jitter: float  # of the spacing
    present: float  # share of places that hold a nucleus
    radius: float
    spread: float  # of log radius
    longer: float  # long over short axis
    amount: float  # hematoxylin
    vesicular: float  # 0 solid, 1 pale inside a dark rim
    nucleolus: float


LOOKS = {
    TUMOUR: Looks(11.5, 0.19, 0.93, 4.9, 0.17, 1.25, 1.05, 0.45, 0.6),
    STROMA: Looks(20.0, 0.33, 0.62, 2.9, 0.20, 3.4, 1.25, 0.1, 0.0),
    LYMPHOID: Looks(7.4, 0.16, 0.93, 2.95, 0.08, 1.06, 1.6, 0.0, 0.0),
    ADIPOSE: Looks(7.0, 0.4, 0.3, 2.3, 0.15, 3.4, 1.3, 0.0, 0.0),
}


_ON_MEMBRANE_UM = 1.2
_AT_ONCE = 1024  # nuclei drawn together, which bounds memory


@dataclass(frozen=True)
class Nuclei:
    """All nuclei of a section, (n,) each; lengths in micrometres, angles in radians."""

    x: Array
    y: Array
    long: Array
    short: Array
    angle: Array
    amount: Array
    vesicular: Array
    nucleolus: Array
    bend: Array  # (n, 4): second and third harmonic of the outline

    def take(self, rows: NDArray[np.intp]) -> Nuclei:
        """Some of them."""
        return Nuclei(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def seed_nuclei(rng: np.random.Generator, tissue: Tissue, fat: Fat) -> Nuclei:
    """Place the nuclei of every compartment on a shaken lattice and draw their looks."""
    parts = [_of_compartment(rng, tissue, fat, compartment, looks) for compartment, looks in LOOKS.items()]
    return Nuclei(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Nuclei)})


def _of_compartment(
    rng: np.random.Generator, tissue: Tissue, fat: Fat, compartment: int, looks: Looks
) -> Nuclei:
    xy = _shaken_lattice(rng, tissue, looks)
    here = tissue.compartments_at(xy) == compartment
    if compartment == ADIPOSE:
        here &= fat.gap_at(xy) < _ON_MEMBRANE_UM
    xy = xy[here]
    n = len(xy)
    rows, columns = xy[:, 1] / CELL_UM - 0.5, xy[:, 0] / CELL_UM - 0.5
    grade = at_points(tissue.grade_hw, rows, columns) if compartment == TUMOUR else np.full(n, 0.5)
    radius = looks.radius * np.exp(rng.normal(scale=looks.spread, size=n)) * (0.9 + 0.2 * grade)
    longer = np.sqrt(1 + (looks.longer - 1) * rng.uniform(0.4, 1.6, n))
    angle: Array = rng.uniform(0, np.pi, n)
    if compartment == STROMA:
        angle = _along_fibres(tissue, rows, columns) + rng.normal(scale=0.22, size=n)
    if compartment == ADIPOSE:
        angle = fat.along_membrane(xy)
    return Nuclei(
        x=xy[:, 0],
        y=xy[:, 1],
        long=radius * longer,
        short=radius / longer,
        angle=angle,
        amount=looks.amount * np.exp(rng.normal(scale=0.13, size=n)) * (0.9 + 0.2 * grade),
        vesicular=np.clip(looks.vesicular + rng.normal(scale=0.2, size=n) * (looks.vesicular > 0.2), 0, 0.9),
        nucleolus=np.where(rng.uniform(size=n) < 0.6, looks.nucleolus, 0.0),
        bend=rng.normal(scale=0.05, size=(n, 4)) * (0.4 if compartment == LYMPHOID else 1.0),
    )


def _shaken_lattice(rng: np.random.Generator, tissue: Tissue, looks: Looks) -> Array:
    """Points of a hexagonal lattice, moved at random, some left out."""
    step = looks.spacing
    rows, columns = int(tissue.height_um / (step * 0.866)) + 1, int(tissue.width_um / step) + 1
    row, column = np.mgrid[:rows, :columns]
    x = (column + 0.5 * (row % 2)) * step
    y = row * (step * 0.866)
    xy = np.stack([x.ravel(), y.ravel()], axis=1) + rng.normal(scale=looks.jitter * step, size=(x.size, 2))
    inside = (xy >= 0).all(axis=1) & (xy[:, 0] < tissue.width_um) & (xy[:, 1] < tissue.height_um)
    return xy[inside & (rng.uniform(size=len(xy)) < looks.present)]


def _along_fibres(tissue: Tissue, rows: Array, columns: Array) -> Array:
    """Direction of the fibres at points: at right angles to the gradient across them."""
    down: Field = np.gradient(tissue.across_hw, axis=0)
    right: Field = np.gradient(tissue.across_hw, axis=1)
    return np.arctan2(-at_points(right, rows, columns), at_points(down, rows, columns))


def draw_nuclei(nuclei: Nuclei, mpp: float, shape: tuple[int, int], top_px: int) -> Field:
    """Hematoxylin of the nuclei that reach into a band of the picture.

    Parameters
    ----------
    nuclei
        Of the whole section.
    mpp
        Micrometres per pixel.
    shape
        Rows and columns of the band.
    top_px
        Its first row in the picture.

    Returns
    -------
    float32 (H, W), 0 between nuclei. Where two overlap, the darker one shows.
    """
    reach = nuclei.long.max(initial=0.0) * 1.25 / mpp
    y = nuclei.y / mpp - 0.5
    rows = np.flatnonzero((y > top_px - reach - 1) & (y < top_px + shape[0] + reach + 1))
    rows = rows[np.argsort(nuclei.long[rows], kind="stable")]
    canvas_HW = np.zeros(shape, np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        _stamp(canvas_HW, nuclei.take(rows[start : start + _AT_ONCE]), mpp, top_px)
    return canvas_HW


def _stamp(canvas_HW: Field, some: Nuclei, mpp: float, top_px: int) -> None:
    height, width = canvas_HW.shape
    x, y = some.x / mpp - 0.5, some.y / mpp - 0.5 - top_px
    half = int(np.ceil(some.long.max() * 1.25 / mpp)) + 1
    left, upper = np.round(x).astype(int) - half, np.round(y).astype(int) - half
    patches_nPP = _patches(some, x - left, y - upper, 2 * half + 1, mpp)
    for patch_PP, column, row in zip(patches_nPP, left, upper, strict=True):
        r0, r1 = max(row, 0), min(row + 2 * half + 1, height)
        c0, c1 = max(column, 0), min(column + 2 * half + 1, width)
        if r0 < r1 and c0 < c1:
            region = canvas_HW[r0:r1, c0:c1]
            np.maximum(region, patch_PP[r0 - row : r1 - row, c0 - column : c1 - column], out=region)


def _patches(some: Nuclei, x: Array, y: Array, side: int, mpp: float) -> NDArray[np.float32]:
    """Each nucleus alone, (n, P, P): a bent ellipse, solid or with a rim and a nucleolus."""

    def each(values: Array) -> NDArray[np.float32]:
        return values.astype(np.float32)[:, None, None]

    pixel = np.arange(side, dtype=np.float32)
    dx, dy = (pixel[None, None, :] - each(x)) * mpp, (pixel[None, :, None] - each(y)) * mpp
    cos, sin = each(np.cos(some.angle)), each(np.sin(some.angle))
    u, v = (dx * cos + dy * sin) / each(some.long), (dy * cos - dx * sin) / each(some.short)
    square = u * u + v * v + 1e-6
    rho = np.sqrt(square)
    cos1, sin1 = u / rho, v / rho
    bend = [each(column) for column in some.bend.T]
    outline = bend[0] * (cos1**2 - sin1**2) + bend[1] * (2 * cos1 * sin1)
    outline += bend[2] * cos1 * (4 * cos1**2 - 3) + bend[3] * sin1 * (3 - 4 * sin1**2)
    rho = rho / (1 + outline)
    # The edge is soft over about a micrometre: the section is thicker than a nucleus' edge is sharp.
    inside = np.clip((1 - rho) * each(some.short) / max(mpp, 0.9) + 0.5, 0, 1)
    pale = each(some.vesicular) * np.clip((0.8 - rho) / 0.3, 0, 1)
    spot = (u - 0.25) ** 2 * each(some.long) ** 2 + (v + 0.1) ** 2 * each(some.short) ** 2
    nucleolus = each(some.nucleolus) * np.exp(-spot / 0.9)
    return inside * each(some.amount) * (1 - 0.6 * pale + nucleolus)
