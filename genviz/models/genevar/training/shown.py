"""Pictures of a training for who watches it: reconstructions, and tiles of held-out profiles beside the true ones."""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genviz.core.keyed import row_key
from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.prior.rule import sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.models.genevar.tile_windows import TileWindows, centre_tiles
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.prior_task import PriorTask
from genviz.models.pixels import to_images, to_tensor
from genviz.train.observing import Pictures, Shows

N_SHOWN = 6
_RULE = "mini"


def reconstructions(windows: TileWindows, size_px: int) -> Shows:
    """Tiles beside what the tokenizer makes of them.

    Parameters
    ----------
    windows
        Where tiles come from; a few rows, evenly.
    size_px
        Side of a tile.
    """

    @cache
    def tiles() -> NDArray[np.uint8]:
        return centre_tiles(windows, _some(len(windows)), size_px)

    def show(network: nn.Module) -> Pictures:
        tokenizer = cast("Tokenizer", network)
        x_B3HW = to_tensor(tiles()).to(next(tokenizer.parameters()).device)
        y_B3HW = tokenizer.decode_tokens(tokenizer.encode(x_B3HW))
        return {"tile": tiles(), "reconstruction": to_images(y_B3HW)}

    return show


def generated(conditioner: Conditioner, tokenizer: Tokenizer, rows: TrainingData, seed: int) -> Shows:
    """True tiles beside tiles generated from the same rows' profiles, with the same noise each time.

    Parameters
    ----------
    conditioner, tokenizer
        Of the stages before.
    rows
        Where profiles and tiles come from; a few rows, evenly.
    seed
        Of the run: with a row's section and name it keys the noise, as in `GeneVAR.generate`.
    """
    chosen = _some(len(rows.windows))

    @cache
    def known() -> tuple[NDArray[np.uint8], torch.Tensor]:
        tiles = centre_tiles(rows.windows, chosen, tokenizer.config.size_px)
        return tiles, torch.from_numpy(conditioner.transform(rows.profiles.take(np.array(chosen))))

    def show(network: nn.Module) -> Pictures:
        task = cast("PriorTask", network)
        tiles, x_BI = known()
        names = ((rows.windows.libraries[row], rows.windows.names[row]) for row in chosen)
        sampled = sample(
            task.prior,
            task.quantiser,
            task.head(x_BI.to(task.prior.head.weight.device)),
            sample_rule(_RULE),
            [row_key(seed, section, name, "genevar 0") for section, name in names],
            inject=task.injector,
            batch_size=len(chosen),
        )
        decoder = next(iter(tokenizer.decoder_parameters()))  # stays where it is while the prior is trained
        return {"tile": tiles, "from its profile": to_images(tokenizer.paint(sampled.f_NEGG.to(decoder)))}

    return show


def _some(n: int) -> list[int]:
    return [int(row) for row in np.unique(np.linspace(0, n - 1, min(N_SHOWN, n)).astype(int))]
