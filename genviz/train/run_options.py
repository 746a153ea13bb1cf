"""What the stages of a training share: where, how precisely, from which seed, and the folder to resume from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import torch

from genviz.train.fitting import FitOptions
from genviz.train.run_folder import claim

Recipe = TypeVar("Recipe")

BOUNDS = "max_epochs"
"""The fact that keeps upper bounds on epochs, by the stages that were trained under one."""
_EPOCHS = ("ae_epochs", "max_epochs", "gan_epochs")


@dataclass(frozen=True)
class RunOptions:
    """Options of a run.

    Attributes
    ----------
    seed
        Of start weights, tiles, order and dropout.
    device, precision
        Where and how to compute.
    folder
        Folder of this stage; None keeps nothing.
    resume
        Go on from its checkpoints.
    max_epochs
        Upper bound on the epochs of every part of every stage; None leaves them to the recipes.
    """

    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "32-true"
    folder: Path | None = None
    resume: bool = False
    max_epochs: int | None = None

    def bounded(self, recipe: Recipe) -> Recipe:
        """The recipe with no more epochs than `max_epochs`, for claim, schedules and fit alike.

        Parameters
        ----------
        recipe
            Configuration, a dataclass; its ``max_epochs``, and ``ae_epochs`` and ``gan_epochs`` where it has them.
        """
        if self.max_epochs is None:
            return recipe
        there = {name: getattr(recipe, name) for name in _EPOCHS if hasattr(recipe, name)}
        return replace(recipe, **{name: min(n, self.max_epochs) for name, n in there.items()})  # type: ignore[type-var]

    def bounds(self, facts: Mapping[str, Any], stage: str) -> dict[str, Any]:
        """`BOUNDS` of a model as a fact, after this stage is trained.

        Parameters
        ----------
        facts
            Of the model before.
        stage
            Name of the stage.
        """
        kept = {name: n for name, n in facts.get(BOUNDS, {}).items() if name != stage}
        return {BOUNDS: kept if self.max_epochs is None else kept | {stage: self.max_epochs}}

    def inside(self, stage: str) -> Self:
        """The same for one stage, in a folder of its own.

        Parameters
        ----------
        stage
            Name of the folder inside.
        """
        return self if self.folder is None else replace(self, folder=self.folder / stage)

    def part(self, name: str) -> Path | None:
        """Folder of a part of the stage ("fit", "sharpen").

        Parameters
        ----------
        name
            Of the part.
        """
        return None if self.folder is None else self.folder / f"part_{name}"

    def fit(
        self, recipe: Any, description: str, *, part: str = "fit", max_epochs: int | None = None
    ) -> FitOptions:
        """Options of fitting one network, in a part of the stage.

        Parameters
        ----------
        recipe
            Configuration with ``max_epochs``, ``lr``, ``weight_decay``, ``final_lr_fraction`` and ``grad_clip``.
        description
            Label of the progress bar.
        part
            Of the stage.
        max_epochs
            In place of the recipe's.
        """
        return FitOptions(
            max_epochs=recipe.max_epochs if max_epochs is None else max_epochs,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            final_lr_fraction=recipe.final_lr_fraction,
            grad_clip=recipe.grad_clip,
            seed=self.seed,
            device=self.device,
            precision=self.precision,
            folder=self.part(part),
            resume=self.resume,
            description=description,
        )

    def claim(self, run: dict[str, Any]) -> None:
        """Insist that the folder is this run's: the recipe in `run`, seed and precision.

        Parameters
        ----------
        run
            JSON values that decide the result.

        Raises
        ------
        UsageError
            When resuming a run with other options or rows.
        CheckpointError
            When a fresh run would delete foreign files.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        claim(self.folder, run | self.told(), parts="part_*", resume=self.resume)

    def told(self) -> dict[str, Any]:
        """What of these options decides the result."""
        return {"seed": self.seed, "precision": self.precision}
