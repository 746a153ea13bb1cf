"""Images, masks and labels in memory, as the tokenizer is trained on them.

Shape legend: H x W pixels of one image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.models.pathar.conditions import organ_index
from genviz.models.pathar.foreground import foreground

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class ImageSet:
    """Images of any size with their nuclei.

    Attributes
    ----------
    names
        One for each image.
    images
        uint8 (H, W, 3).
    masks
        bool (H, W), True on nuclei.
    labels
        Index of each image's label in `label_names`.
    label_names
        All labels, in model order.
    organs, organ_names
        The same of organs; an unknown one has the index after the last. None and nothing of a set without.
    """

    names: tuple[str, ...]
    images: tuple[NDArray[np.uint8], ...]
    masks: tuple[NDArray[np.bool_], ...]
    labels: NDArray[np.int64]
    label_names: tuple[str, ...]
    organs: NDArray[np.int64] | None = None
    organ_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def digest(self) -> str:
        """SHA-256 of names, labels, organs where there are any, images and masks."""
        digest = hashlib.sha256("\n".join((*self.names, *self.label_names)).encode())
        for label, image, mask in zip(self.labels, self.images, self.masks, strict=True):
            digest.update(int(label).to_bytes(8, "little") + image.tobytes() + mask.tobytes())
        if self.organs is not None:
            digest.update("\n".join(self.organ_names).encode() + self.organs.tobytes())
        return digest.hexdigest()


def image_set(
    adata: AnnData,
    label_key: str,
    label_names: Sequence[str],
    size_px: int,
    *,
    skip_small: bool = False,
    organ_key: str | None = None,
    organ_names: Sequence[str] = (),
) -> ImageSet:
    """Read the images of an AnnData, one at a time where they are lazy, each cut to its true extent.

    Parameters
    ----------
    adata
        Rows with ``obsm["tiles"]``, ``obsm["masks"]`` and labels; ``obs["height"]`` and ``obs["width"]`` where the
        images are padded.
    label_key
        Column of ``obs``.
    label_names
        Labels in model order.
    size_px
        Least side of an image.
    skip_small
        Leave smaller images out, instead of refusing them.
    organ_key, organ_names
        Column of ``obs`` with organs, and their names in model order; another or a missing one is unknown.

    Raises
    ------
    MissingKeyError
        Without tiles or masks.
    DataError
        For an image smaller than `size_px`, a label that is not in `label_names`, or a mask that is none.
    """
    for key in (Obsm.TILES, Obsm.MASKS):
        if key not in adata.obsm:
            raise MissingKeyError(
                f"Expected obsm['{key}'], found {sorted(adata.obsm)}. Read images and masks with "
                "gv.io.read_image_masks(...) or cut them with gv.pp.crops(...)."
            )
    values = adata.obs[label_key].astype(str).to_numpy()
    unknown = sorted(set(values) - set(label_names))
    if unknown:
        raise DataError(f"Expected labels out of {', '.join(label_names)}; got {', '.join(unknown)}.")
    images, masks, rows = [], [], []
    # Taken out once: a view of an AnnData copies the whole slot whenever it is asked for it.
    tiles, labels = adata.obsm[Obsm.TILES], adata.obsm[Obsm.MASKS]
    for row, extent in enumerate(_extents(adata)):
        image, mask = _cut(tiles[row], labels[row], extent)
        if min(mask.shape) < size_px:
            if skip_small:
                continue
            raise DataError(
                f"Expected images of at least {size_px} pixels a side; {adata.obs_names[row]} has "
                f"{mask.shape[0]} x {mask.shape[1]}. Leave it out, or train a preset with smaller tiles."
            )
        images.append(image)
        masks.append(mask)
        rows.append(row)
    place = {name: k for k, name in enumerate(label_names)}
    kinds = np.array([place[values[row]] for row in rows], dtype=np.int64)
    names = tuple(adata.obs_names[rows])
    organs = None
    if organ_key is not None:
        found = adata.obs[organ_key].iloc[rows]
        organs = np.array([organ_index(organ_names, str(organ)) for organ in found], np.int64)
        organs[found.isna().to_numpy()] = len(organ_names)
    return ImageSet(names, tuple(images), tuple(masks), kinds, tuple(label_names), organs, tuple(organ_names))


def _extents(adata: AnnData) -> list[tuple[int | None, int | None]]:
    """Height and width of each row without its padding."""
    if Obs.HEIGHT not in adata.obs or Obs.WIDTH not in adata.obs:
        return [(None, None)] * adata.n_obs
    sides = (adata.obs[Obs.HEIGHT], adata.obs[Obs.WIDTH])
    return [(int(height), int(width)) for height, width in zip(*sides, strict=True)]


def _cut(
    tile: ArrayLike, labels: ArrayLike, extent: tuple[int | None, int | None]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Image and mask of a row without its padding; the pixels are copied, so that the padding can go."""
    image, mask = (np.asarray(pixels)[: extent[0], : extent[1]] for pixels in (tile, labels))
    return np.array(image, dtype=np.uint8, order="C"), foreground(mask)
