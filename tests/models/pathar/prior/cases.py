"""Small priors with every weight shaken, and tokens for them."""

from __future__ import annotations

from typing import Any

import torch

from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.rule import SampleRule
from genviz.nn.token_picking import StreamRule

GRID, N_CELLS, N_LABELS, STRUCTURE_CODES, APPEARANCE_CODES = (3, 4), 12, 3, 20, 30

EVERY_LAYOUT: dict[str, dict[str, str]] = {
    "default": {},
    "input": {"rope_query": "input"},
    "structure_added": {"appearance_input": "previous_and_structure"},
    "full": {"appearance_sees": "full"},
    "causal": {"visibility": "causal"},
    "leaky_literal": {"visibility": "leaky_literal"},
    "s_then_a": {"order": "s_then_a"},
    "a_then_s": {"order": "a_then_s"},
    "a_only": {"order": "a_only"},
}
DELAYED = ("default", "input", "structure_added", "full")
# Guidance and both filters, so that every part of a draw takes part.
SHARP = SampleRule(StreamRule(0.85, 8, 0.92, 1.5), StreamRule(0.9, 10, 0.95, 2.0))


def prior(
    layout: str = "default", *, n_organs: int = 0, grid: tuple[int, int] = GRID, **options: Any
) -> Prior:
    """A small prior in evaluation mode."""
    values = {"width": 32, "n_layers": 2, "n_heads": 2, **EVERY_LAYOUT[layout], **options}
    codes = {name: values.pop(name, n) for name, n in
             (("structure_codes", STRUCTURE_CODES), ("appearance_codes", APPEARANCE_CODES))}  # fmt: skip
    torch.manual_seed(0)
    made = Prior(PriorConfig(**values), n_labels=N_LABELS, grid=grid, n_organs=n_organs, **codes)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return made.eval()


def tokens(n_rows: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Structure, appearance and labels of some rows."""
    generator = torch.Generator().manual_seed(seed)
    s_BN = torch.randint(STRUCTURE_CODES, (n_rows, N_CELLS), generator=generator)
    a_BN = torch.randint(APPEARANCE_CODES, (n_rows, N_CELLS), generator=generator)
    return s_BN, a_BN, torch.arange(n_rows) % N_LABELS


def changed(x_BN: torch.Tensor, cells: slice | int, n_codes: int) -> torch.Tensor:
    """Other tokens in some cells."""
    x_BN = x_BN.clone()
    x_BN[:, cells] = (x_BN[:, cells] + 7) % n_codes
    return x_BN
