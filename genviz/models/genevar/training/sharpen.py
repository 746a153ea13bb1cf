"""Sharpen the decoder against a PatchGAN, epoch by epoch, resumable.

A plain loop: two optimisers that take turns on frozen tokens need nothing a trainer offers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tqdm.auto import tqdm

from genviz._errors import CheckpointError
from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.atomic import atomic_path
from genviz.models.genevar.tile_windows import WindowBatches
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.tokenizer.sharpening import Sharpener
from genviz.train.fitting import LAST
from genviz.train.run_options import RunOptions


def sharpen(tokenizer: Tokenizer, batches: WindowBatches, options: RunOptions) -> bool:
    """Tune the decoder for ``config.gan_epochs`` epochs, tokens left as they are; False when interrupted.

    Parameters
    ----------
    tokenizer
        Trained; changed in place.
    batches
        Training tiles. Epochs of the main training are not repeated: these come after them.
    options
        Seed, device, precision; the part "sharpen" of its folder receives ``last.ckpt``.

    Raises
    ------
    CheckpointError
        When that file is damaged.
    """
    config, folder = tokenizer.config, options.part("sharpen")
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "judge", "start") % 2**63)
        sharpener = Sharpener(tokenizer.to(options.device), mixed="bf16" in options.precision)
        first = _load(sharpener, folder) if options.resume else 0
        try:
            for epoch in tqdm(range(first, config.gan_epochs), desc="sharpen", disable=not settings.progress):
                torch.manual_seed(row_key(options.seed, "", str(epoch), "sharpen") % 2**63)
                batches.set_epoch(config.ae_epochs + config.max_epochs + epoch)
                sharpener.slow_down(epoch / config.gan_epochs)
                for (x_B3HW,) in batches:
                    sharpener.step(x_B3HW.to(options.device))
                _save(sharpener, folder, epoch + 1)
        except KeyboardInterrupt:
            return False
    sharpener.finish().to("cpu")
    return True


def _save(sharpener: Sharpener, folder: Path | None, epoch: int) -> None:
    """Write everything, at once or not at all."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / LAST) as working:
        state = {name: part.state_dict() for name, part in sharpener.parts().items()}
        torch.save(state | {"epoch": epoch}, working)


def _load(sharpener: Sharpener, folder: Path | None) -> int:
    """Read what is there; gives the epoch to go on with."""
    if folder is None or not (folder / LAST).exists():
        return 0
    try:
        stored = torch.load(folder / LAST, map_location="cpu", weights_only=True)
        for name, part in sharpener.parts().items():
            part.load_state_dict(stored[name])
        return int(stored["epoch"])
    except Exception as err:  # a damaged zip raises whatever it met first
        raise CheckpointError(
            f"Expected the state of an unfinished training in {folder / LAST}; it is damaged or of another kind. "
            "Train without resume into a new folder."
        ) from err
