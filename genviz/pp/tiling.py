"""State how tiles are cut around rows, and check that rows lie where they should."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from genviz._errors import DataError, UsageError
from genviz._keys import Obsm
from genviz.core.arguments import check_adata
from genviz.io.library import libraries, mpp_of
from genviz.io.slides.of_section import slide_of
from genviz.io.spots.placement import check_section
from genviz.io.tile_recipe import TileRecipe, write_recipe

if TYPE_CHECKING:
    from anndata import AnnData

_ALIKE = 0.05


def tile(adata: AnnData, size_px: int = 224, mpp: float | None = None, *, check: bool = True) -> None:
    """State the tiles of all rows; `gv.tiles` cuts them when they are asked for.

    Nothing is cut or stored here. The slide of every section is found and the rows' places on it are checked:
    inside the image, on tissue, x and y in this order, resolution as the spot pitch says.

    Reads ``obsm["spatial"]``, ``obs["library_id"]`` and ``uns["spatial"]``; writes
    ``uns["genviz"]["tiles"]``, one JSON string with size_px, mpp and origin.

    Parameters
    ----------
    adata
        Rows with positions, changed in place.
    size_px
        Side of a tile in pixels.
    mpp
        Micrometres per pixel of the tile. None takes each section's own pixels, so that a tile covers
        ``size_px * mpp_of_the_section`` micrometres; state it when sections were scanned differently.
    check
        False skips the checks on the slides (their files must still be there when tiles are cut).

    Raises
    ------
    UsageError
        When the pixels are data already (``obsm["tiles"]``), or an argument makes no sense.
    MissingKeyError, DataError
        When positions, resolution or slide of a section are absent, or rows lie outside the image.

    Warns
    -----
    UserWarning
        When x and y look swapped (with the share of rows on tissue in both orders), when most rows miss the
        tissue, when a few lie outside, when the stated resolution is more than 10 % off, and when native
        pixels differ between sections.
    """
    check_adata(adata)
    if Obsm.TILES in adata.obsm:
        raise UsageError(
            f"Expected rows without stored pixels; obsm['{Obsm.TILES}'] holds their tiles. Use "
            "gv.tiles(adata)."
        )
    recipe = TileRecipe(size_px=size_px, mpp=mpp)
    names = libraries(adata)
    if not names:
        raise DataError("Expected rows to cut tiles for; there are none.")
    native = {name: mpp_of(adata, name) for name in names}
    if check:
        for name in names:
            for doubt in check_section(adata, name, slide_of(adata, name)):
                warnings.warn(doubt, stacklevel=2)
    finest, coarsest = min(native.values()), max(native.values())
    if mpp is None and coarsest / finest - 1 > _ALIKE:
        warnings.warn(
            f"Sections were scanned at {finest:.3g} to {coarsest:.3g} um/px, so native tiles of {size_px} px "
            "cover "
            f"{size_px * finest:.0f} to {size_px * coarsest:.0f} um. State mpp= to give all the same area.",
            stacklevel=2,
        )
    write_recipe(adata, recipe)
