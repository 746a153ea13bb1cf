"""AdamW, with Muon for those groups that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer

MUON = "muon"


def optimiser_of(groups: list[dict[str, Any]]) -> Optimizer:
    """Give AdamW, or `MuonAndAdamW` when a group holds ``muon=True``.

    Parameters
    ----------
    groups
        Parameter groups, as a network gives them.
    """
    return MuonAndAdamW(groups) if any(group.get(MUON) for group in groups) else AdamW(groups)


class MuonAndAdamW(Optimizer):
    """Two optimisers behind one face, because a trainer and its schedule take one.

    Muon orthogonalises the momentum of a matrix before it steps (Jordan et al. 2024): all directions of a hidden matrix
    are learned at one rate, and a small transformer needs less than half the steps. Tables, heads, gains and biases
    stay with AdamW.

    Parameters
    ----------
    groups
        Parameter groups; those with ``muon=True`` hold matrices only.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        hidden = [{k: v for k, v in group.items() if k != MUON} for group in groups if group.get(MUON)]
        others = [{k: v for k, v in group.items() if k != MUON} for group in groups if not group.get(MUON)]
        super().__init__([parameter for group in groups for parameter in group["params"]], {})
        self.parts: list[Optimizer] = [Muon(hidden), AdamW(others)]
        self._share()

    def _share(self) -> None:
        """Show the groups of both parts as one's own: a schedule that changes them changes the parts."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Step both; the closure, which computes gradients, is called once.

        Parameters
        ----------
        closure
            Computes the loss and its gradients.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """State of both, in the order of `parts`."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Parameters
        ----------
        state_dict
            Of an optimiser with the same groups.
        """
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share()
