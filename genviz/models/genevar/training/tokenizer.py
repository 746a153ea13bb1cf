"""Second stage: the tokenizer. Autoencoder, codes from k-means, the main part, then the decoder against a PatchGAN."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from genviz.core.keyed import row_key
from genviz.models.genevar.tile_windows import TileWindows, WindowBatches, centre_tiles
from genviz.models.genevar.tokenizer.check import TokenizerCheck
from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.tokenizer.network import AutoencoderStage, Tokenizer
from genviz.models.genevar.training.sharpen import sharpen
from genviz.models.genevar.training.shown import reconstructions
from genviz.models.pixels import to_tensor
from genviz.train.callbacks import EpochMeasures, EpochProgress
from genviz.train.fitting import fit_network
from genviz.train.observing import Shows
from genviz.train.run_options import RunOptions

_START_TILES = 256
_CHECKED_TILES = 64


def train_tokenizer(
    config: TokenizerConfig,
    windows: TileWindows,
    options: RunOptions,
    *,
    validation: TileWindows | None = None,
) -> Tokenizer | None:
    """Train on random tiles; None when interrupted.

    Parameters
    ----------
    config
        The recipe.
    windows
        Where tiles come from, with profile or without.
    options
        Seed, device, folder.
    validation
        Windows whose reconstruction and use of codes are logged each epoch; nothing is chosen by them.
    """
    config = options.bounded(config)
    options.claim({"tokenizer": config.to_dict(), "windows": windows.digest()})
    batches = WindowBatches(
        windows,
        config.size_px,
        batch_size=config.batch_size,
        per_epoch=config.tiles_per_epoch,
        seed=options.seed,
    )
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "tokenizer", "start") % 2**63)
        network = Tokenizer(config)
        start_B3HW = batches.draw("start", _START_TILES)
        network.start_patches(start_B3HW)
    if config.ae_epochs and not _fit(
        AutoencoderStage(network), config, batches, options, "autoencoder", config.ae_epochs
    ):
        return None
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "tokenizer", "codes") % 2**63)
        network.start_codes(start_B3HW)
    callbacks: list[Any] = [EpochProgress()]
    if validation is not None:
        rows = np.linspace(0, len(validation) - 1, min(_CHECKED_TILES, len(validation))).astype(int)
        tiles = centre_tiles(validation, rows.tolist(), config.size_px)
        callbacks.append(EpochMeasures(TokenizerCheck(to_tensor(tiles))))
    shows = reconstructions(windows if validation is None else validation, config.size_px)
    if not _fit(network, config, batches, options, "fit", config.max_epochs, callbacks, shows):
        return None
    if config.gan_epochs and not sharpen(network, batches, options, shows=shows):
        return None
    return network.requires_grad_(False).eval()


def _fit(
    network: nn.Module,
    config: TokenizerConfig,
    batches: WindowBatches,
    options: RunOptions,
    part: str,
    max_epochs: int,
    callbacks: Any = (),
    shows: Shows | None = None,
) -> bool:
    fit = options.fit(config, "tokenizer" if part == "fit" else part, part=part, max_epochs=max_epochs)
    return fit_network(network, batches, fit, callbacks=callbacks, shows=shows)
