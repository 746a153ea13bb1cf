"""What is logged of a flow while it trains: its errors on validation tiles beside those of copying."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from genviz.models.genevar.flow.check import prediction_errors
from genviz.models.genevar.flow.task import FlowTask

_DRAWS = 4
_SEED = 0


class FlowCheck:
    """Measures a flow on fixed tiles, with the same noise each time.

    Parameters
    ----------
    s_BL
        Tokens.
    z_BZ
        Conditions.
    """

    def __init__(self, s_BL: Tensor, z_BZ: Tensor) -> None:
        self.s_BL, self.z_BZ = s_BL, z_BZ

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """``copy_k``, ``single_k``, ``mean_k`` of each scale that is trained; see `prediction_errors`."""
        task = cast("FlowTask", network)
        device = task.flow.scale.device
        s_BL, z_BZ = self.s_BL.to(device), self.z_BZ.to(device)
        found: dict[str, float] = {}
        for k in task.train_scales:
            before_BDGG, f_BDGG = (task.quantiser.embed_sum(s_BL, upto) for upto in (k - 1, k))
            errors = prediction_errors(
                task.flow, k, before_BDGG, f_BDGG, task.quantiser.next_input(before_BDGG, k), z_BZ,
                n_draws=_DRAWS, generator=torch.Generator(device=device).manual_seed(_SEED),
            )  # fmt: skip
            found |= {f"{name}_{k}": error for name, error in errors.items()}
        return found
