"""Part a whole slide into tiles that do not overlap, at a stated resolution, where there is tissue and no pen.

Shapes: H, W rows and columns of the thumbnail; h, w of the grid of tiles; N tiles that are kept.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from genviz import __version__
from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz._settings import settings
from genviz.core.keyed import row_generator
from genviz.core.resample import area_matrix
from genviz.io.files.opening import AnyPath
from genviz.io.library import attach_slide, make_entry, write_record
from genviz.io.slides.slide import Slide, open_slide
from genviz.io.spots.placement import MPP_TOLERANCE, resolutions_apart
from genviz.io.tile_recipe import TileRecipe, write_recipe
from genviz.pp.slide_mask import pen_mask, stained_mask

_PX_A_TILE = 8  # of the thumbnail on which tissue is looked for
_THUMBNAIL_PX = (256, 4096)
_MOST_PEN = 0.02  # of a tile
_WINDOW = 5


def slide_tiles(
    slide: AnyPath,
    size_px: int = 256,
    mpp: float = 0.5,
    *,
    # the slide
    slide_mpp: float | None = None,
    library: str | None = None,
    # which tiles
    min_tissue: float = 0.5,
    n_tiles: int | None = None,
    seed: int | None = None,
    # result
    overview: bool = True,
) -> AnnData:
    """Tiles of a whole slide, one row each; pixels stay in the slide and `gv.tiles` cuts them when they are asked for.

    Tiles lie on a grid from the upper left corner and do not overlap; what is left at the right and the bottom is not
    used. Tissue and pen marks are told on a thumbnail with about eight pixels a tile: tissue by its chroma, pen by
    colours that H&E does not have. A tile is kept when at least `min_tissue` of it is tissue and at most 2 % is pen.

    Parameters
    ----------
    slide
        TIFF, SVS, JPEG, PNG, zarr; vendor formats with the extra ``wsi``.
    size_px, mpp
        Side of a tile, and its micrometres per pixel: the slide's own or coarser.
    slide_mpp
        Micrometres per pixel of the slide; what its file says, if left out.
    library
        Name of the slide; that of its file, if left out.
    min_tissue
        Least share of tissue.
    n_tiles, seed
        So many of them, drawn at random, keyed by seed and the slide's name; all, if left out.
    overview
        Whether the overview of the slide is stored too (12 MB).

    Returns
    -------
    AnnData
        Without genes. Rows ``XxY`` (column and row of the grid). ``obs``: library_id, array_x, array_y, tissue (share);
        ``obsm["spatial"]`` centres in full-resolution pixels; ``uns["spatial"][library]``: mpp, slide;
        ``uns["genviz"]["tiles"]``: the recipe.

    Raises
    ------
    UsageError
        When nothing is there, the slide's resolution is not known, or tiles finer than the slide are asked for.
    FileFormatError
        When it is damaged or no image.
    DataError
        When it is smaller than a tile, or no tile has tissue.

    Warns
    -----
    UserWarning
        When `slide_mpp` is more than 10 % from what the file says.
    """
    if not 0 <= min_tissue <= 1:
        raise UsageError(f"Expected min_tissue from 0 to 1; got {min_tissue!r}.")
    if n_tiles is not None and n_tiles < 1:
        raise UsageError(f"Expected n_tiles of at least 1; got {n_tiles!r}.")
    opened, recipe = open_slide(slide), TileRecipe(size_px=size_px, mpp=mpp)
    own = _resolution(opened, slide_mpp, mpp)
    name = opened.path.name.split(".")[0] if library is None else str(library)
    grid = _grid(opened, recipe.extent_px(own))
    rows, columns = _kept(grid, min_tissue, f"{opened.path.name}, {size_px * mpp:.0f} um wide")
    record = grid.counted() | {"min_tissue": min_tissue, "n_tiles_kept_of_grid": len(rows)}
    if n_tiles is not None and n_tiles < len(rows):
        rng = row_generator(settings.seed if seed is None else seed, name, "", "tiles of a slide")
        drawn = np.sort(rng.permutation(len(rows))[:n_tiles])
        rows, columns = rows[drawn], columns[drawn]
    obs = _obs(name, rows, columns, grid.tissue_hw)
    adata = AnnData(X=sparse.csr_matrix((len(rows), 0), dtype=np.float32), obs=obs)
    adata.obsm[Obsm.SPATIAL] = np.column_stack([(columns + 0.5) * grid.extent, (rows + 0.5) * grid.extent])
    adata.uns[Uns.SPATIAL] = {name: _entry(opened, own, size_px * mpp, overview)}
    write_record(adata, name, record)
    write_recipe(adata, recipe)
    return adata


@dataclass(frozen=True)
class _Grid:
    """Tiles of a slide, whole ones only.

    Attributes
    ----------
    tissue_hw, pen_hw
        Shares of each tile.
    extent
        Side of a tile in slide pixels.
    """

    tissue_hw: NDArray[np.float32]
    pen_hw: NDArray[np.float32]
    extent: float

    def counted(self) -> dict[str, Any]:
        """What the record of a reader says."""
        return {
            "reader": "slide_tiles",
            "platform": "slide",
            "version": __version__,
            "n_tiles_of_grid": int(self.pen_hw.size),
            "n_tiles_with_pen": int((self.pen_hw > _MOST_PEN).sum()),
        }


def _kept(grid: _Grid, min_tissue: float, what: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the tiles with tissue and without pen."""
    rows, columns = np.nonzero((grid.tissue_hw >= max(min_tissue, 1e-9)) & (grid.pen_hw <= _MOST_PEN))
    if not len(rows):
        raise DataError(
            f"Expected tissue on the slide; none of {grid.pen_hw.size} tiles of {what}, has {min_tissue:.0%} of it "
            f"without pen (the best has {grid.tissue_hw.max():.0%}). Lower min_tissue, or look at the slide."
        )
    return rows, columns


