"""Features of single tiles as a GenAR takes them: resampled, and where it looks beyond a tile, mirrored.

Shape legend: N rows, H x W pixels of a tile, F features.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz._settings import settings
from genviz.features.encoder import Encoder
from genviz.features.registry import encoder_names, get_encoder
from genviz.features.stain import fit_normaliser
from genviz.io.tile_recipe import TileRecipe, write_recipe
from genviz.pp.embedding import embed
from genviz.pp.stain_pixels import tile_pixels

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GenAR

MIRROR = "mirror"
_REACH_UM = 160.0  # half of the widest window of any encoder: 314 um of "morphology"
_LIKE = 1.25  # sides of tiles whose ratio is below this count as alike


class TileFeatures:
    """Says what a GenAR makes of tiles of one size, or refuses.

    Parameters
    ----------
    genar
        A trained model.
    size_px, mpp
        Of the tiles.
    surroundings
        None or "mirror".
    genar_tile_um
        Side of the tiles that `genar` was trained on; None: not known.

    Raises
    ------
    UsageError
        For features of another field of view, or an encoder that is not known by name.
    DataError
        When the resolution of the tiles is not known.
    """

    def __init__(
        self,
        genar: GenAR,
        size_px: int,
        mpp: float | None,
        surroundings: str | None,
        genar_tile_um: float | None,
    ) -> None:
        if mpp is None:
            raise DataError(
                "Expected the resolution of GeneVAR's tiles, which it does not know. Declare mpp= in setup_anndata."
            )
        if surroundings not in (None, MIRROR):
            raise UsageError(f"Expected surroundings None or {MIRROR!r}; got {surroundings!r}.")
        self.size_px, self.mpp, self.surroundings = size_px, mpp, surroundings
        fitted = genar.fitted
        self.slot, self.recipe = fitted.features, fitted.recipe
        name = str(self.recipe.get("name", ""))
        if name not in encoder_names():
            raise UsageError(
                f"Expected a GenAR of features of {', '.join(encoder_names())}; its own are of "
                f"{name or 'an encoder that was not recorded'}, which generated tiles cannot be put through."
            )
        ring = str(self.recipe.get("ring", "none"))
        self.encoder: Encoder = get_encoder(
            name, ring=None if ring == "none" else ring, pitch_um=float(self.recipe.get("pitch_um") or 200.0)
        )
        self.loose = ring == "none" and self._is_loose()
        self._check_field(genar_tile_um)

    @property
    def field_um(self) -> float:
        """Side of a tile."""
        return self.size_px * self.mpp

    def told(self) -> dict[str, Any]:
        """What a record says of it."""
        how = (
            "as loose tiles, resampled by the encoder"
            if self.loose
            else "mirrored in all directions to fill what the encoder looks at"
        )
        return {
            "field_um": self.field_um,
            "tile_px": self.size_px,
            "tile_mpp": self.mpp,
            "encoder": self.recipe.get("name"),
            "encoder_mpp": self.recipe.get("mpp"),
            "features": how,
        }

    def put(self, rows: AnnData, tiles_NHW3: NDArray[np.uint8]) -> AnnData:
        """Rows with the features of these tiles, without anything else of theirs but places.

        Parameters
        ----------
        rows
            Rows, for their names, sections and places.
        tiles_NHW3
            A tile of each.
        """
        made = ad.AnnData(obs=rows.obs.copy())
        made.obsm[Obsm.SPATIAL] = np.asarray(rows.obsm[Obsm.SPATIAL])
        made.uns[Uns.SPATIAL] = rows.uns[Uns.SPATIAL]
        stain = str(self.recipe.get("stain", "none"))
        key = self.slot.removeprefix(Obsm.features(""))
        if self.loose:
            made.obsm[Obsm.TILES] = tiles_NHW3
            write_recipe(made, TileRecipe(size_px=self.size_px, mpp=self.mpp))
            embed(made, self.encoder, stain=None if stain == "none" else stain, key_added=key)
            return made
        names, made.obsm[self.slot] = self._mirrored(made, tiles_NHW3, None if stain == "none" else stain)
        record = self.encoder.recipe() | {
            "stain": stain, "n_features": len(names), "n_own": sum("@ring" not in name for name in names),
            "names_digest": _digest(names),
        }  # fmt: skip
        made.uns[Uns.GENVIZ] = {Uns.FEATURES: {key: json.dumps(record)}}
        return made

    def _is_loose(self) -> bool:
        """Whether the features are what the encoder makes of loose tiles."""
        blank = np.full((1, self.size_px, self.size_px, 3), 200, np.uint8)
        names, _ = self.encoder.encode_tiles(blank, mpp=self.mpp, normaliser=fit_normaliser(None, None))
        if "names_digest" in self.recipe:
            return bool(self.recipe["names_digest"] == _digest(names))
        return bool(self.recipe.get("n_features") == len(names))

    def _check_field(self, genar_tile_um: float | None) -> None:
        own = self.field_um
        if self.loose and genar_tile_um is not None:
            ratio = max(own / genar_tile_um, genar_tile_um / own)
            if ratio > _LIKE:
                raise UsageError(
                    f"Expected tiles of about {genar_tile_um:.0f} um a side, as this GenAR was trained on; GeneVAR's "
                    f"are {own:.0f} um. Train GenAR on features of tiles of {own:.0f} um."
                )
        if not self.loose and self.surroundings is None:
            raise UsageError(
                f"Expected a GenAR that sees what a tile of {own:.0f} um shows; features of "
                f"{self.recipe.get('name')!r} on slides look as far as {2 * self._reach_um:.0f} um. Train one on loose "
                f"tiles of {own:.0f} um (obsm['{Obsm.TILES}'], then gv.pp.embed), or pass surroundings={MIRROR!r}: "
                "each tile, real ones too, is then mirrored in all directions."
            )

    @property
    def _reach_um(self) -> float:
        """From a centre to the farthest pixel that may be looked at."""
        ring = str(self.recipe.get("ring", "none")) != "none"
        return _REACH_UM + (float(self.recipe.get("pitch_um") or 0.0) if ring else 0.0)

    def _mirrored(
        self, rows: AnnData, tiles_NHW3: NDArray[np.uint8], stain: str | None
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Features of each section's tiles, each alone in a cell of a canvas that it fills by reflection."""
        sections = (
            rows.obs[Obs.LIBRARY].astype(str).to_numpy()
            if Obs.LIBRARY in rows.obs
            else np.full(len(rows), "")
        )
        features_NF: NDArray[np.float32] | None = None
        names: list[str] = []
        for section in dict.fromkeys(sections):
            at = np.flatnonzero(sections == section)
            canvas = _Canvas(tiles_NHW3[at], int(np.ceil(2 * self._reach_um / self.mpp)))
            normaliser = fit_normaliser(stain, tile_pixels(tiles_NHW3[at]) if stain else None)
            names, values = self.encoder.encode(
                canvas.read, canvas.centres, mpp=self.mpp, normaliser=normaliser, n_workers=settings.n_workers
            )
            if features_NF is None:
                features_NF = np.empty((len(sections), values.shape[1]), np.float32)
            features_NF[at] = values
        assert features_NF is not None
        return names, features_NF


