"""Windows larger than a tile, held in memory, and random tiles cut from them: crops, turns and flips.

A view of a row is keyed by (seed, library, row, view), whatever other rows there are. Shape legend: N rows, B tiles,
S x S pixels of a window, H x W of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.core.keyed import row_generator
from genviz.core.tile_augment import N_TURNS, turn
from genviz.io.library import library_of_rows
from genviz.io.tile_access import tiles
from genviz.models.pixels import to_tensor
from genviz.train.batches import EpochBatches
from genviz.train.run_folder import array_digest

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class TileWindows:
    """Windows around rows.

    Attributes
    ----------
    images_NSS3
        uint8.
    names, libraries
        Row and section ("" where there is none) of each.
    slides
        Slide of each, by name: counterfactuals are taken from another one.
    """

    images_NSS3: NDArray[np.uint8]
    names: tuple[str, ...]
    libraries: tuple[str, ...]
    slides: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def side(self) -> int:
        """Pixels a side."""
        return int(self.images_NSS3.shape[1])

    def digest(self) -> str:
        """SHA-256 of pixels and names."""
        told = np.array([self.names, self.libraries, self.slides], dtype=np.str_)
        return array_digest(self.images_NSS3) + array_digest(told)

    def slide_numbers(self) -> NDArray[np.int64]:
        """Number of each row's slide, int64 (N,)."""
        return np.unique(np.array(self.slides), return_inverse=True)[1].astype(np.int64)


def joined(parts: Sequence[TileWindows]) -> TileWindows:
    """Windows of several sources, one after the other.

    Parameters
    ----------
    parts
        Of one size.

    Raises
    ------
    DataError
        When they are not.
    """
    if len(sides := sorted({part.side for part in parts})) > 1:
        raise DataError(
            f"Expected windows of one size; got {', '.join(map(str, sides))} px a side. Cut all rows from slides, or "
            "store tiles of one size."
        )
    return TileWindows(
        np.concatenate([part.images_NSS3 for part in parts]),
        tuple(name for part in parts for name in part.names),
        tuple(name for part in parts for name in part.libraries),
        tuple(name for part in parts for name in part.slides),
    )


def windows_of(
    adata: AnnData,
    size_px: int,
    *,
    mpp: float | None = None,
    margin_px: int = 0,
    slide_key: str | None = None,
) -> TileWindows:
    """Read the windows of all rows.

    Reads ``obsm["tiles"]`` as it is, or cuts slides (`gv.tiles`); ``obs["library_id"]``; ``obs[slide_key]``.

    Parameters
    ----------
    adata
        Rows.
    size_px
        Side of the tiles to be cut from the windows.
    mpp
        Micrometres per pixel; None: the recipe's.
    margin_px
        Pixels by which windows of slides are larger on each side.
    slide_key
        Column with the slide or patient; None: the section.

    Raises
    ------
    DataError
        When there are no rows, or stored tiles are smaller than `size_px` or not RGB squares.
    MissingKeyError
        Without the column, or what tiles are cut from.
    """
    if not adata.n_obs:
        raise DataError("Expected rows to cut tiles of; there are none.")
    stored = Obsm.TILES in adata.obsm
    lazy = tiles(adata) if stored else tiles(adata, size_px + 2 * margin_px, mpp)
    images = np.asarray(lazy.compute())
    if (
        images.ndim != 4
        or images.shape[1] != images.shape[2]
        or images.shape[3] != 3
        or images.dtype != np.uint8
    ):
        raise DataError(f"Expected square RGB tiles in uint8; got {images.shape}, {images.dtype}.")
    if images.shape[1] < size_px:
        raise DataError(f"Expected tiles of at least {size_px} px a side; got {images.shape[1]}.")
    try:
        sections = tuple(map(str, library_of_rows(adata)))
    except MissingKeyError:
        sections = ("",) * adata.n_obs
    return TileWindows(
        images, tuple(map(str, adata.obs_names)), sections, _slides(adata, slide_key, sections)
    )


def _slides(adata: AnnData, key: str | None, sections: tuple[str, ...]) -> tuple[str, ...]:
    if key is None:
        return sections
    if key not in adata.obs:
        raise MissingKeyError(f"Expected obs['{key}'], the slide of each row; it is absent. Name the column.")
    if adata.obs[key].isna().any():
        raise DataError(
            f"Expected a slide in obs['{key}'] of each row; some have none (see also {Obs.LIBRARY})."
        )
    return tuple(map(str, adata.obs[key]))


def cut(window_SS3: NDArray[np.uint8], size_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One random crop, turned and flipped at random, (H, W, 3).

    Parameters
    ----------
    window_SS3
        Where from.
    size_px
        H and W.
    rng
        Decides where and which way.
    """
    room = len(window_SS3) - size_px + 1
    top, left, way = int(rng.integers(room)), int(rng.integers(room)), int(rng.integers(N_TURNS))
    return turn(window_SS3[top : top + size_px, left : left + size_px], way)


def view_tiles(
    windows: TileWindows, rows: Sequence[int], view: int, size_px: int, seed: int
) -> NDArray[np.uint8]:
    """One view of some rows, uint8 (B, H, W, 3).

    Parameters
    ----------
    windows
        Where from.
    rows
        Numbers of rows.
    view
        Number of the view.
    size_px
        H and W.
    seed
        Of the run.
    """
    return np.stack([
        cut(
            windows.images_NSS3[row],
            size_px,
            row_generator(seed, windows.libraries[row], windows.names[row], f"crop {view}"),
        )
        for row in rows
    ])  # fmt: skip


def centre_tiles(windows: TileWindows, rows: Sequence[int], size_px: int) -> NDArray[np.uint8]:
    """The middle of some windows, uint8 (B, H, W, 3).

    Parameters
    ----------
    windows
        Where from.
    rows
        Numbers of rows.
    size_px
        H and W.
    """
    start = (windows.side - size_px) // 2
    middle = slice(start, start + size_px)
    return windows.images_NSS3[np.asarray(rows)][:, middle, middle]


class WindowBatches(EpochBatches):
    """Batches ``(x_B3HW in [-1, 1],)`` of random tiles of random rows; an epoch's are fixed by (seed, epoch).

    Parameters
    ----------
    windows
        Where from.
    size_px
        Side of a tile.
    batch_size, per_epoch
        Tiles a batch and an epoch.
    seed
        Of the run.
    """

    def __init__(
        self, windows: TileWindows, size_px: int, *, batch_size: int, per_epoch: int, seed: int
    ) -> None:
        super().__init__()
        self.windows, self.size_px = windows, size_px
        self.batch_size, self.per_epoch, self.seed = batch_size, per_epoch, seed

    def __len__(self) -> int:
        return max(1, self.per_epoch // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for k in range(len(self)):
            yield (self.draw(f"{self.epoch}/{k}", self.batch_size),)

    def draw(self, name: str, n: int) -> Tensor:
        """Some tiles by name, in [-1, 1].

        Parameters
        ----------
        name
            With the seed it decides the tiles.
        n
            How many.
        """
        rng = row_generator(self.seed, "", name, "tiles")
        rows = rng.integers(len(self.windows), size=n)
        return to_tensor(np.stack([cut(self.windows.images_NSS3[row], self.size_px, rng) for row in rows]))
