"""Small flows with every weight shaken, a quantiser, and latents for them."""

from __future__ import annotations

from typing import Any

import torch

from genviz.models.genevar.flow.config import FlowConfig
from genviz.models.genevar.flow.network import Flow
from genviz.nn.multiscale_quantiser import MultiScaleQuantiser

SCALES, DIM, CONDITION, CODES = (1, 2, 4), 6, 5, 12
N_TOKENS = sum(n * n for n in SCALES)


def flow(shake: float = 0.1, **options: Any) -> Flow:
    """A small flow in evaluation mode; without shaking as it begins."""
    values = {"width": 16, "n_layers": 2, "n_heads": 2, "time_features": 8, **options}
    torch.manual_seed(0)
    made = Flow(FlowConfig(**values), CONDITION, DIM, SCALES)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(shake * torch.randn_like(parameter))
        made.scale.fill_(1.7)
    return made.eval()


def quantiser() -> MultiScaleQuantiser:
    """Random codes of the latents' size."""
    torch.manual_seed(1)
    made = MultiScaleQuantiser(SCALES, CODES, DIM)
    with torch.no_grad():
        made.codes_VD.normal_()
    return made.eval().requires_grad_(False)


def tokens(n_rows: int = 3, seed: int = 0) -> torch.Tensor:
    """Random tokens."""
    return torch.randint(CODES, (n_rows, N_TOKENS), generator=torch.Generator().manual_seed(seed))


def conditions(n_rows: int = 3) -> torch.Tensor:
    """Standard normal conditions."""
    return torch.randn(n_rows, CONDITION, generator=torch.Generator().manual_seed(2))


def latents(k: int, n_rows: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """f_{k-1}, f_k and r_k of random tokens."""
    made, s_BL = quantiser(), tokens(n_rows, seed)
    before = made.embed_sum(s_BL, k - 1)
    return before, made.embed_sum(s_BL, k), made.next_input(before, k)


def noise(n_rows: int = 3, seed: int = 3) -> torch.Tensor:
    """Standard normal noise of the latent grid."""
    return torch.randn(n_rows, DIM, SCALES[-1], SCALES[-1], generator=torch.Generator().manual_seed(seed))
