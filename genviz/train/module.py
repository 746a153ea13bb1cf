"""The Lightning module around any network that has `loss` and `parameter_groups`."""

from __future__ import annotations

import math
from typing import Any, Protocol

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from genviz.train.optimiser import optimiser_of


class Trainable(Protocol):
    """What a network must offer to be trained here."""

    def loss(self, *batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise, and detached parts for the log."""
        ...

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW, or for Muon where ``muon`` is True."""
        ...


class NetworkModule(pl.LightningModule):
    """AdamW, and Muon where asked for, on one cosine down to `final_lr_fraction`; no host sync in a step.

    Parameters
    ----------
    network
        A module with the methods of `Trainable`.
    lr, weight_decay, final_lr_fraction
        See above.
    n_steps
        Length of the cosine.
    """

    def __init__(
        self, network: nn.Module, *, lr: float, weight_decay: float, final_lr_fraction: float, n_steps: int
    ) -> None:
        super().__init__()
        self.network = network
        self.lr = lr
        self.weight_decay = weight_decay
        self.final_lr_fraction = final_lr_fraction
        self.n_steps = n_steps

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        """Loss of one batch; its parts are logged as epoch means."""
        loss, parts = self.network.loss(*batch)  # type: ignore[operator]
        self.log_dict(
            {f"train_{name}": value for name, value in parts.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(batch[0]),
        )
        return loss

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        """Mean negative log-likelihood of the validation rows, nats a row."""
        nll = -self.network.log_prob(*batch).mean()  # type: ignore[operator]
        self.log("val_nll", nll, on_step=False, on_epoch=True, batch_size=len(batch[0]))

    def configure_optimizers(self) -> Any:
        """The network's own groups, stepped along the cosine."""
        groups = self.network.parameter_groups(self.lr, self.weight_decay)  # type: ignore[operator]
        optimiser = optimiser_of(groups)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._cosine)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _cosine(self, step: int) -> float:
        along = min(step / max(self.n_steps, 1), 1.0)
        return self.final_lr_fraction + (1 - self.final_lr_fraction) * 0.5 * (1 + math.cos(math.pi * along))
