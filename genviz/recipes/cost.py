"""What a run will cost, told before it starts: steps, floating-point operations, hours on a device, disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from genviz._errors import UsageError
from genviz.recipes.devices import DEVICES, STEP_SECONDS

TRAINING = 3
"""A training step costs a forward pass and twice that backwards."""


@dataclass(frozen=True)
class Cost:
    """Of one variant and seed.

    Attributes
    ----------
    steps
        Of all optimisers.
    seconds
        Measured on one core of a CPU, of what no network does (baselines); the same on any device.
    flops
        Training and scoring, by formula or counted on a network without data; what the processor does beside
        (features, statistics) is not in it.
    parameters
        Of the networks.
    disk
        Bytes left in the run folder and the model store.
    """

    steps: int = 0
    flops: float = 0.0
    parameters: int = 0
    disk: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.steps + other.steps,
            self.flops + other.flops,
            self.parameters + other.parameters,
            self.disk + other.disk,
            self.seconds + other.seconds,
        )

    def times(self, n: int) -> Cost:
        """Of n runs that keep a model each."""
        return Cost(self.steps * n, self.flops * n, self.parameters, self.disk * n, self.seconds * n)

    def hours(self, device: str) -> float:
        """Hours of one device of `DEVICES`.

        Raises
        ------
        UsageError
            For another device.
        """
        if device not in DEVICES:
            raise UsageError(f"Expected a device out of {', '.join(DEVICES)}; got {device!r}.")
        begun = self.steps * STEP_SECONDS["cpu" if device == "cpu" else "gpu"]
        return (self.flops / DEVICES[device] + begun + self.seconds) / 3600


def flops_of(forward: Callable[[], object]) -> float:
    """Count the floating-point operations of a forward pass; on meta tensors nothing is computed.

    Parameters
    ----------
    forward
        Calls the network.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        forward()
    return float(counter.get_total_flops())


def parameters_of(*networks: torch.nn.Module) -> int:
    """Count parameters."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())
