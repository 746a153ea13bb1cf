"""Sharpen the image decoder against a PatchGAN, its tokens left as they are."""

from __future__ import annotations

import torch

from genviz.core.keyed import row_key
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.pathar.tokenizer.sharpening import Sharpener
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.tile_batches import TileBatches, TileDraws
from genviz.train.observing import Shows
from genviz.train.sharpening import sharpen_epochs


def sharpen(
    network: DualTokenizer, draws: TileDraws, options: PairRunOptions, *, shows: Shows | None = None
) -> bool:
    """Fine-tune fusion and image decoder for ``config.gan_epochs`` epochs; False when interrupted.

    Parameters
    ----------
    network
        A trained tokenizer, changed in place.
    draws
        Training tiles; their options must permute as the main training did at its end.
    options
        Seed, device, precision; the part "sharpen" of its folder receives ``last.ckpt``.
    shows
        Makes pictures with the tokenizer, for who watches the training.

    Raises
    ------
    CheckpointError
        When that file is damaged.
    """
    config = network.config
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "discriminator", "start") % 2**63)
        sharpener = Sharpener(network.to(options.device), mixed="bf16" in options.precision)
        if not sharpen_epochs(
            sharpener,
            TileBatches(draws),
            options,
            n_epochs=config.gan_epochs,
            n_before=config.max_epochs,
            network=network,
            shows=shows,
        ):
            return False
    network.to("cpu")
    return True
