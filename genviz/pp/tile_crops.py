"""Cut images with masks into crops of one size, at their own scale.

Shapes: N rows; H, W of the frame; S side of a crop; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm
from genviz._settings import settings
from genviz.core.arguments import check_adata
from genviz.core.counts import first_names
from genviz.core.instances import relabel
from genviz.io.library import write_record

if TYPE_CHECKING:
    from collections.abc import Sequence

_RECORD = "crops"


def crops(adata: AnnData, size_px: int = 128) -> AnnData:
    """Non-overlapping square crops of all images, one row each; nothing is resized.

    Crops lie on a grid from the upper left corner of each image, inside its true extent; what is left at the
    right and the bottom is not used. Images are read one at a time.

    Reads ``obsm["tiles"]``, ``obsm["masks"]``, and ``obs["height"]``, ``obs["width"]`` where images are padded.

    Parameters
    ----------
    adata
        Images with masks (`io.read_image_masks`); not changed.
    size_px
        Side of a crop.

    Returns
    -------
    AnnData
        Rows ``<image>_r<row>_c<column>`` (of the upper left pixel), in the order of the images. ``obsm["tiles"]``
        uint8 (n, S, S, 3) and ``obsm["masks"]`` uint16 (n, S, S), labels 1, 2, ... of each crop, both numpy. ``obs``
        is carried over, with source (the image), crop_row, crop_column, height, width, and n_nuclei: nuclei with
        at least one pixel in the crop. ``uns`` is carried over.

    Raises
    ------
    UsageError
        For a size that cannot be.
    MissingKeyError
        Without images or masks.
    DataError
        When an image is smaller than a crop, or masks have another size than images.
    """
    check_adata(adata)
    if isinstance(size_px, bool) or not isinstance(size_px, int | np.integer) or size_px < 1:
        raise UsageError(f"Expected size_px, a whole number of pixels above 0; got {size_px!r}.")
    extents = _extents(adata, int(size_px))
    corners = [_corners(height, width, int(size_px)) for height, width in extents]
    counts = np.array([len(places) for places in corners], dtype=np.int64)
    tiles_NSS3 = np.empty((int(counts.sum()), size_px, size_px, 3), np.uint8)
    masks_NSS = np.empty((int(counts.sum()), size_px, size_px), np.uint16)
    at = 0
    for (tile_HW3, mask_HW), places in zip(_images(adata), corners, strict=True):
        for row, column in places:
            window = np.s_[row : row + size_px, column : column + size_px]
            tiles_NSS3[at], masks_NSS[at] = tile_HW3[window], relabel(mask_HW[window])
            at += 1
    return _as_rows(adata, counts, [place for places in corners for place in places], tiles_NSS3, masks_NSS)


def _as_rows(
    adata: AnnData,
    counts: NDArray[np.int64],
    corners: Sequence[tuple[int, int]],
    tiles_NSS3: NDArray[np.uint8],
    masks_NSS: NDArray[np.uint16],
) -> AnnData:
    size_px = tiles_NSS3.shape[1]
    source = np.repeat(np.asarray(adata.obs_names, dtype=object), counts)
    obs = adata.obs.iloc[np.repeat(np.arange(adata.n_obs), counts)].copy()
    obs.index = pd.Index([f"{n}_r{r}_c{c}" for n, (r, c) in zip(source, corners, strict=True)], dtype=object)
    obs[Obs.SOURCE] = pd.Categorical(source)
    obs[[Obs.CROP_ROW, Obs.CROP_COLUMN]] = np.array(corners, dtype=np.int64).reshape(-1, 2)
    obs[[Obs.HEIGHT, Obs.WIDTH]] = size_px
    obs[Obs.N_NUCLEI] = masks_NSS.reshape(len(obs), -1).max(axis=1, initial=0).astype(np.int64)
    cut = AnnData(obs=obs, uns=deepcopy(dict(adata.uns)))
    cut.obsm[Obsm.TILES], cut.obsm[Obsm.MASKS] = tiles_NSS3, masks_NSS
    write_record(cut, _RECORD, {"size_px": size_px, "n_images": adata.n_obs, "n_crops": len(obs)})
    return cut


def _images(adata: AnnData) -> Iterator[tuple[NDArray[np.uint8], NDArray[Any]]]:
    """Image and mask of each row, read when they are asked for."""
    tiles, masks = adata.obsm[Obsm.TILES], adata.obsm[Obsm.MASKS]
    for i in tqdm(range(adata.n_obs), "crops", unit="image", disable=not settings.progress):
        yield np.asarray(tiles[i]), np.asarray(masks[i])


def _extents(adata: AnnData, size_px: int) -> list[tuple[int, int]]:
    """Height and width of every image, checked."""
    for key in (Obsm.TILES, Obsm.MASKS):
        if key not in adata.obsm:
            raise MissingKeyError(
                f"Expected images and masks in obsm['{Obsm.TILES}'] and obsm['{Obsm.MASKS}']; there is no "
                f"'{key}'. Read them with gv.io.read_image_masks."
            )
    frame = adata.obsm[Obsm.TILES].shape[:3]
    if adata.obsm[Obsm.MASKS].shape != frame:
        raise DataError(
            f"Expected masks as large as the images, {frame}; got {adata.obsm[Obsm.MASKS].shape}. Read them together."
        )
    heights = adata.obs.get(Obs.HEIGHT, pd.Series(frame[1], index=adata.obs_names)).to_numpy(np.int64)
    widths = adata.obs.get(Obs.WIDTH, pd.Series(frame[2], index=adata.obs_names)).to_numpy(np.int64)
    small = np.minimum(heights, widths) < size_px
    if small.any():
        names = [
            f"{name} ({w} x {h})"
            for name, h, w in zip(adata.obs_names[small], heights[small], widths[small], strict=True)
        ]
        raise DataError(
            f"Expected images of at least {size_px} x {size_px} pixels; {int(small.sum())} are smaller: "
            f"{first_names(names)}. Cut smaller crops, or leave those rows out."
        )
    return [(int(h), int(w)) for h, w in zip(heights, widths, strict=True)]


def _corners(height: int, width: int, size_px: int) -> list[tuple[int, int]]:
    return [
        (row, column)
        for row in range(0, height - size_px + 1, size_px)
        for column in range(0, width - size_px + 1, size_px)
    ]
