"""What the stages of a training share: where, how precisely, from which seed, and the folder to resume from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch

from genviz.train.run_folder import claim


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
    """

    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "32-true"
    folder: Path | None = None
    resume: bool = False

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

    def claim(self, run: dict[str, Any]) -> None:
        """Insist that the folder is this run's: the recipe in `run`, seed and precision.

        Parameters
        ----------
        run
            JSON values that decide the result.

        Raises
        ------
        CheckpointError
            When resuming another run, or when a fresh one would delete foreign files.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        claim(self.folder, run | self.told(), parts="part_*", resume=self.resume)

    def told(self) -> dict[str, Any]:
        """What of these options decides the result."""
        return {"seed": self.seed, "precision": self.precision}
