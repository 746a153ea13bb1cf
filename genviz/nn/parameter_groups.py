"""Parameters of a transformer in groups for its optimiser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

_BETAS = (0.9, 0.95)


def parameter_groups(
    network: nn.Module,
    hidden: Iterable[Tensor],
    heads: Iterable[Tensor],
    *,
    lr: float,
    weight_decay: float,
    matrix_lr: float = 0.0,
) -> list[dict[str, Any]]:
    """Hidden matrices, other matrices, and all the rest, which is not decayed.

    Parameters
    ----------
    network
        Whose parameters they are.
    hidden
        Matrices between hidden features, which Muon may step.
    heads
        Other matrices.
    lr, weight_decay
        Of AdamW (0.9, 0.95).
    matrix_lr
        Of Muon on the hidden matrices; 0 leaves them to AdamW.
    """
    hidden, heads = list(hidden), list(heads)
    taken = {id(parameter) for parameter in hidden + heads}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in taken]
    adamw = {"lr": lr, "betas": _BETAS, "weight_decay": weight_decay}
    # Decay is multiplied by the rate: the same shrinkage a step as AdamW's.
    muon = (
        {"lr": matrix_lr, "weight_decay": weight_decay * lr / matrix_lr, "muon": True} if matrix_lr else adamw
    )
    return [
        {"params": hidden} | muon,
        {"params": heads} | adamw,
        {"params": rest} | adamw | {"weight_decay": 0.0},
    ]
