"""What runs a recipe: an experiment of its kind, which knows the models and none of the tables.

An experiment is asked for shared parts first (a tokenizer that several variants stand on), then for each variant and
seed. Each answer is a job of its own that may run on another machine, so all that an experiment needs is in `Setting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from genviz._errors import UsageError
from genviz.io.weights.parts import config_digest
from genviz.metrics import Score
from genviz.recipes.cost import Cost
from genviz.recipes.recipe import Recipe, Row, Size

KINDS = {
    "genar.crossval": "genviz.recipes.genar.experiment:CrossValidation",
    "genevar.ablation": "genviz.recipes.genevar.ablation_experiment:Ablation",
    "genevar.composition": "genviz.recipes.genevar.composition_experiment:Composition",
    "genevar.fidelity": "genviz.recipes.genevar.fidelity_experiment:Fidelity",
    "genevar.slides": "genviz.recipes.genevar.slides_experiment:SlideUse",
    "genevar.tiles": "genviz.recipes.genevar.tiles_experiment:TileUse",
    "genevar.velocity": "genviz.recipes.genevar.velocity_experiment:Velocities",
    "pathar.generation": "genviz.recipes.pathar.generation:Generation",
    "pathar.segmentation": "genviz.recipes.pathar.segmentation:Segmentation",
    "pathar.speed": "genviz.recipes.pathar.speed:Speed",
    "pathar.tokens": "genviz.recipes.pathar.tokens:Tokens",
}
"""Kind → where its experiment stands; a recipe names the kind."""

_OF_COSTS = {"n_rows", "n_features"}  # options that only a dry run reads

Table = dict[str, dict[str, Score]]
"""Row of the table → its scores: one job may fill several rows, as the read-outs of one model do."""


@dataclass(frozen=True)
class Setting:
    """All that a job is told.

    Attributes
    ----------
    recipe, size
        What is run.
    models
        Folder of trained models, which recipes may share; see `genviz.recipes.model_store`.
    device
        Where to compute.
    """

    recipe: Recipe
    size: Size
    models: Path
    device: str = "auto"

    @property
    def data(self) -> Mapping[str, Any]:
        """What of which data set."""
        return self.size.data

    @property
    def options(self) -> Mapping[str, Any]:
        """Of all variants."""
        return self.size.options

    def digest(self, row: Row, seed: int) -> str:
        """Of everything in the recipe that decides the numbers of a job."""
        options = {name: value for name, value in self.options.items() if name not in _OF_COSTS}
        return config_digest(
            {
                "kind": self.recipe.kind, "data": dict(self.data), "options": options,
                "row": row.name, "variant": dict(row.options or {}), "seed": seed,
            }
        )  # fmt: skip


class Experiment(Protocol):
    """What a kind has to answer; it holds nothing, so that every question can be asked anywhere."""

    def check(self, setting: Setting, row: Row) -> None:
        """Refuse options that are not known and packages that are not here; asked of every row before any job."""

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """Names of parts that several of these rows need, made before them; may be empty."""

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """Make one of `shared` and leave it in ``setting.models``; what is there already is let be."""

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Train and score one variant with one seed."""

    def cost(self, setting: Setting, row: Row) -> Cost:
        """Count what one seed of one variant costs, its share of shared parts included, without any data."""


class NothingShared:
    """Half of an experiment whose jobs stand on nothing that others need too."""

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """No part."""
        return ()

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """There is none to make."""
        raise UsageError(f"Expected no shared part; got {part!r}.")


def experiment(kind: str) -> Experiment:
    """Give the experiment of a kind.

    Raises
    ------
    UsageError
        For an unknown kind.
    """
    if kind not in KINDS:
        raise UsageError(f"Expected a kind of experiment out of {', '.join(KINDS)}; got {kind!r}.")
    module, name = KINDS[kind].split(":")
    found: Experiment = getattr(import_module(module), name)()
    return found
