"""Tiles of a bulk phantom: compartments of known areas, their nuclei, and the colours of the slide.

Shapes: S side of a tile; 3 RGB; K programmes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from genviz.datasets.synthetic.fields import Field, noise
from genviz.datasets.synthetic.image import Stain, draw_stain
from genviz.datasets.synthetic.nuclei import LOOKS, Looks, Nuclei, draw_nuclei
from genviz.datasets.synthetic.tissue import ADIPOSE, LYMPHOID, STROMA, TUMOUR

_NEST_UM = 11.0  # smoothness of the compartments
_ORDER = (TUMOUR, LYMPHOID, ADIPOSE)  # laid out one after the other; stroma is what is left
_COLOUR_SPREAD = 0.25  # deviation of the logarithm of a stain's amount, over slides
# Hematoxylin and eosin between the nuclei of each compartment, as in the sections of the spatial phantom.
_AMOUNTS = {TUMOUR: (0.24, 0.52), STROMA: (0.07, 0.85), LYMPHOID: (0.20, 0.34), ADIPOSE: (0.01, 0.05)}
_WALL = 0.13  # half-width of fat cells' membranes, in deviations of the field they are level lines of


@dataclass(frozen=True)
class SlideColour:
    """Colours of one slide.

    Attributes
    ----------
    stain
        What they do to light.
    amounts
        (2,) logarithms of how strongly the slide took hematoxylin and eosin: the truth that is stored.
    """

    stain: Stain
    amounts: NDArray[np.float64]


def draw_colour(rng: np.random.Generator) -> SlideColour:
    """Colours of a slide: the basis a little other, each stain's amount lognormal(0.25)."""
    stain = draw_stain(rng)
    amounts = rng.normal(scale=_COLOUR_SPREAD, size=2)
    return SlideColour(Stain(stain.basis, np.exp(amounts).astype(np.float32), stain.glass), amounts)


def paint_tile(
    rng: np.random.Generator, areas_K: NDArray[np.float64], colour: SlideColour, size_px: int, mpp: float
) -> NDArray[np.uint8]:
    """One tile, uint8 (S, S, 3), whose compartments have the given areas.

    Parameters
    ----------
    rng
        Of the tile.
    areas_K
        Shares of tumour, stroma, lymphoid and adipose tissue, in the order of ``PROGRAMMES``; their sum is 1.
    colour
        Of the slide.
    size_px, mpp
        Side, micrometres per pixel. At every resolution a tile is drawn anew, from the same law.
    """
    where_SS = _compartments(rng, areas_K, size_px, mpp)
    nuclear_SS = draw_nuclei(_nuclei(rng, where_SS, mpp), mpp, (size_px, size_px), 0)
    h_SS, e_SS = _between_nuclei(rng, where_SS, mpp)
    covered_SS = np.minimum(nuclear_SS, 0.5) * 2
    h_SS = h_SS * (1 - 0.6 * covered_SS) + nuclear_SS
    e_SS = e_SS * (1 - 0.45 * covered_SS)
    basis = colour.stain.basis * colour.stain.amounts[:, None]
    density_SS3 = h_SS[..., None] * basis[0] + e_SS[..., None] * basis[1]
    light_SS3 = colour.stain.glass * np.exp(-density_SS3) + rng.normal(scale=1.6, size=h_SS.shape)[..., None]
    return np.clip(np.rint(light_SS3), 0, 255).astype(np.uint8)


def _compartments(
    rng: np.random.Generator, areas_K: NDArray[np.float64], size_px: int, mpp: float
) -> NDArray[np.uint8]:
    """Compartment of each pixel: patches of smooth fields, cut so that areas are exact to a pixel."""
    where_SS = np.full((size_px, size_px), STROMA, np.uint8)
    for compartment in _ORDER:
        field_SS = noise(rng, where_SS.shape, _NEST_UM / mpp)
        free = np.flatnonzero(where_SS.ravel() == STROMA)
        n = min(len(free), round(float(areas_K[compartment - 1]) * where_SS.size))
        chosen = free[np.argsort(-field_SS.ravel()[free], kind="stable")[:n]]
        where_SS.ravel()[chosen] = compartment
    return where_SS


def _nuclei(rng: np.random.Generator, where_SS: NDArray[np.uint8], mpp: float) -> Nuclei:
    parts = [_of(rng, where_SS, mpp, compartment, looks) for compartment, looks in LOOKS.items()]
    return Nuclei(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Nuclei)})


def _of(
    rng: np.random.Generator, where_SS: NDArray[np.uint8], mpp: float, compartment: int, looks: Looks
) -> Nuclei:
    """Nuclei of a compartment on a shaken hexagonal lattice."""
    side = len(where_SS) * mpp
    row, column = np.mgrid[: int(side / (looks.spacing * 0.866)) + 1, : int(side / looks.spacing) + 1]
    x, y = ((column + 0.5 * (row % 2)) * looks.spacing).ravel(), (row * looks.spacing * 0.866).ravel()
    x, y = np.stack([x, y]) + rng.normal(scale=looks.jitter * looks.spacing, size=(2, x.size))
    present = rng.uniform(size=x.size) < looks.present * (0.4 if compartment == ADIPOSE else 1)
    inside = present & (x >= 0) & (y >= 0) & (x < side) & (y < side)
    x, y = x[inside], y[inside]
    here = where_SS[(y / mpp).astype(int), (x / mpp).astype(int)] == compartment
    x, y = x[here], y[here]
    n = len(x)
    radius = looks.radius * np.exp(rng.normal(scale=looks.spread, size=n))
    longer = np.sqrt(1 + (looks.longer - 1) * rng.uniform(0.4, 1.6, n))
    lie = rng.uniform(0, np.pi)  # spindle cells of a tile lie along one another
    angle = lie + rng.normal(scale=0.25, size=n) if compartment == STROMA else rng.uniform(0, np.pi, n)
    return Nuclei(
        x=x,
        y=y,
        long=radius * longer,
        short=radius / longer,
        angle=angle,
        amount=looks.amount * np.exp(rng.normal(scale=0.13, size=n)),
        vesicular=np.clip(looks.vesicular + rng.normal(scale=0.2, size=n) * (looks.vesicular > 0.2), 0, 0.9),
        nucleolus=np.where(rng.uniform(size=n) < 0.6, looks.nucleolus, 0.0),
        bend=rng.normal(scale=0.05, size=(n, 4)),
    )


def _between_nuclei(rng: np.random.Generator, where_SS: NDArray[np.uint8], mpp: float) -> tuple[Field, Field]:
    """Hematoxylin and eosin of the ground: grain everywhere, membranes in fat."""
    grain_SS = 1 + 0.12 * noise(rng, where_SS.shape, max(0.6, 1.5 / mpp))
    cells_SS = noise(rng, where_SS.shape, 9.0 / mpp)
    h_SS, e_SS = (np.zeros(where_SS.shape, np.float32) for _ in range(2))
    for compartment, (h, e) in _AMOUNTS.items():
        here = where_SS == compartment
        h_SS[here], e_SS[here] = h * grain_SS[here], e * grain_SS[here]
    wall = (where_SS == ADIPOSE) & (np.abs(cells_SS) < _WALL)
    e_SS[wall] += 0.5
    return h_SS, e_SS
