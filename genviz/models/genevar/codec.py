"""Tiles to tokens and back, any number of them in bounded memory.

Shape legend: N rows, B rows of a chunk, H x W pixels, L tokens of all scales.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz._keys import Obsm
from genviz.io.tile_access import tiles
from genviz.models.chunks import by_chunks
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.tile_resolution import check_tile_resolution
from genviz.models.pixels import to_images, to_tensor

if TYPE_CHECKING:
    import dask.array as da
    from anndata import AnnData

MPP = "mpp"  # the fact that says the tiles' micrometres per pixel


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
    tokenizer, lazy = fitted.trained_tokenizer(), own_tiles(fitted, adata)

    def work(images_BHW3: NDArray[np.uint8]) -> NDArray[Any]:
        x_B3HW = to_tensor(images_BHW3).to(fitted.device)
        return np.asarray(tokenizer.encode(x_B3HW).to(torch.int32).cpu().numpy())

    blocks = (np.asarray(lazy.blocks[i].compute()) for i in range(lazy.numblocks[0]))
    return np.concatenate([by_chunks(work, block) for block in blocks])


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

    def work(s_BL: NDArray[np.int32]) -> NDArray[Any]:
        found: NDArray[Any] = to_images(
            tokenizer.decode_tokens(torch.from_numpy(s_BL.astype(np.int64)).to(fitted.device), upto)
        )
        return found

    images: NDArray[np.uint8] = by_chunks(work, s_NL)
    return images
