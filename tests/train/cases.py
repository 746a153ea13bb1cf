"""A network small enough to know what training does to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genviz.train.batches import KeyedBatches
from genviz.train.fitting import FitOptions, fit_network


class Line(nn.Module):
    """y = w x + b with noise of known size, and dropout, so that randomness matters."""

    def __init__(self, n_in: int = 3, dropout: float = 0.2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_in, 1))
        self.seen: list[tuple[str, int]] = []

    def log_prob(self, x_BF: Tensor, y_B: Tensor) -> Tensor:
        """Gaussian log-density up to a constant, (B,)."""
        self.seen.append(("train" if self.training else "val", len(x_BF)))
        return -((self.layers(x_BF)[:, 0] - y_B) ** 2)

    def loss(self, *batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error."""
        nll = -self.log_prob(*batch).mean()
        return nll, {"nll": nll.detach()}

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """One group."""
        return [{"params": list(self.parameters()), "lr": lr, "weight_decay": weight_decay}]


def line(seed: int = 0, **options: Any) -> Line:
    """The same start weights for a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Line(**options)


def rows(n: int = 48, seed: int = 0, slope: float = 1.0) -> tuple[Tensor, Tensor]:
    """Inputs, and targets that follow from the first of them."""
    generator = torch.Generator().manual_seed(seed)
    x_NF = torch.randn(n, 3, generator=generator)
    return x_NF, slope * 2 * x_NF[:, 0] + 1 + 0.1 * torch.randn(n, generator=generator)


def options(max_epochs: int = 6, folder: Path | None = None, **others: Any) -> FitOptions:
    """A short recipe."""
    recipe: dict[str, Any] = {"lr": 0.05, "weight_decay": 0.0, "final_lr_fraction": 0.1, "grad_clip": 1.0}
    return FitOptions(max_epochs=max_epochs, folder=folder, **recipe | others)


def fitted(
    max_epochs: int = 6, folder: Path | None = None, network: Line | None = None, **others: Any
) -> Line:
    """A network after `fit_network`."""
    network = network or line()
    validation = others.pop("validation", None)
    made = options(max_epochs, folder, **others)
    assert fit_network(network, KeyedBatches(rows(), 16, seed=made.seed), made, validation=validation)
    return network


def weights(network: nn.Module) -> list[float]:
    """All weights as numbers."""
    return [float(v) for parameter in network.parameters() for v in parameter.detach().flatten()]
