"""Train the tokenizer: codebooks from k-means, Lightning for the main part, then the decoder against a PatchGAN."""

from __future__ import annotations

import numpy as np
import torch

from genviz.core.keyed import row_generator, row_key
from genviz.models.pathar.tokenizer.check import TokenizerCheck
from genviz.models.pathar.tokenizer.config import TokenizerConfig
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.pathar.training.image_set import ImageSet
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.sharpen import sharpen
from genviz.models.pathar.training.shown import reconstructions
from genviz.models.pathar.training.tile_batches import TileBatches, TileDraws, TileOptions
from genviz.models.pixels import mask_tensor, to_tensor
from genviz.train.callbacks import EpochMeasures
from genviz.train.fitting import fit_network

_START_TILES = 64
_CHECKED_TILES = 64


def train_tokenizer(
    config: TokenizerConfig, images: ImageSet, options: PairRunOptions, *, validation: ImageSet | None = None
) -> DualTokenizer | None:
    """Train on random tiles of `images`; None when interrupted.

    Parameters
    ----------
    config
        The recipe.
    images
        Training images.
    options
        Seed, device, folder.
    validation
        Images whose reconstruction, usage and perplexity are logged each epoch; nothing is chosen by them.
    """
    config = options.bounded(config)
    options.claim({"tokenizer": config.to_dict(), "images": images.digest()})
    draws = TileDraws(images, _tile_options(config, options.seed), options.label_weights)
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "tokenizer", "start") % 2**63)
        network = DualTokenizer(config)
        pixels, masks, _ = draws.batch(row_generator(options.seed, "", "start", "tiles"), _START_TILES)
        network.start_codebooks(to_tensor(pixels), mask_tensor(masks))
    fit = options.fit(config, "tokenizer")
    checks = [] if validation is None else [EpochMeasures(tokenizer_check(validation, config.size_px))]
    shows = reconstructions(images if validation is None else validation, config.size_px)
    if not fit_network(network, TileBatches(draws), fit, callbacks=checks, shows=shows):
        return None
    if config.gan_epochs and not sharpen(network, draws, options, shows=shows):
        return None
    return network.eval()


def tokenizer_check(images: ImageSet, size_px: int) -> TokenizerCheck:
    """What is measured on 64 tiles of some images, always the same.

    Parameters
    ----------
    images
        Validation images.
    size_px
        Side of a tile.
    """
    draws = TileDraws(images, TileOptions(size_px, 1, 1, 0))
    pixels, masks, _ = draws.batch(np.random.default_rng(0), _CHECKED_TILES)
    return TokenizerCheck(to_tensor(pixels), mask_tensor(masks))


def _tile_options(config: TokenizerConfig, seed: int) -> TileOptions:
    return TileOptions(
        size_px=config.size_px,
        batch_size=config.batch_size,
        per_epoch=config.tiles_per_epoch,
        seed=seed,
        jitter=config.jitter,
        permute=config.appearance_permute if config.streams == "dual" else 0.0,
        permute_from=int(np.ceil(config.permute_from * config.max_epochs)),
        drop=config.structure_drop,
    )
