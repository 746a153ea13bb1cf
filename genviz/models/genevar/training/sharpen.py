"""Sharpen the decoder against a PatchGAN, its tokens left as they are."""

from __future__ import annotations

import torch

from genviz.core.keyed import row_key
from genviz.models.genevar.tile_windows import WindowBatches
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.tokenizer.sharpening import Sharpener
from genviz.train.observing import Shows
from genviz.train.run_options import RunOptions
from genviz.train.sharpening import sharpen_epochs


def sharpen(
    tokenizer: Tokenizer, batches: WindowBatches, options: RunOptions, *, shows: Shows | None = None
) -> bool:
    """Tune the decoder for ``config.gan_epochs`` epochs, tokens left as they are; False when interrupted.

    Parameters
    ----------
    tokenizer
        Trained; changed in place.
    batches
        Training tiles.
    options
        Seed, device, precision; the part "sharpen" of its folder receives ``last.ckpt``.
    shows
        Makes pictures with the tokenizer, for who watches the training.

    Raises
    ------
    CheckpointError
        When that file is damaged.
    """
    config = tokenizer.config
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "judge", "start") % 2**63)
        sharpener = Sharpener(tokenizer.to(options.device), mixed="bf16" in options.precision)
        if not sharpen_epochs(
            sharpener,
            batches,
            options,
            n_epochs=config.gan_epochs,
            n_before=config.ae_epochs + config.max_epochs,
            network=tokenizer,
            shows=shows,
        ):
            return False
    sharpener.finish().to("cpu")
    return True
