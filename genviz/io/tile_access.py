"""Tiles of rows as one lazy array, cut from slides when they are asked for.

Shapes: N rows; H, W rows and columns of a tile (equal here); 3 RGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.core.resample import area_matrix, resample
from genviz.io.library import entry_of, library_of_rows, mpp_of, positions
from genviz.io.slides.of_section import slide_of
from genviz.io.slides.slide import MemorySlide, Slide, open_slide
from genviz.io.tile_recipe import TileRecipe, read_recipe

if TYPE_CHECKING:
    from anndata import AnnData

_BLOCK_BYTES = 1 << 25  # pixels of one dask block: what a worker thread holds at once
_SAME_SCALE = 1e-3  # a tile whose scale differs less than this is copied, not resampled


@dataclass(frozen=True)
class Cutter:
    """Cuts the tiles of one section.

    Attributes
    ----------
    source
        Path of the slide, or the slide itself when it lives in memory.
    extent_px
        Side of the square to cut, full-resolution pixels of the slide.
    size_px
        Side of a tile.
    scale
        Slide pixels per unit of the positions (below 1 where an overview stands in for the slide).
    """

    source: str | Slide
    extent_px: float
    size_px: int
    scale: float = 1.0

    def cut(self, xy: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Tiles (n, H, W, 3) around centres (n, 2), read in scanning order and returned in row order."""
        slide = open_slide(self.source) if isinstance(self.source, str) else self.source
        level = self._level(slide)
        extent = self.extent_px / slide.downsamples[level]
        window = int(np.ceil(extent))
        centre = xy * self.scale / slide.downsamples[level]
        corner = np.floor(centre - extent / 2 + 0.5).astype(np.int64)
        copy = abs(extent / self.size_px - 1) < _SAME_SCALE
        weights = None if copy else area_matrix(window, self.size_px, extent)
        tiles_NHW3 = np.empty((len(xy), self.size_px, self.size_px, 3), np.uint8)
        for i in np.lexsort((corner[:, 0], corner[:, 1] // max(window, 1))):
            x, y = int(corner[i, 0]), int(corner[i, 1])
            if weights is None:
                tiles_NHW3[i] = slide.read(x, y, self.size_px, self.size_px, level)
            else:
                tiles_NHW3[i] = resample(slide.read(x, y, window, window, level), weights, weights)
        return tiles_NHW3

    def _level(self, slide: Slide) -> int:
        """Coarsest level that is still at least as fine as the tile."""
        shrink = self.extent_px / self.size_px
        return max(i for i, d in enumerate(slide.downsamples) if d <= max(1.0, shrink * (1 + _SAME_SCALE)))


def tiles(
    adata: AnnData,
    size_px: int | None = None,
    mpp: float | None = None,
    *,
    source: Literal["slide", "hires"] = "slide",
) -> da.Array:
    """Tiles of all rows as a lazy dask array, aligned to the rows, in bounded memory.

    The tile of a row is the square of ``size_px * mpp`` micrometres around its centre. Where the tile's mpp
    is coarser than the slide's, pixels are area averages; where it is finer, linear interpolation; where both
    agree, pixels are copied. Corners are rounded to whole slide pixels. Outside the slide is white.

    Reads ``obsm["tiles"]`` when the pixels are data; else ``uns["genviz"]["tiles"]`` (`pp.tile`),
    ``obsm["spatial"]``, ``obs["library_id"]`` and ``uns["spatial"]``. Writes nothing.

    Parameters
    ----------
    adata
        Rows; any subset or order.
    size_px
        Side of a tile; the recipe's by default.
    mpp
        Micrometres per pixel of the tile; the recipe's by default (None there: the slide's own).
    source
        "slide", or "hires" to cut from the stored overview (coarse, but always there).

    Returns
    -------
    dask.array.Array
        uint8 (n_obs, size_px, size_px, 3); its blocks are groups of rows of about 32 MB.

    Raises
    ------
    MissingKeyError
        Without recipe and size, or without the position, image or resolution of a section.
    DataError
        When the slide of a section is nowhere.
    """
    check_adata(adata)
    if Obsm.TILES in adata.obsm:
        return _stored(adata, size_px, mpp)
    recipe = _recipe(adata, size_px, mpp)
    if source not in ("slide", "hires"):
        raise UsageError(f"Expected source 'slide' or 'hires'; got {source!r}.")
    section = library_of_rows(adata)
    names = sorted(set(section))
    make = _slide_cutter if source == "slide" else _hires_cutter
    cutters = {code: make(adata, name, recipe) for code, name in enumerate(names)}
    codes = np.searchsorted(np.array(names, dtype=object), section) if names else np.zeros(0, int)
    return _lazy(positions(adata), codes.astype(np.float64), cutters, recipe.size_px)


def _lazy(
    xy: NDArray[np.float64], codes: NDArray[np.float64], cutters: Mapping[int, Cutter], size: int
) -> da.Array:
    rows = max(1, _BLOCK_BYTES // (size * size * 3))
    shape = (len(xy), size, size, 3)
    if not len(xy):
        empty: da.Array = da.zeros(shape, dtype=np.uint8)
        return empty
    where = da.from_array(np.column_stack([xy, codes]), chunks=(rows, 3))
    lazy: da.Array = da.map_blocks(
        _cut_block,
        where,
        cutters=dict(cutters),
        size=size,
        dtype=np.uint8,
        drop_axis=1,
        new_axis=[1, 2, 3],
        chunks=(where.chunks[0], (size,), (size,), (3,)),
        meta=np.empty((0, 0, 0, 0), np.uint8),
        name=None,
    )
    return lazy


def _cut_block(where: NDArray[np.float64], cutters: Mapping[int, Cutter], size: int) -> NDArray[np.uint8]:
    tiles_NHW3 = np.empty((len(where), size, size, 3), np.uint8)
    codes = where[:, 2].astype(int)
    for code in np.unique(codes):
        rows = codes == code
        tiles_NHW3[rows] = cutters[int(code)].cut(where[rows, :2])
    return tiles_NHW3


def _recipe(adata: AnnData, size_px: int | None, mpp: float | None) -> TileRecipe:
    written = read_recipe(adata)
    if size_px is None and written is None:
        raise MissingKeyError(
            f"Expected a tile recipe in uns['{Uns.GENVIZ}']['{Uns.TILES}']; there is none. Run "
            "gv.pp.tile(adata) first, "
            "or give size_px."
        )
    if size_px is None and written is not None:
        size_px = written.size_px
    if mpp is None and written is not None:
        mpp = written.mpp
    return TileRecipe(size_px=size_px if size_px is not None else 0, mpp=mpp)


def _slide_cutter(adata: AnnData, library: str, recipe: TileRecipe) -> Cutter:
    slide = slide_of(adata, library)
    # Without a stated mpp tiles are native pixels, which no resolution is needed for.
    extent = float(recipe.size_px) if recipe.mpp is None else recipe.extent_px(mpp_of(adata, library))
    return Cutter(str(slide.path), extent, recipe.size_px)


def _hires_cutter(adata: AnnData, library: str, recipe: TileRecipe) -> Cutter:
    entry = entry_of(adata, library)
    image = entry.get(Uns.IMAGES, {}).get(Uns.HIRES)
    scale = entry.get(Uns.SCALEFACTORS, {}).get(Uns.HIRES_SCALE)
    if image is None or scale is None:
        raise MissingKeyError(
            f"Expected the overview uns['{Uns.SPATIAL}']['{library}']['{Uns.IMAGES}']['{Uns.HIRES}'] and its "
            "scale; they "
            "are absent. Read the section with image=."
        )
    slide = MemorySlide(_as_uint8(image))
    extent = float(recipe.size_px) if recipe.mpp is None else recipe.extent_px(mpp_of(adata, library))
    return Cutter(slide, extent * float(scale), recipe.size_px, float(scale))


def _as_uint8(image: Any) -> NDArray[np.uint8]:
    """Overviews as Space Ranger readers leave them: floats from 0 to 1, or bytes."""
    pixels = np.asarray(image)[..., :3]
    return pixels if pixels.dtype == np.uint8 else np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _stored(adata: AnnData, size_px: int | None, mpp: float | None) -> da.Array:
    pixels = adata.obsm[Obsm.TILES]
    if (size_px is not None and size_px != pixels.shape[1]) or mpp is not None:
        raise UsageError(
            f"Expected no size_px and mpp, because obsm['{Obsm.TILES}'] holds the pixels ({pixels.shape[1]} "
            "x "
            f"{pixels.shape[2]}); got size_px={size_px}, mpp={mpp}. Leave them out."
        )
    if isinstance(pixels, da.Array):
        return pixels
    rows = max(1, _BLOCK_BYTES // max(1, int(np.prod(pixels.shape[1:]))))
    lazy: da.Array = da.from_array(pixels, chunks=(rows, *pixels.shape[1:]))
    return lazy
