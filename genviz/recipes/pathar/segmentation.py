"""What PathAR's pairs are worth as training data, as an experiment of recipes: one segmentation net a label and row.

Each row names a training set: real images, synthetic pairs, or both. Pairs are generated once a seed; a larger number
only adds pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from anndata import AnnData

from genviz import metrics
from genviz._errors import UsageError
from genviz.metrics import Score
from genviz.metrics.image_set import ImageSet
from genviz.metrics.judges.segmenter import unet
from genviz.metrics.protocols.segmentation_table import group_pairs
from genviz.recipes.checks import FromOne, FromZero, Within
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.pathar.generated import named
from genviz.recipes.pathar.image_rows import both_sides, images_of
from genviz.recipes.pathar.kept_pairs import kept_pairs
from genviz.recipes.pathar.options import ModelOptions, options_of
from genviz.recipes.pathar.pathar_cost import model_cost, net_cost
from genviz.recipes.pathar.trained import Models, refuse_seen, size_of
from genviz.recipes.recipe import Row
from genviz.recipes.seen_by import gate, seen_by_rows

PAIRS = "pairs"
ALL = -1


@dataclass(frozen=True)
class SegmentationOptions(ModelOptions):
    """What a net is trained on.

    Attributes
    ----------
    n_real
        Real images of each label, with all their crops; -1 takes all, and no synthetic pairs.
    n_synthetic
        Synthetic pairs of each label; empty ones are left in, as a user would not know.
    at_most
        Upper limit of both numbers, for a check that all runs; 0 is none.
    steps, width
        Of `metrics.train_segmenter`, the same for every row.
    """

    n_real: Annotated[int, Within(ALL, whole=True)] = 0
    n_synthetic: FromZero = 0
    at_most: FromZero = 0
    steps: FromOne = 250
    width: FromOne = 16


class Segmentation:
    """Train a net on each training set, and judge it on held-out real pairs."""

    def check(self, setting: Setting, row: Row) -> None:
        """Read the row's options, and have the net ready."""
        unet(_options(setting, row).width, seed=0)

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """The generated pairs, where a row has any."""
        chosen = [options_of(SegmentationOptions, setting, row) for row in rows]
        return (PAIRS,) if any(one.n_synthetic for one in chosen) else ()

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """Train the generator, and generate as many pairs as any row of the recipe wants."""
        row = next(row for row in setting.recipe.measured(setting.size) if _options(setting, row).n_synthetic)
        options = _options(setting, row)
        size_px = size_of(options, seed)
        train, val = images_of(setting.data, size_px)
        both_sides(train, val, size_px, options.labels)
        self._pairs(setting, options, train, seed)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Dice of one net a label on held-out crops with nuclei; beside it none, the rows are each other's baseline."""
        options = _options(setting, row)
        size_px = size_of(options, seed)
        train, val = images_of(setting.data, size_px)
        real, held = both_sides(train, val, size_px, options.labels)
        gate(AnnData(obs=val.obs), seen_by_rows(train))  # the net's own training images, or those among them
        made = None
        if options.n_synthetic:
            refuse_seen(self._models(setting, options, train, seed).trained().values(), train, val)
            made = self._pairs(setting, options, train, seed)
        found: dict[str, Score] = {}
        for label in held.label_names:
            pairs = _training_set(
                options, real.of_label(label), None if made is None else made.of_label(label), label, seed
            )
            found[label] = metrics.downstream(
                {row.name: pairs}, held.of_label(label), seeds=(seed,), steps=options.steps,
                width=options.width, device=setting.device,
            )[row.name]["dice"]  # fmt: skip
        return {row.name: named("dice", found)}

    def cost(self, setting: Setting, row: Row) -> Cost:
        """A net a label, and the row's share of the generator."""
        options = _options(setting, row)
        n_labels = len(options.labels) or options.n_labels
        nets = net_cost(
            n_labels, steps=options.steps, width=options.width, size_px=options.config().tokenizer.size_px
        )
        if not options.n_synthetic:
            return nets
        rows = [one for one in setting.recipe.measured(setting.size) if _options(setting, one).n_synthetic]
        one = model_cost(options, n=_most(setting) * n_labels)
        return nets + Cost(
            one.steps // len(rows), one.flops / len(rows), one.parameters, one.disk // len(rows)
        )

    def _models(self, setting: Setting, options: SegmentationOptions, train: AnnData, seed: int) -> Models:
        return Models(setting.models, options, train, seed, setting.device)

    def _pairs(self, setting: Setting, options: SegmentationOptions, train: AnnData, seed: int) -> ImageSet:
        models = self._models(setting, options, train, seed)
        return kept_pairs(setting.models, models, _most(setting), options.labels)


def _options(setting: Setting, row: Row) -> SegmentationOptions:
    options = options_of(SegmentationOptions, setting, row)
    if not (options.n_real or options.n_synthetic):
        raise UsageError(
            f"Expected n_real (-1 for all) or n_synthetic in the row {row.name}; got {options.n_real} and "
            f"{options.n_synthetic}."
        )
    if options.at_most:
        n_real, n_synthetic = (min(n, options.at_most) for n in (options.n_real, options.n_synthetic))
        return replace(options, n_real=n_real, n_synthetic=n_synthetic)
    return options


def _most(setting: Setting) -> int:
    """Pairs of each label that some row wants."""
    return max(_options(setting, row).n_synthetic for row in setting.recipe.measured(setting.size))


def _training_set(
    options: SegmentationOptions, real: ImageSet, made: ImageSet | None, label: str, seed: int
) -> ImageSet:
    """The pairs of one label that a row names; half of every batch is real where there are both."""
    if options.n_real == ALL:
        return real
    return group_pairs(real, real if made is None else made, options.n_real, options.n_synthetic, label, seed)
