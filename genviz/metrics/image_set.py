"""What the scores of image + mask pairs read: tiles, masks, labels and groups, from an AnnData or from arrays.

Shape legend: N rows, H and W pixel rows and columns, 3 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm
from genviz.core.counts import first_names
from genviz.core.keyed import row_key

if TYPE_CHECKING:
    from anndata import AnnData

Tiles = NDArray[np.uint8]
Masks = NDArray[Any]
Labels = NDArray[Any]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Tiles with what is known of them; every score of images takes one, or what `image_set` can turn into one.

    Attributes
    ----------
    tiles
        uint8 (N, H, W, 3).
    masks
        (N, H, W): bool, or instance labels with 0 = background; None where there are none.
    labels
        (N,) kind of each tile (fluorescence, histology, an organ); None where unknown.
    groups
        (N,) what tiles share so that they resemble each other: the scene, or else the image they were cut from.
    sources
        (N,) the image each tile was cut from; None where tiles are whole images.
    """

    tiles: Tiles
    masks: Masks | None = None
    labels: Labels | None = None
    groups: Labels | None = None
    sources: Labels | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.tiles)
        if len(shape) != 4 or shape[-1] != 3 or self.tiles.dtype != np.uint8:
            raise DataError(
                f"Expected tiles uint8 (n, H, W, 3); got {self.tiles.dtype} {shape}. Convert them first."
            )
        if self.masks is not None and np.shape(self.masks) != shape[:3]:
            raise DataError(
                f"Expected masks {shape[:3]}, one a tile; got {np.shape(self.masks)}. Give them in the same order."
            )
        for name, values in (("labels", self.labels), ("groups", self.groups), ("sources", self.sources)):
            if values is not None and np.shape(values) != shape[:1]:
                raise DataError(f"Expected {shape[0]} {name}, one a tile; got {np.shape(values)}.")

    def __len__(self) -> int:
        return len(self.tiles)

    def rows(self, index: NDArray[Any]) -> ImageSet:
        """Some of the rows.

        Parameters
        ----------
        index
            Positions, or a bool for each row.
        """
        parts = (self.tiles, self.masks, self.labels, self.groups, self.sources)
        return ImageSet(*(None if part is None else part[index] for part in parts))  # type: ignore[arg-type]

    def of_label(self, label: str) -> ImageSet:
        """The rows of one label.

        Parameters
        ----------
        label
            One of `label_names`.
        """
        return self.rows(self.needed("labels") == label)

    @property
    def label_names(self) -> list[str]:
        """Labels in order of first appearance; empty where they are unknown."""
        return [] if self.labels is None else list(dict.fromkeys(self.labels.tolist()))

    @property
    def foreground_N(self) -> NDArray[np.float64]:
        """Share of each tile that its mask covers."""
        return np.asarray((self.needed("masks") != 0).mean(axis=(1, 2)), np.float64)

    def needed(self, name: str) -> NDArray[Any]:
        """Masks, labels or groups; their absence is an error.

        Parameters
        ----------
        name
            ``"masks"``, ``"labels"`` or ``"groups"``.
        """
        value = getattr(self, name)
        if value is None:
            raise MissingKeyError(
                f"Expected {name} beside the tiles; there are none. Give an AnnData that holds them, "
                f"or ImageSet(tiles, {name}=...)."
            )
        return np.asarray(value)


def image_set(source: Any, key: str = "") -> ImageSet:
    """Read tiles and what belongs to them.

    Parameters
    ----------
    source
        An AnnData; an `ImageSet`; uint8 tiles (N, H, W, 3); or a pair (tiles, masks).
    key
        For an AnnData: a model's result key, ``obsm["<key>"]`` and ``["<key>_mask"]``; by default
        ``obsm["tiles"]`` and ``["masks"]``. Labels are ``obs["label"]``, sources ``obs["source"]``, groups
        ``obs["scene"]`` or else the sources.

    Returns
    -------
    `ImageSet`; nothing is copied.

    Raises
    ------
    MissingKeyError
        For an AnnData without the tiles.
    DataError
        For arrays of other shapes or types.
    """
    if isinstance(source, ImageSet):
        return source
    if hasattr(source, "obsm"):
        return _of_rows(source, key)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise UsageError(
                f"Expected a pair (tiles, masks); got {len(source)} parts. Use ImageSet for more."
            )
        return ImageSet(np.asarray(source[0]), np.asarray(source[1]))
    return ImageSet(np.asarray(source))


def _of_rows(adata: AnnData, key: str) -> ImageSet:
    tiles_key, mask_key = (Obsm.image(key), Obsm.mask(key)) if key else (Obsm.TILES, Obsm.MASKS)
    if tiles_key not in adata.obsm:
        raise MissingKeyError(
            f"Expected obsm['{tiles_key}']; found {first_names(list(adata.obsm), 8) or 'nothing'}. "
            "Give the model's result key as key=."
        )
    masks = np.asarray(adata.obsm[mask_key]) if mask_key in adata.obsm else None
    labels, scenes, sources = (_column(adata, name) for name in (Obs.LABEL, Obs.SCENE, Obs.SOURCE))
    groups = sources if scenes is None else scenes
    return ImageSet(np.asarray(adata.obsm[tiles_key]), masks, labels, groups, sources)


def _column(adata: AnnData, name: str) -> Labels | None:
    return np.asarray(adata.obs[name].astype(str), object) if name in adata.obs else None


def keyed_rows(n_rows: int, n: int, seed: int, stream: str) -> NDArray[np.intp]:
    """Positions of `n` rows, in order; each row's chance is its own key, so a larger `n` only adds rows.

    Parameters
    ----------
    n_rows
        Rows to choose from.
    n
        How many; all of them when there are fewer.
    seed, stream
        Equal ones choose the same rows.
    """
    keys = [row_key(seed, "", str(row), stream) for row in range(n_rows)]
    return np.sort(np.array(sorted(range(n_rows), key=keys.__getitem__)[:n], np.intp))


def labels_of(values: ArrayLike | Sequence[Any], n: int) -> Labels:
    """One text a row.

    Parameters
    ----------
    values
        Labels of any type.
    n
        Rows there must be.

    Raises
    ------
    DataError
        For another number of labels.
    """
    found = np.array([str(value) for value in np.asarray(values, object).ravel()], object)
    if len(found) != n:
        raise DataError(f"Expected {n} labels, one a row; got {len(found)}.")
    return found
