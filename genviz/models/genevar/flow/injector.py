"""The flow's part in the prior: masks of the finest scales' inputs and, where asked for, their refinement.

One object makes both for training and for sampling, from the same kinds of numbers, so that the prior meets in sampling
what it was trained on. Shape legend: B tiles, L tokens, E length of a code, G x G latent grid, n x n cells of scale k,
Z condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.masking import MaskNoise, scale_mask
from genviz.models.genevar.flow.network import Flow

_INPUTS = ("rk", "fhat", "both")


class Sums(Protocol):
    """What is needed of the quantiser of the tokens."""

    def embed_sum(self, s_BL: Tensor, upto: int | None = None) -> Tensor:
        """Running sum f_k (B, E, G, G) of the tokens of the first scales."""
        ...

    def next_input(self, f_BDGG: Tensor, k: int) -> Tensor:
        """r_k of f_{k-1}."""
        ...


class FlowInjector:
    """Masks and refined maps of a trained flow, whose weights are frozen here.

    In sampling it is called by `genviz.models.genevar.prior.sampler.sample`.

    Parameters
    ----------
    flow
        Trained.
    config
        Of the masks.
    masked_input
        As in `PriorConfig`: "rk" needs no refined maps.

    Raises
    ------
    UsageError
        For another `masked_input`, or a flow that cannot score as asked.
    """

    def __init__(self, flow: Flow, config: MaskConfig, masked_input: str = "rk") -> None:
        if masked_input not in _INPUTS:
            raise UsageError(f"Expected masked_input out of {', '.join(_INPUTS)}; got {masked_input!r}.")
        config.check_flow(flow.config)
        self.flow, self.config, self.masked_input = flow.eval().requires_grad_(False), config, masked_input

    def __call__(
        self, k: int, map_BEnn: Tensor, f_BEGG: Tensor, z_BZ: Tensor, given_B: Tensor, key_B: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Mask bool (B, n, n) and refined map (B, E, n, n) of one scale, in sampling.

        Parameters
        ----------
        k
            Scale, from 1.
        map_BEnn, f_BEGG
            r_k, and f_{k-1} that it was pooled from.
        z_BZ, given_B
            Conditions, and which rows have one.
        key_B
            Noise keys of the rows.
        """
        noise = MaskNoise.keyed(self.flow, key_B, k)
        return self._made(k, map_BEnn, self._known(z_BZ, given_B), noise, "infer", f_BEGG)

    def training(
        self,
        quantiser: Sums,
        s_BL: Tensor,
        z_BZ: Tensor,
        scales: Sequence[int],
        *,
        given_B: Tensor | None = None,
        noises: Sequence[MaskNoise] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[list[Tensor | None], list[Tensor] | None]:
        """Masks and refined maps of the masked scales of tokenised tiles, for a step of the prior's training.

        A share ``p_unmasked`` of the tiles is kept whole at all scales. Unless the target is "oracle", nothing of scale
        k depends on tokens of scale k and later.

        Parameters
        ----------
        quantiser
            Of the tokens.
        s_BL
            Tokens.
        z_BZ, given_B
            Conditions as they are, also of tiles whose condition the prior will not be shown: in guided sampling both
            halves share the mask of the condition. Which tiles have one; None: all.
        scales
            Masked scales, from 1, in rising order.
        noises
            One of each scale; None: drawn.
        generator
            Where numbers come from; None: torch's own.

        Returns
        -------
        masks
            bool (B, n, n); None where everything is kept.
        refined
            (B, E, n, n); None with ``masked_input="rk"``.
        """
        z_BZ = z_BZ if given_B is None else self._known(z_BZ, given_B)
        whole_B = torch.rand(len(s_BL), generator=generator, device=s_BL.device) < self.config.p_unmasked
        masks, maps = [], []
        for i, k in enumerate(scales):
            noise = (
                MaskNoise.drawn(self.flow, len(s_BL), k, generator=generator) if noises is None else noises[i]
            )
            before_BEGG = quantiser.embed_sum(s_BL, k - 1)
            oracle = self.config.train_target == "oracle"
            known_BEGG = quantiser.embed_sum(s_BL, k) if oracle else before_BEGG
            map_BEnn = quantiser.next_input(before_BEGG, k)
            mask_Bnn, refined_BEnn = self._made(k, map_BEnn, z_BZ, noise, "train", known_BEGG)
            masks.append(None if mask_Bnn is None else mask_Bnn | whole_B[:, None, None])
            maps += [] if refined_BEnn is None else [refined_BEnn]
        return masks, maps or None

    def _made(
        self, k: int, map_BEnn: Tensor, z_BZ: Tensor, noise: MaskNoise, phase: str, f_BEGG: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        mask_Bnn, refined_BEnn = None, None
        if self.config.strategy != "none":
            mask_Bnn = scale_mask(
                self.flow, self.config, k, map_BEnn, z_BZ, noise, phase=phase, f_BDGG=f_BEGG
            )
        if self.masked_input != "rk":
            with torch.no_grad():
                refined_BEnn = self.flow.down(self.flow.predict(noise.eps_BDGG, map_BEnn, z_BZ, k), k)
        return mask_Bnn, refined_BEnn

    def _known(self, z_BZ: Tensor, given_B: Tensor) -> Tensor:
        """Conditions, the null vector where there is none."""
        if self.flow.null_Z is None:
            return z_BZ
        return torch.where(given_B[:, None], z_BZ, self.flow.null_Z)
