"""The tiles that belong to rows of trajectories: the real one, and those along the way of each model.

Shape legend: N rows, S frames, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import GenvizError
from genviz._keys import Obsm, Uns
from genviz.io.tile_access import tiles
from genviz.io.tile_recipe import read_recipe

if TYPE_CHECKING:
    from anndata import AnnData

_FRAMES = "Run gv.tl.velocity(..., frames=5) to decode tiles along the way."
Pixels = NDArray[np.uint8]


class PathTiles:
    """Tiles by row, read when they are asked for.

    Parameters
    ----------
    adata
        From `gv.tl.velocity`.
    key
        Result key.
    names
        Of the models.
    record
        Of the result.

    Attributes
    ----------
    shares
        Of the way from noise to end, of each frame; empty without frames.
    why_not
        Why there is no real tile, "" when there is.
    """

    def __init__(self, adata: AnnData, key: str, names: Sequence[str], record: dict[str, Any]) -> None:
        self._adata = adata
        slots = {name: Obsm.path_frames(key, "" if i == 0 else name) for i, name in enumerate(names)}
        self.frames = {name: adata.obsm[slot] for name, slot in slots.items() if slot in adata.obsm}
        self.shares = [float(share) for share in record.get("frames", [])] if self.frames else []
        self.synthetic = bool(adata.uns.get(Uns.GENVIZ, {}).get(Uns.SYNTHETIC, record.get("phantom", False)))
        self.why_not, self._lazy = "", None
        try:
            self._lazy = tiles(adata)
        except GenvizError as error:
            self.why_not = f"No real tiles: {error}"

    @property
    def extent_um(self) -> float | None:
        """Side of a real tile in micrometres, where it is known."""
        try:
            recipe = read_recipe(self._adata)
        except GenvizError:
            return None
        if self._lazy is None or recipe is None or recipe.mpp is None:
            return None
        return float(self._lazy.shape[1] * recipe.mpp)

    def real(self, rows: Sequence[int]) -> Pixels | None:
        """Real tiles (n, H, W, 3) of rows; None where there are none.

        Parameters
        ----------
        rows
            Numbers of rows.
        """
        if self._lazy is None:
            return None
        slots = self._adata.obsm
        if Obsm.TILES in slots and isinstance(slots[Obsm.TILES], np.ndarray):
            return np.asarray(slots[Obsm.TILES][list(rows)], np.uint8)
        try:
            return np.asarray(tiles(self._adata[list(rows)]).compute(), np.uint8)
        except (GenvizError, OSError) as error:
            self.why_not, self._lazy = f"No real tiles: {error}", None
            return None

    def along(self, name: str, rows: Sequence[int], frames: Sequence[int] | None = None) -> Pixels | None:
        """Tiles along the way of a model, (n, S, H, W, 3); None where none were decoded.

        Parameters
        ----------
        name
            Model.
        rows
            Numbers of rows.
        frames
            Which; all by default.
        """
        if name not in self.frames:
            return None
        found = np.asarray(self.frames[name][list(rows)], np.uint8)
        return found if frames is None else found[:, list(frames)]

    def told(self) -> str:
        """What is missing, for people; "" when nothing is."""
        missing = [] if self.frames else [f"No tiles along the way. {_FRAMES}"]
        return " ".join(([self.why_not] if self.why_not else []) + missing)
