"""What the two token streams of PathAR's tokenizer carry, as an experiment of recipes: centroids, swaps, leaks.

One job fills all rows of a table: pairs of labels (``<a>-<b>``, modalities in alphabetical order) or the labels that
gave the appearance of a swap.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from genviz import pp
from genviz._errors import UsageError
from genviz.metrics import Score
from genviz.recipes.checks import FromOne
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import NothingShared, Setting, Table
from genviz.recipes.pathar.evaluation import Held, held_out
from genviz.recipes.pathar.image_rows import images_of, modality
from genviz.recipes.pathar.leak import leak_scores
from genviz.recipes.pathar.options import ModelOptions, options_of
from genviz.recipes.pathar.pathar_cost import model_cost
from genviz.recipes.pathar.swaps import CROPS, swap_scores
from genviz.recipes.pathar.trained import Models, refuse_seen, size_of
from genviz.recipes.recipe import Row

_STREAMS = ("structure", "appearance")
_WHAT = ("centroids", "swaps")
_SWAPS = {
    "swap_ownership_structure": "structure",
    "swap_ownership_appearance": "appearance",
    "swap_contrast": "contrast",
    "swap_pairs_used": "used",
}


@dataclass(frozen=True)
class TokenOptions(ModelOptions):
    """What is measured.

    Attributes
    ----------
    what
        ``centroids`` or ``swaps``.
    n_crops
        Crops of each label that are swapped.
    """

    what: str = "centroids"
    n_crops: FromOne = CROPS

    def __post_init__(self) -> None:
        if self.what not in _WHAT:
            raise UsageError(f"Expected what out of {', '.join(_WHAT)}; got {self.what!r}.")


class Tokens(NothingShared):
    """Train (or load) a tokenizer, encode held-out crops, and measure their tokens."""

    def check(self, setting: Setting, row: Row) -> None:
        """Read the row's options."""
        options_of(TokenOptions, setting, row)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """The row named ``<row>`` holds means over labels or pairs of them, ``<row>_<pair or label>`` each one."""
        options = options_of(TokenOptions, setting, row)
        size_px = size_of(options, seed)
        train, val = images_of(setting.data, size_px)
        (model,) = Models(setting.models, options, train, seed, setting.device).tokenizers()
        refuse_seen([model], train, val)
        held = held_out(model, pp.crops(val, size_px), seed)
        leaks = leak_scores(model, held.crops, held.labels, held.groups, held.filled, seed=seed)
        if options.what == "centroids":
            return _centroids(row.name, leaks, held)
        swapped = swap_scores(model, held.crops, held.labels, seed=seed, n=options.n_crops)
        return _swapped(row.name, swapped, held) | _leaks(row.name, swapped, leaks)

    def cost(self, setting: Setting, row: Row) -> Cost:
        """The tokenizer's training; encoding a few hundred crops is nothing beside it."""
        return model_cost(options_of(TokenOptions, setting, row), n=0, prior=False)


def _labels(held: Held) -> list[str]:
    return sorted(set(held.labels.tolist()))


def _centroids(name: str, found: dict[str, Score], held: Held) -> Table:
    """Distances of the mean codes of two labels in each stream, in standard deviations of the stream."""
    table: Table = {name: _of_streams(found, "mean") | _spreads(found)}
    for a, b in combinations(_labels(held), 2):
        scores = _of_streams(found, f"{a}_{b}")
        if scores:
            table["-".join(sorted((modality(a), modality(b))))] = scores
    return table


def _of_streams(found: dict[str, Score], end: str) -> dict[str, Score]:
    return {stream: found[key] for stream in _STREAMS if (key := f"centroid_{stream}_{end}") in found}


def _spreads(found: dict[str, Score]) -> dict[str, Score]:
    return {f"{stream}_sd": found[key] for stream in _STREAMS if (key := f"centroid_{stream}_sd") in found}


def _swapped(name: str, found: dict[str, Score], held: Held) -> Table:
    table: Table = {name: {ours: found[key] for key, ours in _SWAPS.items() if key in found}}
    for label in _labels(held):
        scores = {ours: found[at] for key, ours in _SWAPS.items() if (at := f"{key}_{label}") in found}
        if scores:
            table[f"{name}_{modality(label)}"] = scores
    return table


def _leaks(name: str, swapped: dict[str, Score], found: dict[str, Score]) -> Table:
    """The first row again, with how well each stream's codes tell where nuclei are."""
    scores = {ours: swapped[key] for key, ours in _SWAPS.items() if key in swapped}
    return {
        name: scores
        | {f"leak_{stream}": found[key] for stream in _STREAMS if (key := f"leak_r2_{stream}") in found}
    }