def _entry(slide: Slide, own: float, side_um: float, overview: bool) -> dict[str, Any]:
    """The section's entry; a tile is a spot as wide as the step of the grid."""
    entry = make_entry(mpp=own, spot_diameter_um=side_um, pitch_um=side_um, grid_step_um=(side_um, side_um))
    if overview:
        attach_slide(entry, slide)
    else:
        entry[Uns.IMAGE_SHAPE] = np.array([slide.height, slide.width], dtype=np.int64)
        entry[Uns.METADATA] = {Uns.SOURCE_IMAGE: str(slide.path), Uns.SOURCE_SHA256: slide.sha256}
    return entry


def _resolution(slide: Slide, stated: float | None, wanted: float) -> float:
    """Micrometres per pixel of the slide, which tiles may not be finer than."""
    if stated is not None and not 0 < stated < float("inf"):
        raise UsageError(f"Expected slide_mpp above 0 micrometres per pixel; got {stated!r}.")
    if stated is not None and slide.mpp is not None:
        doubt = resolutions_apart(stated, slide.mpp, f"the metadata of {slide.path.name}")
        if doubt:
            warnings.warn(doubt, stacklevel=3)
    own = slide.mpp if stated is None else float(stated)
    if own is None:
        raise UsageError(
            f"Expected the resolution of {slide.path.name} in its metadata; there is none. State slide_mpp=, "
            "micrometres per pixel (0.25 at 40x, 0.5 at 20x)."
        )
    if wanted < own * (1 - MPP_TOLERANCE):
        raise UsageError(
            f"Expected tiles as coarse as the slide or coarser ({own:.4g} um/px); got mpp = {wanted:.4g}. Pixels would "
            "be made up: take a coarser mpp, or a slide scanned finer."
        )
    return own


def _grid(slide: Slide, extent: float) -> _Grid:
    """Lay the grid on the thumbnail."""
    n_across, n_down = int(slide.width / extent + 1e-6), int(slide.height / extent + 1e-6)
    if not n_across or not n_down:
        raise DataError(
            f"Expected a slide larger than a tile ({extent:.0f} pixels of it); {slide.path.name} has {slide.width} x "
            f"{slide.height}. Take smaller or finer tiles."
        )
    longest = max(slide.width, slide.height)
    side = int(np.clip(_PX_A_TILE * longest / extent, *_THUMBNAIL_PX))
    rgb_HW3, scale = slide.thumbnail(min(side, longest))
    pen_HW = pen_mask(rgb_HW3)
    tissue_HW = stained_mask(rgb_HW3, pen_HW, min(_WINDOW, max(1, round(extent * scale / 2))))
    height, width = rgb_HW3.shape[:2]
    down = area_matrix(height, n_down, n_down * extent * scale)
    across = area_matrix(width, n_across, n_across * extent * scale)
    tissue_hw, pen_hw = ((down @ mask.astype(np.float32)) @ across.T for mask in (tissue_HW, pen_HW))
    return _Grid(np.asarray(tissue_hw), np.asarray(pen_hw), extent)


def _obs(
    name: str, rows: NDArray[np.intp], columns: NDArray[np.intp], tissue_hw: NDArray[np.float32]
) -> pd.DataFrame:
    values = {
        Obs.LIBRARY: pd.Categorical([name] * len(rows)),
        Obs.ARRAY_X: columns.astype(np.int64),
        Obs.ARRAY_Y: rows.astype(np.int64),
        Obs.TISSUE: tissue_hw[rows, columns].astype(np.float64),
    }
    names = [f"{column}x{row}" for column, row in zip(columns, rows, strict=True)]
    return pd.DataFrame(values, index=pd.Index(names, dtype=object))
