"""What the next-scale prior is shown at each position: a condition, then maps of the running sum, cells masked.

Shape legend: B sequences, L positions of which N = n_k x n_k of scale k, D features, E length of a code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.layout import ScaleLayout
from genviz.nn.adaln import start_matrix

Maps = Sequence[Tensor]
Masks = Sequence[Tensor | None]


class PriorInputs(nn.Module):
    """Inputs of the transformer, the same function for all scales at once and for one after the other.

    Parameters
    ----------
    config
        `PriorConfig`.
    layout
        Scales.
    code_dim
        E.

    Attributes
    ----------
    first_injected
        K_m, the first scale whose input may be masked; K + 1 when there is none.

    Raises
    ------
    UsageError
        With masks for every scale: the first has no map to mask.
    """

    def __init__(self, config: PriorConfig, layout: ScaleLayout, code_dim: int) -> None:
        super().__init__()
        if config.n_inject >= layout.n_scales:
            raise UsageError(
                f"Expected n_inject below the number of scales ({layout.n_scales}), the first of which has no map; "
                f"got {config.n_inject}."
            )
        width = config.width
        self.layout, self.masked_input = layout, config.masked_input
        self.first_injected = layout.n_scales + 1 - config.n_inject
        self.map_in = nn.Linear(code_dim, width)
        self.refined_in = nn.Linear(code_dim, width) if config.masked_input == "both" else None
        self.start_ND = nn.Parameter(torch.empty(layout.lengths[0], width))
        self.position_LD = nn.Parameter(torch.empty(layout.n_positions, width))
        self.level_KD = nn.Parameter(torch.empty(layout.n_scales, width))
        self.replacement_D = nn.Parameter(torch.empty(width)) if config.n_inject else None
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                start_matrix(parameter, width)

    def forward(
        self, maps: Maps, c_BD: Tensor, masks: Masks | None = None, refined: Maps | None = None
    ) -> Tensor:
        """Inputs of all scales, (B, L, D).

        Parameters
        ----------
        maps
            r_2 ... r_K, each (B, E, n_k, n_k).
        c_BD
            Vectors of the conditions.
        masks
            bool M_k (B, n_k, n_k) of the injected scales, K_m ... K; False cells are replaced by a learned vector.
            None, for a scale or for all: no cell is.
        refined
            Refined maps of the injected scales, each (B, E, n_k, n_k); None with ``masked_input="rk"``.

        Raises
        ------
        UsageError
            For a wrong number of maps.
        """
        n_injected = self.layout.n_scales + 1 - self.first_injected
        for name, given, n in (
            ("maps", maps, self.layout.n_scales - 1),
            ("masks", masks, n_injected),
            ("refined", refined, n_injected),
        ):
            if given is not None and len(given) != n:
                raise UsageError(f"Expected {n} {name}; got {len(given)}.")
        parts = [self.first(c_BD)]
        for k, map_BEnn in enumerate(maps, start=2):
            i = k - self.first_injected
            mask_Bnn = masks[i] if masks is not None and i >= 0 else None
            refined_BEnn = refined[i] if refined is not None and i >= 0 else None
            parts.append(self.later(k, map_BEnn, mask_Bnn, refined_BEnn))
        return torch.cat(parts, dim=1)

    def first(self, c_BD: Tensor) -> Tensor:
        """Input of scale 1: the condition, (B, N, D).

        Parameters
        ----------
        c_BD
            Vectors of the conditions.
        """
        return c_BD[:, None] + self.start_ND + self._places(1)

    def later(
        self, k: int, map_BEnn: Tensor, mask_Bnn: Tensor | None = None, refined_BEnn: Tensor | None = None
    ) -> Tensor:
        """Input of a scale from the second on, (B, N, D).

        Parameters
        ----------
        k
            Scale.
        map_BEnn
            r_k.
        mask_Bnn, refined_BEnn
            M_k and refined map; of injected scales only.

        Raises
        ------
        UsageError
            For a mask of a scale that is not injected, or a refined map missing or not wanted.
        """
        injected = k >= self.first_injected
        if (mask_Bnn is not None or refined_BEnn is not None) and not injected:
            raise UsageError(f"Expected masks from scale {self.first_injected}; got one of scale {k}.")
        if (refined_BEnn is not None) != (injected and self.masked_input != "rk"):
            raise UsageError(
                f"Expected refined maps of the injected scales exactly where masked_input is not 'rk'; it is "
                f"{self.masked_input!r}."
            )
        shown_BEnn = refined_BEnn if refined_BEnn is not None and self.masked_input == "fhat" else map_BEnn
        h_BND: Tensor = self.map_in(_cells(shown_BEnn))
        if self.refined_in is not None and refined_BEnn is not None:
            h_BND = h_BND + self.refined_in(_cells(refined_BEnn))
        if mask_Bnn is not None and self.replacement_D is not None:
            h_BND = torch.where(mask_Bnn.flatten(1)[..., None], h_BND, self.replacement_D.to(h_BND.dtype))
        return h_BND + self._places(k)

    def _places(self, k: int) -> Tensor:
        """Learned vectors of positions and of their level, (N, D)."""
        return self.position_LD[self.layout.part(k)] + self.level_KD[k - 1]


def _cells(map_BEnn: Tensor) -> Tensor:
    """Cells as vectors (B, N, E), in raster order."""
    return map_BEnn.flatten(2).transpose(1, 2)
