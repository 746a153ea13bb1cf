"""Textures of phantom tissue: collagen, chromatin, cytoplasm, uneven thickness.

A texture is a patch of noise laid side by side without seams and looked up by position in micrometres.
Shapes: H, W rows and columns of a band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.datasets.synthetic.fields import Field, between, noise
from genviz.datasets.synthetic.tissue import CELL_UM, Tissue

_FINE = 0.35  # um a texel of fine textures
_ACROSS, _ALONG = 0.3, 1.2  # um a texel of collagen, across and along the fibres

Lattice = NDArray[np.floating]


@dataclass(frozen=True)
class Textures:
    """Noise of one section; every method gives float32 (H, W) for columns x and rows y in micrometres."""

    fine: Field
    coarse: Field
    fibres: Field
    uneven: Field

    def chromatin(self, x: Lattice, y: Lattice) -> Field:
        """Clumps of about a micrometre."""
        return _tiled(self.fine, x, y, _FINE)

    def grain(self, x: Lattice, y: Lattice) -> Field:
        """Cytoplasm: clumps of a few micrometres."""
        return _tiled(self.coarse, x, y, _FINE) + 0.4 * _tiled(self.fine, x + 97, y + 31, _FINE)

    def retraction(self, x: Lattice, y: Lattice) -> Field:
        """Where tissue shrank: varies over tens of micrometres."""
        return between(self.uneven, y / CELL_UM, x / CELL_UM)

    def thickness(self, x: Lattice, y: Lattice) -> Field:
        """About 1."""
        return 1 + 0.05 * between(self.uneven[::-1, ::-1], y / CELL_UM, x / CELL_UM)

    def collagen(self, tissue: Tissue, x: Lattice, y: Lattice) -> Field:
        """Eosin of crimped fibres: about 0.7 on average, 0 in clefts between bundles."""
        rows, columns = y / CELL_UM - 0.5, x / CELL_UM - 0.5
        across, along = between(tissue.across_hw, rows, columns), between(tissue.along_hw, rows, columns)
        crimp = 2.2 * np.sin(along * np.float32(2 * np.pi / 46) + across * np.float32(0.035))
        place = (across + crimp) * np.float32(1 / _ACROSS)
        row = np.floor(place).astype(np.int32)
        column = (along * np.float32(1 / _ALONG)).astype(np.int32) & (self.fibres.shape[1] - 1)
        here = self.fibres[row & (self.fibres.shape[0] - 1), column]
        # Steps between texels would show where fibres fan out.
        return here + (self.fibres[(row + 1) & (self.fibres.shape[0] - 1), column] - here) * (place - row)


def draw_textures(rng: np.random.Generator, tissue: Tissue) -> Textures:
    """Draw all textures of a section."""
    shape = (2048, 512)
    fibrils = noise(rng, shape, (1.1 / _ACROSS, 22 / _ALONG), wrap=True)
    bundles = noise(rng, shape, (4.5 / _ACROSS, 38 / _ALONG), wrap=True)
    gaps = np.clip((bundles + 0.35 * fibrils + 1.95) / 0.5, 0.05, 1)
    return Textures(
        fine=noise(rng, (1024, 1024), 0.8 / _FINE, wrap=True),
        coarse=noise(rng, (1024, 1024), 2.4 / _FINE, wrap=True),
        fibres=(np.clip(0.72 + 0.13 * fibrils + 0.11 * bundles, 0.2, 1.2) * gaps).astype(np.float32),
        uneven=noise(rng, tissue.grade_hw.shape, 30 / CELL_UM),
    )


def _tiled(texture: Field, x: Lattice, y: Lattice, step: float) -> Field:
    """Values of a texture laid side by side; its sides are powers of two."""
    row = (y / step).astype(np.int64) & (texture.shape[0] - 1)
    column = (x / step).astype(np.int64) & (texture.shape[1] - 1)
    return texture[row][:, column]
