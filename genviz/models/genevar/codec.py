"""Tiles to tokens and back, any number of them in bounded memory.

Shape legend: N rows, B rows of a chunk, H x W pixels, L tokens of all scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz._keys import Obsm
from genviz.core.arguments import check_adata
from genviz.io.tile_access import tiles
from genviz.models.blocks import in_blocks, parts_of, rows_a_block
from genviz.models.chunks import CHUNK, by_chunks
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.tile_resolution import check_tile_resolution
from genviz.models.pixels import to_images, to_tensor

if TYPE_CHECKING:
    import dask.array as da
    from anndata import AnnData

MPP = "mpp"  # the fact that says the tiles' micrometres per pixel
_ENCODED = 2 * CHUNK  # tiles of a block: pixels travel, 5 MB of 224 px


def own_tiles(fitted: Fitted, adata: AnnData) -> da.Array:
    """The rows' own tiles as the model takes them, lazy uint8 (N, H, W, 3).

    The middles of ``obsm["tiles"]``, or tiles of the model's size and resolution cut from the slides.

    Parameters
    ----------
    fitted
        Model with a tokenizer.
    adata
        Rows.

    Raises
    ------
    DataError
        For no rows, or tiles that are smaller or of another resolution than the model's.
    MissingKeyError
        Without tiles and places.
    """
    size, mpp = fitted.trained_tokenizer().config.size_px, fitted.facts.get(MPP)
    if adata.n_obs == 0:
        raise DataError("Expected at least one row, got an empty AnnData.")
    if Obsm.TILES not in adata.obsm:
        return tiles(adata, size_px=size, mpp=mpp)
    check_tile_resolution(adata, mpp)
    lazy = tiles(adata)
    height, width = lazy.shape[1:3]
    if height != width or height < size:
        raise DataError(
            f"Expected square tiles of at least {size} pixels a side, as the model was trained on, in "
            f"obsm['{Obsm.TILES}']; got {height} x {width}. Cut larger ones."
        )
    start = (height - size) // 2
    return lazy[:, start : start + size, start : start + size]


def tile_tokens(fitted: Fitted, adata: AnnData) -> NDArray[np.int32]:
    """Tokens (N, L) of the rows' own tiles, read block by block; see `own_tiles`.

    Parameters
    ----------
    fitted
        Model with a tokenizer.
    adata
        Rows.
    """
    check_adata(adata)
    fitted.trained_tokenizer()
    lazy = own_tiles(fitted, adata)
    parts = [parts_of(n, _ENCODED) for n in lazy.chunks[0]]

    def jobs() -> Iterator[tuple[NDArray[np.uint8]]]:
        for i, own in enumerate(parts):
            block = np.asarray(lazy.blocks[i].compute())  # read once, however many parts it has
            yield from ((block[part],) for part in own)

    rows = [part.stop - part.start for own in parts for part in own]
    return np.concatenate(list(in_blocks(_tokens, fitted, jobs(), rows, "encoding")))


def _tokens(fitted: Fitted, images_BHW3: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Tokens of one block."""
    tokenizer = fitted.trained_tokenizer()

    def work(images_BHW3: NDArray[np.uint8]) -> NDArray[Any]:
        x_B3HW = to_tensor(images_BHW3).to(fitted.device)
        return np.asarray(tokenizer.encode(x_B3HW).to(torch.int32).cpu().numpy())

    return by_chunks(work, images_BHW3)


def decoded(fitted: Fitted, s_NL: NDArray[np.int32], upto: int | None = None) -> NDArray[np.uint8]:
    """Tiles uint8 (N, H, W, 3) of tokens.

    Parameters
    ----------
    fitted
        Model with a tokenizer.
    s_NL
        Tokens, scale by scale.
    upto
        Scales to decode, from the coarsest; all by default.
    """
    tokenizer = fitted.trained_tokenizer()
    images_NHW3 = np.empty((len(s_NL), tokenizer.config.size_px, tokenizer.config.size_px, 3), np.uint8)
    parts = parts_of(len(s_NL), rows_a_block(fitted.device, CHUNK))
    jobs = ((s_NL[part], upto) for part in parts)
    rows = [part.stop - part.start for part in parts]
    for part, images_BHW3 in zip(
        parts, in_blocks(decoded_block, fitted, jobs, rows, "decoding"), strict=True
    ):
        images_NHW3[part] = images_BHW3
    return images_NHW3


def decoded_block(fitted: Fitted, s_BL: NDArray[np.int32], upto: int | None = None) -> NDArray[np.uint8]:
    """The same of one block, where it is called.

    Parameters
    ----------
    fitted, s_BL, upto
        As `decoded`.
    """
    tokenizer = fitted.trained_tokenizer()

    def work(s_BL: NDArray[np.int32]) -> NDArray[Any]:
        found: NDArray[Any] = to_images(
            tokenizer.decode_tokens(torch.from_numpy(s_BL.astype(np.int64)).to(fitted.device), upto)
        )
        return found

    images: NDArray[np.uint8] = by_chunks(work, s_BL)
    return images
