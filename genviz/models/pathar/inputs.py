"""Rows in: tiles, masks, labels and tokens of an AnnData, checked.

Shape legend: R rows, H x W pixels, N cells.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.arguments import check_adata, kind_of
from genviz.models.pathar.codec import Tokens, check_range, encode_masks, encode_tiles, no_tokens
from genviz.models.pathar.fitted import TOKENIZER, Fitted
from genviz.models.pathar.foreground import foreground
from genviz.models.pathar.rows import TOKENS

if TYPE_CHECKING:
    from anndata import AnnData

BOTH = ("structure", "appearance")
_SLOTS = {"structure": Obsm.STRUCTURE_TOKENS, "appearance": Obsm.APPEARANCE_TOKENS}


def masks_of(fitted: Fitted, adata: AnnData) -> NDArray[np.bool_]:
    """Nuclei of each row, bool (R, H, W).

    Raises
    ------
    MissingKeyError
        Without masks.
    DataError
        For sides that are no multiple of a token's, rows of different extent, or masks that are none.
    """
    masks = _window(fitted, adata, Obsm.MASKS)
    if masks.ndim != 3:
        raise DataError(f"Expected (rows, H, W) in obsm['{Obsm.MASKS}']; got {masks.shape}.")
    _check_sides(fitted, masks.shape[1:3], Obsm.MASKS)
    return foreground(np.asarray(masks))


def tiles_of(fitted: Fitted, adata: AnnData) -> NDArray[np.uint8]:
    """Pixels of each row, uint8 (R, H, W, 3).

    Raises
    ------
    MissingKeyError
        Without tiles.
    DataError
        For sides that are no multiple of a token's, pixels that are not bytes, or rows of different extent.
    """
    tiles = _window(fitted, adata, Obsm.TILES)
    if tiles.dtype != np.uint8 or tiles.ndim != 4 or tiles.shape[3] != 3:
        raise DataError(
            f"Expected uint8 (rows, H, W, 3) in obsm['{Obsm.TILES}']; got {tiles.dtype} {tiles.shape}."
        )
    _check_sides(fitted, tiles.shape[1:3], Obsm.TILES)
    return np.asarray(tiles)


def masks_given(fitted: Fitted, masks: Any) -> tuple[list[str], NDArray[np.int32]]:
    """Names and structure tokens of masks that a user hands over, as rows or as an array.

    Raises
    ------
    UsageError
        For a path, or nothing.
    DataError
        For masks of another size than the tiles that the model makes, of fractions, negative, or none at all.
    """
    if masks is None or isinstance(masks, str | PathLike):
        raise UsageError(
            f"Expected masks, an array (n, H, W) or an AnnData; got {kind_of(masks)}. Read them with "
            "gv.io.read_image_masks."
        )
    rows = hasattr(masks, "obsm")
    given = masks_of(fitted, masks) if rows else foreground(np.asarray(masks))
    pixels = given[None] if given.ndim == 2 else given
    if not pixels.size:
        raise DataError("Expected at least one mask; got none.")
    side = fitted.config.tokenizer.size_px
    if pixels.ndim != 3 or pixels.shape[1:] != (side, side):
        then = f"Cut them with gv.pp.crops(adata, size_px={side})."
        if given.ndim > 2 and given.shape[-1] in (3, 4):
            then = "Colours are no mask: take one channel."
        raise DataError(
            f"Expected masks of {side} x {side} pixels; got {' x '.join(map(str, given.shape))}"
            f"{' values' * (given.ndim < 2)}. {then}"
        )
    names = masks.obs_names.tolist() if rows else [f"mask-{k}" for k in range(len(pixels))]
    return names, encode_masks(fitted, pixels)


def tokens_of(
    fitted: Fitted,
    adata: AnnData,
    streams: Sequence[str] = BOTH,
    *,
    fresh: bool = False,
    of_prior: bool = False,
) -> Tokens:
    """Tokens that the rows carry (unless `fresh`), or else those of their tiles and masks.

    Parameters
    ----------
    fitted
        The model; a stream that it does not have is left empty.
    adata
        Rows.
    streams
        Which are wanted; the other is left empty.
    fresh
        Encode, whatever the rows carry.
    of_prior
        Insist on the grid that the prior draws.

    Raises
    ------
    UsageError
        For what is no AnnData.
    MissingKeyError
        When the rows have neither.
    DataError
        When they are of another model, or do not fit together.
    """
    check_adata(adata)
    if not adata.n_obs:
        raise DataError("Expected at least one row; got none.")
    wanted = [name for name in streams if name == "appearance" or fitted.tokenizer.dual]
    if not fresh and all(_SLOTS[name] in adata.obsm for name in wanted):
        found = {name: np.asarray(adata.obsm[_SLOTS[name]]).astype(np.int32) for name in wanted}
        tokens = _joined(found, adata.n_obs, _stored_grid(fitted, adata, found))
        check_range(fitted, tokens)
    else:
        tokens = _encoded(fitted, adata, wanted)
    grid = fitted.config.tokenizer.grid
    if of_prior and tokens.grid != grid:
        side = fitted.config.tokenizer.size_px
        raise DataError(
            f"Expected tiles of {side} x {side} pixels, {grid[0]} x {grid[1]} tokens; got {tokens.grid[0]} x "
            f"{tokens.grid[1]} tokens. Cut them with gv.pp.crops(adata, size_px={side})."
        )
    return tokens


def stored_streams(adata: AnnData) -> list[str]:
    """Streams of which the rows carry tokens."""
    check_adata(adata)
    return [name for name, slot in _SLOTS.items() if slot in adata.obsm]


def _encoded(fitted: Fitted, adata: AnnData, wanted: Sequence[str]) -> Tokens:
    found: dict[str, NDArray[np.int32]] = {}
    sides: set[tuple[int, ...]] = set()
    if "appearance" in wanted:
        tiles = tiles_of(fitted, adata)
        sides.add(tiles.shape[1:3])
        found["appearance"] = encode_tiles(fitted, tiles)
    if "structure" in wanted:
        masks = masks_of(fitted, adata)
        sides.add(masks.shape[1:3])
        found["structure"] = encode_masks(fitted, masks)
    if len(sides) > 1:
        raise DataError(
            f"Expected masks of the size of the tiles; got {masks.shape[1:]} for {tiles.shape[1:3]}."
        )
    r = fitted.config.tokenizer.downsampling
    height, width = sides.pop()
    return _joined(found, adata.n_obs, (height // r, width // r))


def _joined(found: dict[str, NDArray[np.int32]], n_rows: int, grid: tuple[int, int]) -> Tokens:
    structure, appearance = (found.get(name, no_tokens(n_rows)) for name in BOTH)
    return Tokens(structure, appearance, grid)


def _window(fitted: Fitted, adata: AnnData, key: str) -> Any:
    """A slot of pixels without its padding, which must be the same for all rows."""
    if key not in adata.obsm:
        raise MissingKeyError(
            f"Expected obsm['{key}'], found {sorted(adata.obsm)}. Read images and masks with "
            "gv.io.read_image_masks(...), or generate them."
        )
    values = adata.obsm[key]
    if not (Obs.HEIGHT in adata.obs and Obs.WIDTH in adata.obs):
        return values
    extents = adata.obs[[Obs.HEIGHT, Obs.WIDTH]].drop_duplicates()
    if len(extents) > 1:
        raise DataError(
            f"Expected tiles of one size; obs has {len(extents)} different heights and widths. Cut tiles with "
            f"gv.pp.crops(adata, size_px={fitted.config.tokenizer.size_px}) first."
        )
    height, width = (int(side) for side in extents.iloc[0])
    return values[:, :height, :width]


def _check_sides(fitted: Fitted, sides: tuple[int, ...], key: str) -> None:
    r = fitted.config.tokenizer.downsampling
    if any(side % r or side == 0 for side in sides):
        raise DataError(
            f"Expected sides that are multiples of {r} pixels in obsm['{key}']; got {sides[0]} x {sides[1]}. Cut "
            f"tiles with gv.pp.crops(adata, size_px={fitted.config.tokenizer.size_px}) first."
        )


def _stored_grid(fitted: Fitted, adata: AnnData, found: dict[str, NDArray[np.int32]]) -> tuple[int, int]:
    """The grid on record, or else the training tile's, or a square.

    Raises
    ------
    DataError
        For tokens of another tokenizer, or without a grid that they can be on.
    """
    n_cells = next(iter(found.values())).shape[1]
    text = adata.uns.get(Uns.GENVIZ, {}).get(TOKENS)
    if text is not None:
        record = json.loads(text)
        if record["tokenizer"] != fitted.facts.get(TOKENIZER, ""):
            raise DataError(
                "Expected tokens of this model's tokenizer; the rows carry those of another. Encode their tiles "
                "with model.encode(...)."
            )
        return int(record["grid"][0]), int(record["grid"][1])
    grid = fitted.config.tokenizer.grid
    if n_cells == grid[0] * grid[1]:
        return grid
    side = int(np.sqrt(n_cells))
    if side * side != n_cells:
        raise DataError(f"Expected the tokens of a square tile; got {n_cells} a row. Encode the tiles again.")
    return side, side
