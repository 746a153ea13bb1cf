"""Tokens of many views, made once: what the flow and the prior are trained on.

Shape legend: N rows, V views of each, M = V N in the order of views, L tokens, R draws of D degraded variants, I width
of the conditioner's output.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.weights.keyed_tensors import read_keyed, tensors_digest, write_keyed
from genviz.models.chunks import by_chunks
from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.flow.config import CounterfactualConfig
from genviz.models.genevar.flow.counterfactuals import degrade
from genviz.models.genevar.tile_windows import TileWindows, centre_tiles, view_tiles
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.pixels import to_tensor
from genviz.nn.keyed_noise import noise_keys

_CHUNK = 64
_AT_ONCE = 512


def encoded(tokenizer: Tokenizer, images_BHW3: NDArray[np.uint8]) -> Tensor:
    """Tokens of tiles, int16 (B, L).

    Parameters
    ----------
    tokenizer
        Trained, on the device to compute on.
    images_BHW3
        Tiles.
    """
    device = tokenizer.quantiser.codes_VD.device

    def work(part: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(tokenizer.encode(to_tensor(part).to(device)).short().cpu().numpy())

    return torch.from_numpy(by_chunks(work, images_BHW3, size=_CHUNK))


def token_views(
    tokenizer: Tokenizer,
    windows: TileWindows,
    n_views: int,
    *,
    seed: int,
    device: torch.device,
    file: Path | None = None,
    against: CounterfactualConfig | None = None,
) -> dict[str, Tensor]:
    """Tokens of views of all rows; read from `file` if they were made of the same things.

    Parameters
    ----------
    tokenizer
        Trained.
    windows
        Where tiles come from.
    n_views
        V.
    seed
        Of the run.
    device
        Where to encode.
    file
        Cache (safetensors); None: none.
    against
        Counterfactuals whose degraded variants are tokenised, too.

    Returns
    -------
    ``tokens`` int16 (M, L); with degraded variants ``degraded`` int16 (M, R, D, L).
    """
    key = _key(tokenizer, windows, n_views, seed, against)
    stored = None if file is None else read_keyed(file, key)
    if stored is not None:
        return stored
    size = tokenizer.config.size_px
    tokenizer.to(device).eval()
    tokens: list[Tensor] = []
    degraded: list[Tensor] = []
    parts = [
        (view, range(start, min(start + _AT_ONCE, len(windows))))
        for view in range(n_views)
        for start in range(0, len(windows), _AT_ONCE)
    ]
    for view, rows in tqdm(parts, desc="tokens", disable=not settings.progress):
        tiles_BHW3 = view_tiles(windows, rows, view, size, seed)
        tokens.append(encoded(tokenizer, tiles_BHW3))
        if against is not None and against.degraded:
            degraded.append(_degraded(tokenizer, windows, rows, view, tiles_BHW3, against, seed))
    tokenizer.to("cpu")
    found = {"tokens": torch.cat(tokens)} | ({"degraded": torch.cat(degraded)} if degraded else {})
    if file is not None:
        write_keyed(file, key, found)
    return found


def code_views(conditioner: Conditioner, profiles: Profiles, n_views: int, seed: int) -> Tensor:
    """Inputs of the condition of views, float32 (M, I).

    Parameters
    ----------
    conditioner
        Fitted.
    profiles
        Rows.
    n_views
        V.
    seed
        Of the run.
    """
    views = [conditioner.view(profiles, seed=seed, view=view) for view in range(n_views)]
    return torch.from_numpy(np.concatenate(views))


def whole_views(
    conditioner: Conditioner,
    tokenizer: Tokenizer,
    windows: TileWindows,
    profiles: Profiles,
    n_most: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Tokens (N, L) of the middle of windows and codes (N, I) of whole profiles: what a model is checked on.

    Parameters
    ----------
    conditioner, tokenizer
        Of the stages before.
    windows, profiles
        The same rows.
    n_most
        Largest number of rows, taken evenly; None: all.
    """
    n = len(windows) if n_most is None else min(n_most, len(windows))
    rows = np.linspace(0, len(windows) - 1, n).astype(int)
    tiles_NHW3 = centre_tiles(windows, rows.tolist(), tokenizer.config.size_px)
    return encoded(tokenizer, tiles_NHW3), torch.from_numpy(conditioner.transform(profiles.take(rows)))


def _degraded(
    tokenizer: Tokenizer,
    windows: TileWindows,
    rows: Sequence[int],
    view: int,
    tiles_BHW3: NDArray[np.uint8],
    against: CounterfactualConfig,
    seed: int,
) -> Tensor:
    """Tokens of the degraded versions of tiles, (B, R, D, L)."""
    key_B = noise_keys([
        row_key(seed, windows.libraries[row], windows.names[row], f"degrade {view}") for row in rows
    ])  # fmt: skip
    device = tokenizer.quantiser.codes_VD.device
    draws = []
    for draw in range(against.n_draws):
        for variant in against.degraded:
            found = []
            for start in range(0, len(tiles_BHW3), _CHUNK):
                part = slice(start, start + _CHUNK)
                x_B3HW = (to_tensor(tiles_BHW3[part]) + 1) / 2
                y_B3HW = degrade(x_B3HW, variant, against, key_B[part], draw)
                found.append(tokenizer.encode((2 * y_B3HW - 1).to(device)).short().cpu())
            draws.append(torch.cat(found))
    return torch.stack(draws, dim=1).unflatten(1, (against.n_draws, len(against.degraded)))


def _key(
    tokenizer: Tokenizer, windows: TileWindows, n_views: int, seed: int, against: CounterfactualConfig | None
) -> str:
    """What decides the views, as one digest."""
    told = None if against is None else against.to_dict()
    parts = [tensors_digest(tokenizer.state_dict()), windows.digest(), n_views, seed, told]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
