"""Where the compartments of a phantom section are: glass, tumour nests, stroma, lymphoid patches, fat.

Drawn in micrometres, so a section is the same tissue at every resolution.
Shapes: C compartments; h, w cells of the layout; H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz.datasets.synthetic.fields import Field, at_points, between, noise, signed_distance

PROGRAMMES = ("tumour", "stroma", "lymphoid", "adipose")
GLASS, TUMOUR, STROMA, LYMPHOID, ADIPOSE = range(5)
CELL_UM = 6.0
_LEAST_CELLS = 25  # of a compartment, 900 um2
_ROUND = 1.2  # cells over which compartment edges are rounded


@dataclass(frozen=True)
class Tissue:
    """The layout of one section.

    Attributes
    ----------
    width_um, height_um
        Size of the slide.
    distance_Chw
        Distance to the edge of each compartment, micrometres, above 0 inside; cells of 6 um.
    across_hw, along_hw
        Coordinates across and along collagen fibres, micrometres: fibres are level lines of the first.
    grade_hw
        0..1, how large and dark the nuclei of the tumour are.
    """

    width_um: float
    height_um: float
    distance_Chw: Field
    across_hw: Field
    along_hw: Field
    grade_hw: Field

    def compartments(self, x_um: NDArray[np.floating], y_um: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Compartment of each point of a lattice: columns (W,) and rows (H,) give (H, W)."""
        rows, columns = y_um / CELL_UM - 0.5, x_um / CELL_UM - 0.5
        distances = [between(field, rows, columns) for field in self.distance_Chw]
        return np.argmax(distances, axis=0).astype(np.uint8)

    def compartments_at(self, xy_um: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Compartment of loose points (n, 2)."""
        rows, columns = xy_um[:, 1] / CELL_UM - 0.5, xy_um[:, 0] / CELL_UM - 0.5
        distances = [at_points(field, rows, columns) for field in self.distance_Chw]
        return np.argmax(distances, axis=0).astype(np.uint8)


def grow_tissue(rng: np.random.Generator, width_um: float, height_um: float) -> Tissue:
    """Lay out one section: an irregular piece of tumour with its stroma, lymphocytes and fat."""
    shape = max(round(height_um / CELL_UM), 8), max(round(width_um / CELL_UM), 8)
    tissue = _outline(rng, shape)
    depth = signed_distance(tissue, CELL_UM, 1.0)
    labels = np.where(tissue, STROMA, GLASS).astype(np.uint8)
    region = noise(rng, shape, 300 / CELL_UM) + 0.25 * noise(rng, shape, 60 / CELL_UM)
    nests = noise(rng, shape, 42 / CELL_UM) + 1.1 * region
    labels[tissue & (nests > _above(nests, tissue, 0.43)) & (depth > 25)] = TUMOUR
    to_nest = signed_distance(labels == TUMOUR, CELL_UM, 1.0)
    # Lymphocytes gather in patches, more often at the invasive front.
    patches = noise(rng, shape, 70 / CELL_UM) + 0.6 * np.exp(-((to_nest / 120) ** 2))
    labels[tissue & (patches > _above(patches, tissue, 0.13)) & (depth > 40)] = LYMPHOID
    fat = noise(rng, shape, 130 / CELL_UM) - 1.2 * region - 0.4 * (depth > 500)
    labels[tissue & (fat > _above(fat, tissue, 0.16))] = ADIPOSE
    labels[_specks(labels)] = STROMA
    labels[~tissue] = GLASS
    distance_Chw = np.stack([signed_distance(labels == c, CELL_UM, _ROUND) for c in range(5)])
    across, along = _fibres(rng, shape, distance_Chw[TUMOUR])
    grade = noise(rng, shape, 200 / CELL_UM)
    return Tissue(width_um, height_um, distance_Chw, across, along, 1 / (1 + np.exp(-1.5 * grade)))


def _outline(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A lobed blob with a ragged edge, here and there a tear."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    shift_x, shift_y = rng.uniform(-0.02, 0.02, 2)
    angle = np.arctan2(y - shift_y, x - shift_x)
    radius = np.full(shape, 0.85)
    for k in range(2, 8):
        a, b = rng.normal(scale=0.10 / k, size=2)
        radius += a * np.cos(k * angle) + b * np.sin(k * angle)
    # A superellipse: sections fill their slide better than an ellipse would.
    reach = (np.abs(x - shift_x) ** 2.6 + np.abs(y - shift_y) ** 2.6) ** (1 / 2.6)
    ragged = 0.022 * noise(rng, shape, 70 / CELL_UM) + 0.012 * noise(rng, shape, 18 / CELL_UM)
    inside = reach + ragged < np.minimum(radius, 0.89)
    tears = np.abs(noise(rng, shape, 110 / CELL_UM)) < 0.022
    where = noise(rng, shape, 200 / CELL_UM) > 1.1
    return np.asarray(_largest(inside) & ~(tears & where))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, n = ndimage.label(mask)
    if n < 2:
        return mask
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def _above(field: Field, mask: NDArray[np.bool_], share: float) -> float:
    """The level that ``share`` of the tissue lies above."""
    return float(np.quantile(field[mask], 1 - share)) if mask.any() else np.inf


def _specks(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Islands of a compartment too small to be one."""
    small = np.zeros(labels.shape, bool)
    for compartment in (TUMOUR, LYMPHOID, ADIPOSE):
        parts, _ = ndimage.label(labels == compartment)
        small |= (parts > 0) & (np.bincount(parts.ravel())[parts] < _LEAST_CELLS)
    return small


def _fibres(rng: np.random.Generator, shape: tuple[int, int], to_nest: Field) -> tuple[Field, Field]:
    """Coordinates across and along fibres that run in one direction, sway, and bend round tumour nests."""
    y, x = np.mgrid[: shape[0], : shape[1]] * np.float32(CELL_UM)
    angle = rng.uniform(0, np.pi)
    sway = 60 * noise(rng, shape, 130 / CELL_UM) + 11 * noise(rng, shape, 36 / CELL_UM)
    near = ndimage.gaussian_filter(np.clip(to_nest, -150, 0), 3)
    across = np.sin(angle) * x - np.cos(angle) * y + sway + 0.5 * near
    along = np.cos(angle) * x + np.sin(angle) * y + 40 * noise(rng, shape, 90 / CELL_UM)
    return across.astype(np.float32), along.astype(np.float32)
