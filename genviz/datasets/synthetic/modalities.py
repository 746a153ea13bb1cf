"""Pixels of a phantom field of view in three modalities, from where its nuclei are.

Shapes: H, W rows and columns; 3 RGB; n nuclei and the background before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz.datasets.synthetic.fields import Field, noise
from genviz.datasets.synthetic.image import draw_stain
from genviz.datasets.synthetic.instances import Crowd, Nuclei

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Modality:
    """How the nuclei of a modality lie, and how they are painted."""

    crowd: Crowd
    paint: Callable[[np.random.Generator, Nuclei], Pixels]


def _each(rng: np.random.Generator, nuclei: Nuclei, spread: float) -> Field:
    """A factor for each nucleus at its pixels, lognormal around 1."""
    n = int(nuclei.labels_HW.max(initial=0))
    factor_n = np.exp(rng.normal(scale=spread, size=n + 1)).astype(np.float32)
    return factor_n[nuclei.labels_HW]


def _grain(rng: np.random.Generator, nuclei: Nuclei, sigma: float) -> Field:
    return noise(rng, nuclei.labels_HW.shape, sigma)


def _soft(nuclei: Nuclei, sigma: float) -> Field:
    """Nuclei as a lens sees them: 1 inside, 0 outside, a soft edge."""
    return ndimage.gaussian_filter((nuclei.labels_HW > 0).astype(np.float32), sigma)


def fluorescence(rng: np.random.Generator, nuclei: Nuclei) -> Pixels:
    """Bright nuclei on black, grey: I = background + brightness * shape * texture, photon noise."""
    body = _soft(nuclei, 0.8) * (0.75 + 0.25 * nuclei.depth_HW) * (1 + 0.12 * _grain(rng, nuclei, 1.5))
    light = rng.uniform(70, 170) * ndimage.gaussian_filter(_each(rng, nuclei, 0.3), 0.8) * body
    light += rng.uniform(4, 14) + 0.08 * ndimage.gaussian_filter(light, 6)
    light += rng.normal(size=light.shape) * np.sqrt(np.maximum(light, 0)) * 0.35
    return np.repeat(_bytes(light)[..., None], 3, axis=2)


def histology(rng: np.random.Generator, nuclei: Nuclei) -> Pixels:
    """Nuclei in hematoxylin on wavy eosin: I = glass * exp(-OD), OD linear in the stains (Beer-Lambert)."""
    stain = draw_stain(rng)
    body = _soft(nuclei, 0.7)
    h = (
        body
        * ndimage.gaussian_filter(_each(rng, nuclei, 0.2), 0.7)
        * (0.85 + 0.15 * _grain(rng, nuclei, 1.0))
    )
    fibres = ndimage.gaussian_filter(rng.standard_normal(h.shape), (2, 9))
    e = np.maximum(0.4 + 0.12 * _grain(rng, nuclei, 8) + 0.1 * fibres / fibres.std(), 0.02) * (1 - 0.6 * body)
    return _stained(rng, 1.1 * h + 0.08, e, stain.basis * stain.amounts[:, None], stain.glass)


def brightfield_cytology(rng: np.random.Generator, nuclei: Nuclei) -> Pixels:
    """Dark nuclei in pale violet cytoplasm on clear glass, Beer-Lambert as in `histology`."""
    stain = draw_stain(rng)
    far = ndimage.distance_transform_edt(nuclei.labels_HW == 0)
    reach = rng.uniform(7, 11)
    cytoplasm = np.clip((reach - far + 1.5 * _grain(rng, nuclei, 4)) / 3, 0, 1)
    body = _soft(nuclei, 1.0)
    h = body * 1.3 * (0.9 + 0.1 * _grain(rng, nuclei, 1.5)) + 0.28 * cytoplasm
    e = cytoplasm * (0.22 + 0.04 * _grain(rng, nuclei, 2)) * (1 - 0.5 * body)
    return _stained(rng, h + 0.03, e, stain.basis * stain.amounts[:, None], stain.glass)


def _stained(
    rng: np.random.Generator, h: Field, e: Field, basis: NDArray[np.floating], glass: NDArray[np.floating]
) -> Pixels:
    density_HW3 = np.maximum(h, 0)[..., None] * basis[0] + e[..., None] * basis[1]
    return _bytes(glass * np.exp(-density_HW3) + rng.normal(scale=1.6, size=h.shape)[..., None])


def _bytes(light: Field) -> Pixels:
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


MODALITIES = {
    "fluorescence": Modality(Crowd(9.0, 0.25, 1.7, (0.10, 0.35), 1), fluorescence),
    "histology": Modality(Crowd(6.5, 0.22, 2.2, (0.15, 0.40), 1), histology),
    "brightfield_cytology": Modality(Crowd(10.0, 0.15, 1.4, (0.10, 0.25), 3), brightfield_cytology),
}
