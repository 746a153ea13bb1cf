"""What a step of the prior's training makes of a batch: conditions, masks of the frozen flow, cross-entropy.

Shape legend: B tiles, L tokens, I width of the conditioner's output, Z of the condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from genviz.core.keyed import row_generator
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.prior.network import ScalePrior
from genviz.nn.multiscale_quantiser import MultiScaleQuantiser
from genviz.train.batches import EpochBatches

_SEED = 0


class PriorTask(nn.Module):
    """Prior and head, which learn; quantiser and flow, which do not.

    Parameters
    ----------
    prior, head
        Networks to train.
    quantiser
        Of the tokens.
    injector
        Of the trained flow; None without.
    """

    def __init__(
        self,
        prior: ScalePrior,
        head: nn.Module,
        quantiser: MultiScaleQuantiser,
        injector: FlowInjector | None,
    ) -> None:
        super().__init__()
        self.prior, self.head = prior, head
        self.quantiser = quantiser.requires_grad_(False).eval()
        self.injector = injector
        self.flow = None if injector is None else injector.flow  # so that it moves along

    def train(self, mode: bool = True) -> Self:
        """Switch prior and head between training and evaluation; the others stay as they are.

        Parameters
        ----------
        mode
            True for training.
        """
        super().train(mode)
        self.quantiser.eval()
        if self.flow is not None:
            self.flow.eval()
        return self

    def loss(self, s_BL: Tensor, x_BI: Tensor, paired_B: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy; masks, noise and dropped conditions are drawn from torch's generators.

        Parameters
        ----------
        s_BL
            Tokens.
        x_BI
            What the conditioner gave; anything finite in rows without a profile.
        paired_B
            bool, which rows have a profile.
        """
        z_BZ = self.head(x_BI)
        masks, refined = self._injected(s_BL, z_BZ, paired_B, None)
        maps = self.quantiser.inputs(s_BL)
        return self.prior.loss(s_BL, maps, z_BZ, masks, refined=refined, paired_B=paired_B)

    @torch.no_grad()
    def log_prob(self, s_BL: Tensor, x_BI: Tensor, paired_B: Tensor) -> Tensor:
        """Mean log-probability of a tile's tokens, nats a token, (B,); masks are the same at every call.

        Parameters
        ----------
        s_BL, x_BI, paired_B
            As for `loss`.
        """
        z_BZ = self.head(x_BI)
        generator = torch.Generator(device=s_BL.device).manual_seed(_SEED)
        masks, refined = self._injected(s_BL, z_BZ, paired_B, generator)
        maps = self.quantiser.inputs(s_BL)
        log_prob_BL = self.prior.log_prob_tokens(s_BL, maps, z_BZ, masks, refined=refined, given_B=paired_B)
        return log_prob_BL.mean(dim=1)

    def _injected(
        self, s_BL: Tensor, z_BZ: Tensor, paired_B: Tensor, generator: torch.Generator | None
    ) -> tuple[Any, Any]:
        if self.injector is None:
            return None, None
        scales = range(self.prior.first_injected, self.prior.layout.n_scales + 1)
        with torch.autocast(s_BL.device.type, enabled=False):
            return self.injector.training(
                self.quantiser, s_BL, z_BZ.detach().float(), scales, given_B=paired_B, generator=generator
            )

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups of the prior, and the head's parameters where it has any.

        Parameters
        ----------
        lr, weight_decay
            See `ScalePrior.parameter_groups`.
        """
        groups = self.prior.parameter_groups(lr, weight_decay)
        own = list(self.head.parameters())
        return [*groups, {"params": own, "lr": lr, "weight_decay": weight_decay}] if own else groups


class MixedBatches(EpochBatches):
    """Batches ``(s_BL, x_BI, paired_B)`` with a fixed share of tiles without a profile, in an order keyed by epoch.

    Parameters
    ----------
    s_ML, x_MI
        Tokens and codes of paired views.
    unpaired_UL
        Tokens of views without profiles; None: there are none.
    batch_size
        Tiles a batch.
    n_unpaired
        Of them without profiles.
    seed
        Of the run.
    per_epoch
        Tiles an epoch.
    """

    def __init__(
        self,
        s_ML: Tensor,
        x_MI: Tensor,
        unpaired_UL: Tensor | None,
        *,
        batch_size: int,
        n_unpaired: int,
        seed: int,
        per_epoch: int,
    ) -> None:
        super().__init__()
        self.s_ML, self.x_MI, self.unpaired_UL = s_ML, x_MI, unpaired_UL
        self.n_unpaired = 0 if unpaired_UL is None else n_unpaired
        self.n_paired = min(batch_size - self.n_unpaired, len(s_ML))
        self.seed = seed
        self.n_batches = max(1, min(per_epoch // batch_size, len(s_ML) // self.n_paired))

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rng = row_generator(self.seed, "", str(self.epoch), "order")
        order = rng.permutation(len(self.s_ML))
        paired_B = torch.arange(self.n_paired + self.n_unpaired) < self.n_paired
        for k in range(self.n_batches):
            rows = torch.from_numpy(order[k * self.n_paired : (k + 1) * self.n_paired])
            s_BL, x_BI = self.s_ML[rows], self.x_MI[rows]
            if self.unpaired_UL is not None and self.n_unpaired:
                others = torch.from_numpy(rng.integers(len(self.unpaired_UL), size=self.n_unpaired))
                s_BL = torch.cat([s_BL, self.unpaired_UL[others]])
                x_BI = torch.cat([x_BI, x_BI.new_zeros(self.n_unpaired, x_BI.shape[1])])
            yield s_BL, x_BI, paired_B


def share_of(batch_size: int, share: float) -> int:
    """Number of tiles without profiles in a batch, at least one less than all.

    Parameters
    ----------
    batch_size
        Tiles a batch.
    share
        In [0, 1).
    """
    return min(batch_size - 1, int(np.floor(batch_size * share + 0.5)))
