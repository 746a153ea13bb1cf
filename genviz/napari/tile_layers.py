"""Rows that are images, with masks: a stack with a slider over the rows, and labels over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from genviz._errors import MissingKeyError
from genviz._keys import Obs, Obsm

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.napari.section_layers import LayerTuple

IMAGE_KEYS = ("pathar", "genevar")  # of the models that make tiles, by their default
MASKS = "masks"


def image_key(adata: AnnData, key: str) -> str | None:
    """Slot of ``obsm`` whose tiles are to be shown; None where the rows are spots.

    The tiles of the model that was asked for, always; of a model's default key or the data's own only where rows have
    no place on a slide.
    """
    named = [Obsm.image(key)]
    if Obsm.SPATIAL not in adata.obsm:
        named += [Obsm.TILES, *map(Obsm.image, IMAGE_KEYS)]
    return next((name for name in named if name in adata.obsm and np.ndim(adata.obsm[name]) == 4), None)


def mask_key(adata: AnnData, image: str) -> str | None:
    """Slot of ``obsm`` with the masks of those tiles; None without."""
    names = [Obsm.MASKS] if image == Obsm.TILES else [Obsm.mask(image), Obsm.MASKS]
    return next((name for name in names if name in adata.obsm and np.ndim(adata.obsm[name]) == 3), None)


def tile_layers(adata: AnnData, image: str) -> list[LayerTuple]:
    """Tiles (N, H, W, 3) and masks (N, H, W) as layers; the arrays themselves, so what is painted stays in the object.

    Raises
    ------
    MissingKeyError
        No such tiles.
    """
    if image not in adata.obsm:
        raise MissingKeyError(
            f"Expected tiles in obsm[{image!r}]; found {sorted(adata.obsm)}. Run model.generate, or read an image set "
            "with gv.io.read_image_masks."
        )
    tiles_NHW3 = adata.obsm[image]
    common: dict[str, Any] = {"metadata": {"rows": adata}}
    layers: list[LayerTuple] = [(tiles_NHW3, common | {"name": image, "rgb": True}, "image")]
    if (name := mask_key(adata, image)) is not None:
        layers.append((_labels(adata, name), common | {"name": name, "opacity": 0.5}, "labels"))
    return layers


def _labels(adata: AnnData, name: str) -> np.ndarray:
    """Masks as integers; booleans and others are converted once, and kept so."""
    masks_NHW = np.asarray(adata.obsm[name])
    if masks_NHW.dtype.kind not in "iu":
        masks_NHW = masks_NHW.astype(np.int32)
    if masks_NHW is not adata.obsm[name]:
        adata.obsm[name] = masks_NHW
    return masks_NHW


def row_line(adata: AnnData, i: int) -> str:
    """One line about a row: its name, what it shows, where it comes from."""
    parts = [str(adata.obs_names[i])]
    for column in (Obs.LABEL, Obs.SUBTYPE, Obs.SOURCE, Obs.DRAW):
        if column in adata.obs:
            parts.append(f"{column} {adata.obs[column].iloc[i]}")
    return " · ".join(parts) + f" · {i + 1} of {adata.n_obs}"
