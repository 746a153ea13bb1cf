"""A section as layers that napari understands, without importing it: (data, options, kind).

Full-resolution pixels of the section are the layers' data coordinates, micrometres the world's. Positions of spots
count from the corner of the first pixel, napari from its centre, hence the half pixels.
"""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from genviz.controllers.slide.pyramid import Pyramid
from genviz.controllers.slide.section import Spots
from genviz.napari.session import Session

LayerTuple = tuple[Any, dict[str, Any], str]

OURS = "genviz"  # of a layer's metadata: the session it belongs to
SPOTS, TISSUE = "spots", "tissue"
_CHUNK = 1024


def section_layers(session: Session) -> list[LayerTuple]:
    """Tissue, where there is an image, and spots, coloured as the session says."""
    layers: list[LayerTuple] = []
    if (pyramid := session.controller.pyramid) is not None:
        levels, placed = tissue_of(pyramid, session.controller.spots)
        options = {"name": TISSUE, "rgb": True, "multiscale": True, "metadata": {OURS: session}}
        layers.append((levels, options | placed, "image"))
    yx, placed = spots_of(session.controller.spots)
    ring, width = session.rings
    layers.append((yx, placed | {
        "name": SPOTS, "features": session.features, "face_color": session.face, "shown": session.shown,
        "border_color": ring, "border_width": width, "border_width_is_relative": True, "opacity": 0.85,
        "metadata": {OURS: session},
    }, "points"))  # fmt: skip
    return layers


def tissue_of(pyramid: Pyramid, spots: Spots) -> tuple[list[da.Array], dict[str, Any]]:
    """Levels as lazy arrays (H, W, 3), and where they lie; nothing is read."""
    levels = []
    for array in pyramid.arrays:
        height, width, _ = array.shape
        chunks = (min(_CHUNK, height), min(_CHUNK, width), 3)
        levels.append(
            da.from_array(array, chunks=chunks, name=False, asarray=False, meta=np.empty((0, 0, 0), np.uint8))
        )
    downsample = pyramid.levels[0][2]
    unit = downsample * (spots.mpp or 1.0)
    return levels, {"scale": (unit, unit), "translate": (unit / 2, unit / 2), "units": _units(spots)}


def spots_of(spots: Spots) -> tuple[np.ndarray, dict[str, Any]]:
    """Centres (row, column), and how large they are and where they lie."""
    unit = spots.mpp or 1.0
    return spots.xy[:, ::-1].astype(np.float64), {
        "size": spots.diameter_px, "scale": (unit, unit), "units": _units(spots)
    }  # fmt: skip


def _units(spots: Spots) -> tuple[str, str]:
    return ("um", "um") if spots.mpp else ("pixel", "pixel")
