"""Tiles to tokens and back, in chunks of one size, so that a row never depends on its batch.

Shape legend: R rows, B rows of a chunk, H x W pixels, N cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obsm
from genviz.core.instances import split_instances
from genviz.models.blocks import in_blocks, parts_of
from genviz.models.chunks import CHUNK, by_chunks
from genviz.models.pathar.fitted import Fitted
from genviz.models.pixels import mask_tensor, to_images, to_tensor

_ENCODED = 2 * CHUNK  # rows of a block: pixels travel, 5 MB of 224 px


@dataclass(frozen=True)
class Tokens:
    """Tokens of some rows.

    Attributes
    ----------
    structure_RN, appearance_RN
        int32, raster order; structure is empty (R, 0) for a model of one stream, appearance where only structure
        was drawn.
    grid
        Rows and columns of cells.
    """

    structure_RN: NDArray[np.int32]
    appearance_RN: NDArray[np.int32]
    grid: tuple[int, int]

    def __len__(self) -> int:
        return len(self.structure_RN)

    def rows(self, rows: NDArray[np.int64]) -> Tokens:
        """Rows picked and repeated."""
        return Tokens(self.structure_RN[rows], self.appearance_RN[rows], self.grid)


def no_tokens(n_rows: int) -> NDArray[np.int32]:
    """The tokens of a stream that is not there, (R, 0)."""
    return np.zeros((n_rows, 0), np.int32)


def encode_masks(fitted: Fitted, masks_RHW: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Structure tokens (R, N) of binary masks."""
    return _encoded(fitted, _masks_block, masks_RHW)


def encode_tiles(fitted: Fitted, tiles_RHW3: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Appearance tokens (R, N) of tiles."""
    return _encoded(fitted, _tiles_block, tiles_RHW3)


def _encoded(
    fitted: Fitted, work: Callable[[Fitted, NDArray[Any]], NDArray[np.int32]], pixels: NDArray[Any]
) -> NDArray[np.int32]:
    """Tokens (R, N) of pixels, block after block."""
    parts = parts_of(len(pixels), _ENCODED)
    jobs = ((pixels[part],) for part in parts)
    rows = [part.stop - part.start for part in parts]
    return np.concatenate(list(in_blocks(work, fitted, jobs, rows, "encoding")))


def _masks_block(fitted: Fitted, masks_BHW: NDArray[np.bool_]) -> NDArray[np.int32]:
    def work(masks_BHW: NDArray[np.bool_]) -> NDArray[Any]:
        tokens_BN = fitted.tokenizer.encode_structure(mask_tensor(masks_BHW).to(fitted.device))
        return np.asarray(tokens_BN.cpu().numpy(), np.int32)

    return by_chunks(work, masks_BHW)


def _tiles_block(fitted: Fitted, tiles_BHW3: NDArray[np.uint8]) -> NDArray[np.int32]:
    def work(tiles_BHW3: NDArray[np.uint8]) -> NDArray[Any]:
        tokens_BN = fitted.tokenizer.encode_appearance(to_tensor(tiles_BHW3).to(fitted.device))
        return np.asarray(tokens_BN.cpu().numpy(), np.int32)

    return by_chunks(work, tiles_BHW3)


def decode_images(
    fitted: Fitted, tokens: Tokens, labels: Sequence[str], *, at_once: int = CHUNK
) -> NDArray[np.uint8]:
    """Images uint8 (R, H, W, 3); of labels whose training images were all grey, grey (the mean of the channels).

    Without structure tokens the image decoder's null stands in for them, where it was learned. Rows go through the
    decoder `at_once`; a live view, in which one tile is waited for, passes 1.

    Raises
    ------
    MissingKeyError
        Without structure tokens when the decoder has always had them.
    """
    check_range(fitted, tokens)
    if (
        fitted.tokenizer.dual
        and not tokens.structure_RN.shape[1]
        and not fitted.config.tokenizer.structure_drop
    ):
        raise MissingKeyError(
            f"Expected obsm['{Obsm.STRUCTURE_TOKENS}']: this model never decoded appearance alone; found none. Encode "
            "tiles with their masks, or train with tokenizer={'structure_drop': 0.1}."
        )

    def work(a_BN: NDArray[np.int32], s_BN: NDArray[np.int32]) -> NDArray[Any]:
        structure = indices(fitted, s_BN) if s_BN.shape[1] and fitted.tokenizer.dual else None
        return to_images(fitted.tokenizer.decode_image(structure, indices(fitted, a_BN), tokens.grid))

    images: NDArray[np.uint8] = by_chunks(work, tokens.appearance_RN, tokens.structure_RN, size=at_once)
    grey = np.isin(np.asarray(labels), fitted.facts.get("grey_labels", []))
    images[grey] = images[grey].mean(axis=-1, keepdims=True).round().astype(np.uint8)
    return images


def decode_masks(fitted: Fitted, tokens: Tokens) -> NDArray[np.uint16]:
    """Instances uint16 (R, H, W) of the decoded masks: touching nuclei are parted at their necks."""
    return np.stack([split_instances(mask).astype(np.uint16) for mask in decode_foreground(fitted, tokens)])


def decode_foreground(fitted: Fitted, tokens: Tokens, *, at_once: int = CHUNK) -> NDArray[np.bool_]:
    """Decoded masks as they are, bool (R, H, W); `at_once` as in `decode_images`."""
    check_range(fitted, tokens)

    def work(s_BN: NDArray[np.int32]) -> NDArray[Any]:
        logits_B1HW = fitted.tokenizer.decode_mask(indices(fitted, s_BN), tokens.grid)
        return np.asarray((logits_B1HW > 0)[:, 0].cpu().numpy())

    return by_chunks(work, tokens.structure_RN, size=at_once)


def check_range(fitted: Fitted, tokens: Tokens) -> None:
    """Insist on tokens that the codebooks have.

    Raises
    ------
    DataError
        For tokens out of range or of another grid.
    """
    config = fitted.config.tokenizer
    for name, values, n_codes in (
        ("structure", tokens.structure_RN, config.structure_codes),
        ("appearance", tokens.appearance_RN, config.appearance_codes),
    ):
        if values.size and not (values.min() >= 0 and values.max() < n_codes):
            raise DataError(
                f"Expected {name} tokens from 0 to {n_codes - 1}; got {values.min()} to {values.max()}. They are of "
                "another model: encode the tiles with this one."
            )
        if values.shape[1] not in (0, tokens.grid[0] * tokens.grid[1]):
            raise DataError(
                f"Expected {tokens.grid[0]} x {tokens.grid[1]} {name} tokens a row; got {values.shape[1]}. Encode "
                "the tiles again."
            )


def indices(fitted: Fitted, tokens_BN: NDArray[np.int32]) -> Tensor:
    """Tokens as int64 on the model's device."""
    return torch.from_numpy(tokens_BN.astype(np.int64)).to(fitted.device)
