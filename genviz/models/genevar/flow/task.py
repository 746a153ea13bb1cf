"""Training of the flow on stored tokens: what a step makes of a batch, for `genviz.train`.

Shape legend: B tiles, L tokens, Z condition, R draws of V degraded variants, D length of a code, G x G latent grid.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz.models.genevar.flow.config import CounterfactualConfig
from genviz.models.genevar.flow.counterfactuals import counterfactuals_of, other_slide
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.flow.objective import Counterfactuals, objective
from genviz.nn.multiscale_quantiser import MultiScaleQuantiser


class FlowTask(nn.Module):
    """The flow and the frozen quantiser that turns tokens into latents; only the flow is trained.

    Parameters
    ----------
    flow
        Its scale is to be set, see `Flow.start`.
    quantiser
        Of the tokens; always in evaluation mode here.
    config
        Of the counterfactuals.
    first_scale
        First scale to train when the flow's ``train_scales`` is empty: K_m of the configuration.

    Raises
    ------
    UsageError
        When the two are of other scales.
    """

    def __init__(
        self,
        flow: Flow,
        quantiser: MultiScaleQuantiser,
        config: CounterfactualConfig,
        *,
        first_scale: int = 2,
    ) -> None:
        super().__init__()
        if flow.scales != quantiser.scales:
            raise UsageError(
                f"Expected flow and quantiser of the same scales; got {flow.scales} and {quantiser.scales}."
            )
        self.flow, self.config = flow, config
        self.quantiser = quantiser.requires_grad_(False).eval()
        self.train_scales = flow.config.train_scales or tuple(
            range(max(2, first_scale), len(flow.scales) + 1)
        )

    def train(self, mode: bool = True) -> Self:
        """Switch the flow between training and evaluation; the quantiser stays as it is.

        Parameters
        ----------
        mode
            True for training.
        """
        super().train(mode)
        self.quantiser.eval()
        return self

    def loss(
        self,
        s_BL: Tensor,
        z_BZ: Tensor,
        slide_B: Tensor | None = None,
        degraded_BRVL: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Objective of a batch, all of it at one scale drawn from ``train_scales``; draws from torch's generators.

        Parameters
        ----------
        s_BL
            Tokens.
        z_BZ
            Standardised conditions.
        slide_B
            int, slide (or patient) of each tile; needed for counterfactuals of other slides.
        degraded_BRVL
            Tokens of the degraded versions, variants in the order of ``config.degraded``; one draw is taken of each
            tile. Needed when there are such variants.

        Returns
        -------
        loss, parts
            See `genviz.models.genevar.flow.objective.objective`.

        Raises
        ------
        UsageError
            Without what the counterfactuals need.
        """
        # On the CPU, so that the choice is known without waiting for the device.
        k = self.train_scales[int(torch.randint(len(self.train_scales), ()))]
        before_BDGG = self.quantiser.embed_sum(s_BL, k - 1)
        f_BDGG, r_BDnn = self.quantiser.embed_sum(s_BL, k), self.quantiser.next_input(before_BDGG, k)
        against = None
        if self.config.active:
            against = self._against(k, before_BDGG, r_BDnn, slide_B, degraded_BRVL)
        return objective(self.flow, self.config, k, f_BDGG, r_BDnn, z_BZ, against)

    def _against(
        self,
        k: int,
        before_BDGG: Tensor,
        r_BDnn: Tensor,
        slide_B: Tensor | None,
        degraded_BRVL: Tensor | None,
    ) -> Counterfactuals:
        n, config = len(before_BDGG), self.config
        elsewhere = (config.extreme == "other_wsi" and "l" in config.active) or (
            config.source == "other_wsi" and config.degraded
        )
        n_variants = 0 if degraded_BRVL is None else degraded_BRVL.shape[2]
        if elsewhere and slide_B is None:
            raise UsageError("Expected the slide of each tile for counterfactuals of other slides; got none.")
        if n_variants != len(config.degraded):
            raise UsageError(
                f"Expected tokens of the degraded variants {config.degraded}; got {n_variants} variants."
            )
        device = before_BDGG.device
        other_B, found_B = torch.arange(n, device=device), torch.ones(n, dtype=torch.bool, device=device)
        if elsewhere and slide_B is not None:
            other_B, found_B = other_slide(slide_B)
        degraded_BVDGG = before_BDGG[:, None][:, :0]
        if degraded_BRVL is not None and n_variants:
            draw_B = torch.randint(degraded_BRVL.shape[1], (n,), device=device)
            s_BVL = degraded_BRVL[torch.arange(n, device=device), draw_B]
            degraded_BVDGG = self.quantiser.embed_sum(s_BVL.flatten(0, 1), k).unflatten(0, (n, -1))
        return counterfactuals_of(
            config, before_BDGG=before_BDGG, up_BDGG=self.flow.up(r_BDnn, k), degraded_BVDGG=degraded_BVDGG,
            other_B=other_B, found_B=found_B,
        )  # fmt: skip

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups of the flow.

        Parameters
        ----------
        lr, weight_decay
            See `Flow.parameter_groups`.
        """
        return self.flow.parameter_groups(lr, weight_decay)
