"""What prior and sampler need of the tokenizer's quantiser and of the flow, and nothing more.

Shape legend: B tiles, E length of a code, G x G latent grid, N = n_k x n_k cells of scale k, L positions, Z width of
the condition.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from genviz.models.genevar.prior.layout import ScaleLayout


class Quantiser(Protocol):
    """Tokens to latents, scale by scale."""

    def next_input(self, f_BDGG: Tensor, k: int) -> Tensor:
        """Input r_k (B, E, n_k, n_k) of scale k from the running sum f_{k-1}."""
        ...

    def contribution(self, s_BN: Tensor, k: int) -> Tensor:
        """What tokens of scale k add to the running sum, (B, E, G, G)."""
        ...


class Injector(Protocol):
    """The flow's part in a scale from K_m on, in sampling."""

    def __call__(
        self, k: int, map_BEnn: Tensor, f_BEGG: Tensor, z_BZ: Tensor, given_B: Tensor, key_B: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Give the mask M_k (bool (B, n_k, n_k); None: all is shown) and the refined map (B, E, n_k, n_k) or None.

        Parameters
        ----------
        k
            Scale, from 1.
        map_BEnn
            r_k.
        f_BEGG
            f_{k-1}, which r_k was pooled from.
        z_BZ, given_B
            Conditions, and which rows have one.
        key_B
            int64 keys for `genviz.nn.keyed_noise`; all randomness of a row is to come from its key.
        """
        ...


def teacher_maps(quantiser: Quantiser, s_BL: Tensor, layout: ScaleLayout, code_dim: int) -> list[Tensor]:
    """Inputs r_2 ... r_K that lead to some tokens, by the sampler's own steps.

    Parameters
    ----------
    quantiser
        The quantiser.
    s_BL
        Tokens, scale by scale.
    layout
        Scales.
    code_dim
        E.
    """
    f_BEGG = empty_sum(len(s_BL), code_dim, layout, s_BL.device)
    maps = []
    for k in range(1, layout.n_scales):
        f_BEGG = f_BEGG + quantiser.contribution(s_BL[:, layout.part(k)], k)
        maps.append(quantiser.next_input(f_BEGG, k + 1))
    return maps


def empty_sum(n_rows: int, code_dim: int, layout: ScaleLayout, device: torch.device) -> Tensor:
    """f_0: zeros (B, E, G, G), float32.

    Parameters
    ----------
    n_rows, code_dim
        B and E.
    layout
        Scales.
    device
        Where to.
    """
    return torch.zeros(n_rows, code_dim, layout.grid, layout.grid, device=device)
