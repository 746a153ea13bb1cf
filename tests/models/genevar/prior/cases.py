"""Small next-scale priors with every weight shaken, a quantiser that needs no training, and tokens for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.protocols import teacher_maps

SCALES, LENGTHS, N_POSITIONS = (1, 2, 3, 5), (1, 4, 9, 25), 39
COND_DIM, CODE_DIM, N_CODES = 6, 4, 23
WIDTHS = {"depth": 2, "width": 32, "n_heads": 2}


@dataclass
class FakeQuantiser:
    """Codes spread over the grid without convolutions."""

    codes_VE: Tensor
    scales: tuple[int, ...] = SCALES

    def contribution(self, s_BN: Tensor, k: int) -> Tensor:
        n = self.scales[k - 1]
        cells_BEnn = self.codes_VE[s_BN].unflatten(1, (n, n)).permute(0, 3, 1, 2)
        return interpolate(cells_BEnn, size=(self.scales[-1],) * 2, mode="nearest")

    def next_input(self, f_BEGG: Tensor, k: int) -> Tensor:
        return interpolate(f_BEGG, size=(self.scales[k - 1],) * 2, mode="area")


def quantiser() -> FakeQuantiser:
    return FakeQuantiser(torch.randn(N_CODES, CODE_DIM, generator=torch.Generator().manual_seed(7)))


def prior(*, shaken: bool = True, scales: tuple[int, ...] = SCALES, **options: Any) -> ScalePrior:
    """A small prior in evaluation mode; shaken, so that gates are open and every weight takes part."""
    torch.manual_seed(0)
    made = ScalePrior(PriorConfig(**{**WIDTHS, **options}), COND_DIM, CODE_DIM, N_CODES, scales)
    if shaken:
        with torch.no_grad():
            for name, parameter in made.named_parameters():
                parameter.add_(torch.randn_like(parameter) * (0.15 if "weight" in name else 0.3))
    return made.eval()


@dataclass
class Batch:
    """Tokens with what the prior is shown of them."""

    s_BL: Tensor
    maps: list[Tensor]
    z_BZ: Tensor
    masks: list[Tensor]
    refined: list[Tensor]


def batch(n_rows: int = 3, n_inject: int = 2, seed: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    s_BL = torch.randint(0, N_CODES, (n_rows, N_POSITIONS), generator=generator)
    maps = teacher_maps(quantiser(), s_BL, prior(depth=1).layout, CODE_DIM)
    injected = SCALES[len(SCALES) - n_inject :]
    return Batch(
        s_BL,
        maps,
        torch.randn(n_rows, COND_DIM, generator=generator),
        [torch.rand(n_rows, n, n, generator=generator) < 0.5 for n in injected],
        [torch.randn(n_rows, CODE_DIM, n, n, generator=generator) for n in injected],
    )


def scaled(x_BL: Tensor) -> tuple[Tensor, ...]:
    """Positions scale by scale."""
    return x_BL.split(LENGTHS, dim=1)


def refined_for(net: ScalePrior, made: Batch) -> list[Tensor] | None:
    return None if net.config.masked_input == "rk" else made.refined
