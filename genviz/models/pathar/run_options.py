"""What the two stages of a training share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from genviz.train.run_folder import claim


@dataclass(frozen=True)
class RunOptions:
    """What the stages of a training share.

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
    label_weights
        Label → share of the tiles drawn; None follows the fourth root of the numbers of images.
    """

    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "32-true"
    folder: Path | None = None
    resume: bool = False
    label_weights: Mapping[str, float] | None = None

    def part(self, name: str) -> Path | None:
        """Folder of a part of the stage ("fit", "sharpen")."""
        return None if self.folder is None else self.folder / f"part_{name}"

    def claim(self, run: dict[str, Any]) -> None:
        """Insist that the folder is this run's: the recipe in `run`, seed, precision and weights of the labels.

        Raises
        ------
        CheckpointError
            When resuming another run, or when a fresh one would delete foreign files.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {
            "seed": self.seed,
            "precision": self.precision,
            "label_weights": dict(self.label_weights or {}),
        }
        claim(self.folder, run | own, parts="part_*", resume=self.resume)
