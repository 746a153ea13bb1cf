"""Whether tiles show what a model has learned: the same size and micrometres per pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genviz._errors import DataError
from genviz._keys import Obsm
from genviz.core.counts import first_names
from genviz.io.library import libraries, mpp_of
from genviz.io.tile_recipe import read_recipe

if TYPE_CHECKING:
    from anndata import AnnData

_TOLERANCE = 0.1


def tile_mpp(adata: AnnData) -> dict[str, float]:
    """Micrometres per pixel of the tiles, for each section where they are native pixels, else under "".

    Empty where nothing says it: stored pixels without a recipe.
    """
    recipe = read_recipe(adata)
    if recipe is None:
        return {}
    if recipe.mpp is not None:
        return {"": recipe.mpp}
    if Obsm.TILES in adata.obsm:
        return {}
    return {name: mpp_of(adata, name) for name in libraries(adata)}


def check_tile_resolution(adata: AnnData, mpp: float | None) -> None:
    """Refuse tiles of another resolution than the model's, beyond 10 %.

    Parameters
    ----------
    adata
        Rows with tiles; reads ``uns["genviz"]["tiles"]``.
    mpp
        Of the model; None: not known, nothing is checked.

    Raises
    ------
    DataError
        Naming the sections.
    """
    if mpp is None:
        return
    wrong = {name: own for name, own in tile_mpp(adata).items() if abs(own / mpp - 1) > _TOLERANCE}
    if wrong:
        where = f" in {first_names([name for name in wrong if name])}" if any(wrong) else ""
        raise DataError(
            f"Expected tiles of {mpp:.4g} um/px, which the model was trained on; got {min(wrong.values()):.4g}"
            + (f" to {max(wrong.values()):.4g}" if len(set(wrong.values())) > 1 else "")
            + f" um/px{where}. Cells would have another size: run gv.pp.tile(adata, mpp={mpp:.4g})."
        )