class _Canvas:
    """A slide of square cells, one tile in the middle of each, reflected until the cell is full."""

    def __init__(self, tiles_NHW3: NDArray[np.uint8], cell_px: int) -> None:
        self.tiles_NHW3, self.cell_px = tiles_NHW3, cell_px
        self.n_columns = int(np.ceil(np.sqrt(len(tiles_NHW3))))

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middles of the cells, (N, 2)."""
        row, column = np.divmod(np.arange(len(self.tiles_NHW3)), self.n_columns)
        return (np.stack([column, row], axis=1) + 0.5) * self.cell_px

    def read(self, x: int, y: int, w: int, h: int) -> NDArray[np.uint8]:
        """Pixels; white where there is no cell."""
        (row_h, down_h), (column_w, across_w) = (self._reflected(start, n) for start, n in ((y, h), (x, w)))
        cell_hw = row_h[:, None] * self.n_columns + column_w
        there_hw = (row_h[:, None] >= 0) & (column_w >= 0) & (column_w < self.n_columns)
        there_hw &= cell_hw < len(self.tiles_NHW3)
        pixels = self.tiles_NHW3[np.where(there_hw, cell_hw, 0), down_h[:, None], across_w]
        return np.where(there_hw[..., None], pixels, np.uint8(255))

    def _reflected(self, start: int, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Cell, and pixel of its tile, of places along one axis."""
        side = self.tiles_NHW3.shape[1]
        cell_n, inside_n = np.divmod(np.arange(start, start + n), self.cell_px)
        phase_n = (inside_n - (self.cell_px - side) // 2) % (2 * side)
        return cell_n, np.where(phase_n < side, phase_n, 2 * side - 1 - phase_n)


def _digest(names: list[str]) -> str:
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()
