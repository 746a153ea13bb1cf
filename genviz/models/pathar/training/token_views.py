"""Tokens of many random tiles, made once: what the prior is trained on.

Shape legend: V views, N cells.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from genviz._errors import DataError
from genviz._settings import settings
from genviz.core.keyed import row_generator
from genviz.io.weights.keyed_tensors import read_keyed, tensors_digest, write_keyed
from genviz.models.chunks import by_chunks
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.pathar.training.tile_batches import FOREGROUND, TileDraws
from genviz.models.pixels import mask_tensor, to_tensor

_CHUNK = 64


@dataclass(frozen=True)
class TokenViews:
    """Tokens of random tiles.

    Attributes
    ----------
    structure_VN, appearance_VN
        int32 tokens, raster order; structure is zero for a tokenizer of one stream.
    label_V
        Labels.
    organ_V
        Organs; None of images without.
    """

    structure_VN: Tensor
    appearance_VN: Tensor
    label_V: Tensor
    organ_V: Tensor | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """The columns, in the order in which the prior takes them."""
        return tuple(self.named().values())

    def named(self) -> dict[str, Tensor]:
        """The columns by name, without organs where there are none."""
        return {name: column for name, column in vars(self).items() if column is not None}


def tokenised_views(
    tokenizer: DualTokenizer, draws: TileDraws, n_views: int, device: torch.device, file: Path | None = None
) -> TokenViews:
    """Tokens of tiles drawn by (seed, chunk), empty ones left out; read from `file` if it was made by this tokenizer.

    Background goes on easily in raster order: of a model that saw one empty tile in forty, one pair in twelve is empty.

    Parameters
    ----------
    tokenizer
        Trained.
    draws
        Where tiles come from; colours are not jittered.
    n_views
        Tiles drawn; V is less by those of which under 1 % is nuclei.
    device
        Where to encode.
    file
        Cache (safetensors); written when it is missing, damaged, or of another tokenizer, other images or draws.

    Raises
    ------
    DataError
        When no tile holds nuclei.
    """
    key = _key(tokenizer, draws, n_views)
    stored = None if file is None else read_keyed(file, key)
    if stored is not None:
        return TokenViews(**stored)
    tokenizer.to(device).eval()
    parts: list[tuple[Tensor, ...]] = []
    chunks = range(0, n_views, _CHUNK)
    for start in tqdm(chunks, desc="tokens", disable=not settings.progress):
        rng = row_generator(draws.options.seed, "", str(start), "views")
        images, masks, places = draws.batch(rng, min(_CHUNK, n_views - start))
        kept = masks.mean((1, 2)) >= FOREGROUND
        if not kept.any():
            continue
        images, masks, places = images[kept], masks[kept], places[kept]
        a_BN = _encoded(lambda x: tokenizer.encode_appearance(to_tensor(x).to(device)), images)
        s_BN = (
            _encoded(lambda m: tokenizer.encode_structure(mask_tensor(m).to(device)), masks)
            if tokenizer.dual
            else torch.zeros_like(a_BN)
        )
        kinds = [
            column[places] for column in (draws.images.labels, draws.images.organs) if column is not None
        ]
        parts.append((s_BN, a_BN, *map(torch.from_numpy, kinds)))
    tokenizer.to("cpu")
    if not parts:
        raise DataError(
            f"Expected nuclei in at least 1 % of some tile; {n_views} tiles have none. Look at the masks."
        )
    views = TokenViews(*(torch.cat(column) for column in zip(*parts, strict=True)))
    if file is not None:
        write_keyed(file, key, views.named())
    return views


def _encoded(encode: Callable[[NDArray[Any]], Tensor], tiles: NDArray[Any]) -> Tensor:
    def work(part: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(encode(part).int().cpu().numpy())

    return torch.from_numpy(by_chunks(work, tiles, size=_CHUNK))


def _key(tokenizer: DualTokenizer, draws: TileDraws, n_views: int) -> str:
    """What decides the views, as one digest."""
    options = json.dumps(asdict(draws.options), sort_keys=True)
    told = f"nuclei {FOREGROUND} {tensors_digest(tokenizer.state_dict())} {draws.images.digest()} {options} {n_views} "
    return hashlib.sha256(told.encode() + draws.shares.tobytes()).hexdigest()
