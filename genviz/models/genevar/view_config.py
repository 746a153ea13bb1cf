"""How many views of the training rows the networks see."""

from __future__ import annotations

from dataclasses import dataclass

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
        self.check_from_zero("margin_px")
