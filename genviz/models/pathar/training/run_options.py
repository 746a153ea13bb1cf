"""Options of a PathAR training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genviz.train.run_options import RunOptions


@dataclass(frozen=True)
class PairRunOptions(RunOptions):
    """`RunOptions`, and how often each label is drawn.

    Attributes
    ----------
    label_weights
        Label → share of the tiles drawn; None follows the fourth root of the numbers of images.
    """

    label_weights: Mapping[str, float] | None = None

    def told(self) -> dict[str, Any]:
        """What of these options decides the result."""
        return super().told() | {"label_weights": dict(self.label_weights or {})}
