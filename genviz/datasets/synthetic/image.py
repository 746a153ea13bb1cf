"""H&E pixels of a phantom section, band by band: stain amounts of every structure, mixed in optical density.

OD = thickness * (h * hematoxylin + e * eosin); I = glass * exp(-OD) (Beer-Lambert).
Shapes: H, W rows and columns of a band; 3 RGB; C compartments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.datasets.synthetic.fat import Fat
from genviz.datasets.synthetic.fields import Field, between
from genviz.datasets.synthetic.nuclei import Nuclei, draw_nuclei
from genviz.datasets.synthetic.textures import Lattice, Textures
from genviz.datasets.synthetic.tissue import ADIPOSE, CELL_UM, LYMPHOID, STROMA, TUMOUR, Tissue

# Directions of hematoxylin and eosin in (R, G, B), near those of breast sections. On purpose not the
# reference colours of the stain normaliser, which would leave it nothing to do.
_HEMATOXYLIN = (0.70, 0.63, 0.32)
_EOSIN = (0.26, 0.84, 0.47)
_SOFT_UM = 5.0  # width of the change from one compartment to the next


@dataclass(frozen=True)
class Stain:
    """Colours of one slide.

    Attributes
    ----------
    basis
        (2, 3) unit vectors of hematoxylin and eosin.
    amounts
        (2,) how strongly the slide took each.
    glass
        (3,) RGB of empty glass.
    """

    basis: NDArray[np.float32]
    amounts: NDArray[np.float32]
    glass: NDArray[np.float32]


def draw_stain(rng: np.random.Generator) -> Stain:
    """Stains of one slide: a little other each time, as in a laboratory."""
    basis = np.array([_HEMATOXYLIN, _EOSIN]) * (1 + rng.normal(scale=0.05, size=(2, 3)))
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    amounts = np.exp(rng.normal(scale=0.10, size=2))
    glass = np.array([243, 240, 243]) + rng.normal(scale=0.5, size=3)
    return Stain(basis.astype(np.float32), amounts.astype(np.float32), glass.astype(np.float32))


@dataclass(frozen=True)
class Painter:
    """Everything needed to paint any band of a section."""

    tissue: Tissue
    nuclei: Nuclei
    textures: Textures
    fat: Fat
    stain: Stain
    mpp: float
    width: int

    def band(self, top: int, rows: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Pixels (rows, width, 3) from row ``top`` on; ``rng`` is the camera's noise."""
        x, y = (np.arange(self.width) + 0.5) * self.mpp, (np.arange(top, top + rows) + 0.5) * self.mpp
        share_CHW, retracted = self._shares(x, y)
        h, e = self._amounts(x, y, share_CHW)
        chromatin = self.textures.chromatin(x, y)
        nuclear = draw_nuclei(self.nuclei, self.mpp, (rows, self.width), top)
        covered = np.minimum(nuclear, 0.5) * 2
        h = h * (1 - 0.6 * covered) + nuclear * (1 + 0.22 * chromatin)
        e = e * (1 - 0.45 * covered)
        thickness = self.textures.thickness(x, y) * (1 - retracted)
        return self._rgb(h * thickness, e * thickness, rng)

    def _shares(self, x: Lattice, y: Lattice) -> tuple[Field, Field]:
        """Soft shares of compartments (C, H, W), and clefts where nests have shrunk from their stroma."""
        rows, columns = y / CELL_UM - 0.5, x / CELL_UM - 0.5
        distance_CHW = np.stack([between(field, rows, columns) for field in self.tissue.distance_Chw])
        share_CHW = np.clip(distance_CHW / _SOFT_UM + 0.5, 0, 1)
        share_CHW /= np.maximum(share_CHW.sum(axis=0), 1e-3)
        outside = np.clip(1 - np.abs(distance_CHW[TUMOUR] + 4) / 4, 0, 1)
        in_stroma = np.clip(distance_CHW[STROMA] / 4 + 1, 0, 1)
        cleft = outside * in_stroma * np.clip(self.textures.retraction(x, y) - 0.6, 0, 1)
        return share_CHW, np.minimum(cleft * 1.2, 0.9)

    def _amounts(self, x: Lattice, y: Lattice, share_CHW: Field) -> tuple[Field, Field]:
        """Hematoxylin and eosin between the nuclei."""
        collagen = self.textures.collagen(self.tissue, x, y)
        grain = self.textures.grain(x, y)
        wall = self.fat.membranes(x, y)
        h = share_CHW[TUMOUR] * (0.24 + 0.05 * grain) + share_CHW[LYMPHOID] * (0.20 + 0.05 * grain)
        h += share_CHW[STROMA] * 0.07 * collagen + share_CHW[ADIPOSE] * 0.05 * wall
        e = share_CHW[TUMOUR] * (0.52 + 0.08 * grain) + share_CHW[LYMPHOID] * (0.34 + 0.08 * grain)
        e += share_CHW[STROMA] * (collagen * (0.85 + 0.05 * grain)) + share_CHW[ADIPOSE] * 0.5 * wall
        return np.maximum(h, 0), np.maximum(e, 0)

    def _rgb(self, h: Field, e: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
        basis = self.stain.basis * self.stain.amounts[:, None]
        sensor = rng.normal(scale=1.6, size=h.shape).astype(np.float32)
        rgb_HW3 = np.empty((*h.shape, 3), np.uint8)
        for channel in range(3):
            density = h * basis[0, channel] + e * basis[1, channel]
            light = self.stain.glass[channel] * np.exp(-density) + sensor
            rgb_HW3[..., channel] = np.clip(light + 0.5, 0, 255)
        return rgb_HW3
