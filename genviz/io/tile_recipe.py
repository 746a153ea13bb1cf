"""The recipe of tiles cut from slides, ``uns["genviz"]["tiles"]``: pixels are not stored twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genviz._errors import DataError, UsageError
from genviz._keys import Uns

if TYPE_CHECKING:
    from anndata import AnnData

_FORMAT = 1
_LARGEST_PX = 8192


@dataclass(frozen=True)
class TileRecipe:
    """How a tile is cut around the centre of each row.

    Attributes
    ----------
    size_px
        Side of a tile, pixels of the tile.
    mpp
        Micrometres per pixel of the tile; None: as the slide of each section was scanned.
    origin
        Where the row's position lies in its tile; always "center".
    format
        Number of this layout.
    """

    size_px: int
    mpp: float | None = None
    origin: str = "center"
    format: int = _FORMAT

    def __post_init__(self) -> None:
        if (
            isinstance(self.size_px, bool)
            or int(self.size_px) != self.size_px
            or not 1 <= self.size_px <= _LARGEST_PX
        ):
            raise UsageError(
                f"Expected size_px to be a whole number of pixels from 1 to {_LARGEST_PX}; got "
                f"{self.size_px!r}."
            )
        if self.mpp is not None and not 0 < self.mpp < float("inf"):
            raise UsageError(f"Expected mpp above 0 micrometres per pixel; got {self.mpp!r}.")
        object.__setattr__(self, "size_px", int(self.size_px))

    def extent_px(self, slide_mpp: float) -> float:
        """Side of the square that a tile covers on a slide, full-resolution pixels."""
        return self.size_px * (1.0 if self.mpp is None else self.mpp / slide_mpp)


def write_recipe(adata: AnnData, recipe: TileRecipe) -> None:
    """Write the recipe into ``uns["genviz"]["tiles"]``."""
    adata.uns.setdefault(Uns.GENVIZ, {})[Uns.TILES] = json.dumps(asdict(recipe))


def read_recipe(adata: AnnData) -> TileRecipe | None:
    """Read the recipe; None where `pp.tile` was not run.

    Raises
    ------
    DataError
        When the entry is not a recipe, or one of a newer version.
    """
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.TILES)
    if text is None:
        return None
    try:
        recipe = TileRecipe(**json.loads(str(text)))
    except (TypeError, ValueError) as err:
        raise DataError(
            f"Expected the JSON recipe that pp.tile writes in uns['{Uns.GENVIZ}']['{Uns.TILES}']; got "
            f"{str(text)[:80]!r}. "
            "Run gv.pp.tile(adata) again."
        ) from err
    if recipe.format > _FORMAT:
        raise DataError(
            f"Expected a tile recipe of format {_FORMAT} or older; got {recipe.format}. Update genviz."
        )
    return recipe
