"""Seconds an image and parameters of PathAR and its parts, as an experiment of recipes; random weights, no training."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from genviz._errors import UsageError
from genviz.metrics import Score
from genviz.models.pathar.prior.schedules import SAMPLERS
from genviz.nn.image_coder import count_parameters
from genviz.recipes.checks import FromOne
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import NothingShared, Setting, Table
from genviz.recipes.pathar.bench import decoding, drawing, fastest, networks
from genviz.recipes.pathar.options import ModelOptions, options_of
from genviz.recipes.pathar.pathar_cost import forward_of
from genviz.recipes.recipe import Row
from genviz.train.device import resolve_device

_RECORD = 2_000  # bytes


@dataclass(frozen=True)
class SpeedOptions(ModelOptions):
    """What is timed.

    Attributes
    ----------
    sampler
        Out of `SAMPLERS`.
    batch
        Images at once.
    repeats
        Runs, of which the fastest counts; a first one that is not counted comes before them.
    """

    sampler: str = "paired"
    batch: FromOne = 1
    repeats: FromOne = 2

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise UsageError(f"Expected a sampler out of {', '.join(SAMPLERS)}; got {self.sampler!r}.")


class Speed(NothingShared):
    """Draw tokens with guidance and decode them."""

    def check(self, setting: Setting, row: Row) -> None:
        """Read the row's options."""
        options_of(SpeedOptions, setting, row)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """``seconds`` an image and ``tokens``, ``decoding`` of them; ``parameters`` and ``used``, millions."""
        options = options_of(SpeedOptions, setting, row)
        place = resolve_device(setting.device)
        tokenizer, prior = networks(options.config(), place, seed=seed)
        tokens = fastest(drawing(prior, options.sampler, options.batch), place, options.repeats)
        decoded = fastest(decoding(tokenizer, options.batch, place), place, options.repeats)
        note = f"{options.batch} at once, {torch.get_num_threads()} threads, {place.type}"
        wall = tokens.wall + decoded.wall
        encoders = sum(
            count_parameters(part) for name, part in tokenizer.named_children() if "encoder" in name
        )
        total = count_parameters(tokenizer) + count_parameters(prior)
        return {
            row.name: {
                "seconds": Score(wall / options.batch, n=options.batch, note=note),
                "tokens": Score(tokens.wall / options.batch, n=options.batch, note=note),
                "decoding": Score(decoded.wall / options.batch, n=options.batch, note=note),
                "cpu_seconds": Score((tokens.cpu + decoded.cpu) / options.batch, n=options.batch, note=note),
                "parameters": Score(total / 1e6, n=1),
                "used": Score((total - encoders) / 1e6, n=1, note="without encoders"),
            }
        }

    def cost(self, setting: Setting, row: Row) -> Cost:
        """All repeats of drawing and decoding."""
        options = options_of(SpeedOptions, setting, row)
        one = forward_of(options.config())
        runs = (options.repeats + 1) * options.batch
        return Cost(0, runs * (2 * one.prior + one.decode), one.n_tokenizer + one.n_prior, _RECORD)
