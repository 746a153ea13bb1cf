"""How many views of the training rows the networks see."""

from __future__ import annotations

from dataclasses import dataclass

from genviz._errors import UsageError
from genviz.models.config_base import Config


@dataclass(frozen=True)
class ViewConfig(Config):
    """Views: a random crop of a row's window, turned, with a thinned profile; their tokens are made once.

    Parameters
    ----------
    margin_px
        Pixels by which the window around a tile is larger on each side; 0 crops nothing.
    flow
        Views of each paired row that the flow is trained on; each has degraded versions, so they cost more.
    paired, unpaired
        Views of each paired row and of each row without a profile that the prior is trained on.
    per_epoch
        Views an epoch of the flow and of the prior.

    Raises
    ------
    UsageError
        For a number outside its range.
    """

    margin_px: int = 8
    flow: int = 8
    paired: int = 32
    unpaired: int = 8
    per_epoch: int = 2048

    def __post_init__(self) -> None:
        self.check_positive("flow", "paired", "unpaired", "per_epoch")
        if self.margin_px < 0:
            raise UsageError(f"Expected margin_px from 0; got {self.margin_px}.")
