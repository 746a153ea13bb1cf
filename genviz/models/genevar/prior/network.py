"""The next-scale prior of GeneVAR: all tokens of a scale at once, given all coarser scales and a condition.

It factorises ``p(s_1 ... s_K | z) = prod_k p(s_k | s_<k, z)``, the tokens of a scale independent of one another given
what came before (Tian et al. 2024; adaptive layer norm as there). Position p of scale k is shown the running sum
f_{k-1} at that place and predicts s_k[p].

Shape legend: B tiles, K scales of N = n_k x n_k cells, L positions, D features, Z width of the condition, E length of a
code, V codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genviz.models.genevar.prior.block import Attend, ScaleBlock
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.inputs import Maps, Masks, PriorInputs
from genviz.models.genevar.prior.layout import ScaleLayout
from genviz.models.genevar.prior.loss import scale_losses
from genviz.nn.adaln import ConditionVector, ModulationVectors, start_matrix
from genviz.nn.blocks import modulated_norm
from genviz.nn.parameter_groups import parameter_groups
from genviz.nn.scale_attention import ScaleCausalAttention

_HEAD_GAIN = 0.02  # nearly uniform predictions before training


@dataclass(frozen=True)
class Modulation:
    """Everything that adaptive layer norm takes from the conditions of some sequences.

    Attributes
    ----------
    blocks
        Six tensors (B, 1, D) a block.
    head
        Scale and shift (B, 1, D) of the last norm.
    """

    blocks: tuple[tuple[Tensor, ...], ...]
    head: tuple[Tensor, ...]


class ScalePrior(nn.Module):
    """Transformer over the scales of a tile's tokens.

    Parameters
    ----------
    config
        Architecture and options.
    cond_dim
        Z.
    code_dim
        E.
    n_codes
        V.
    scales
        n_1 ... n_K.

    Raises
    ------
    UsageError
        For scales that do not rise, or as many masked scales as scales.
    """

    def __init__(
        self, config: PriorConfig, cond_dim: int, code_dim: int, n_codes: int, scales: Sequence[int]
    ) -> None:
        super().__init__()
        self.config, self.layout = config, ScaleLayout(tuple(scales))
        self.cond_dim, self.code_dim, self.n_codes = cond_dim, code_dim, n_codes
        width, depth = config.width, config.depth
        self.condition_in = ConditionVector(cond_dim, width, norm=config.condition_norm)
        self.inputs = PriorInputs(config, self.layout, code_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            ScaleBlock(width, config.n_heads, depth, config.dropout, config.drop_path * i / max(1, depth - 1))
            for i in range(depth)
        )
        self.attend = ScaleCausalAttention(self.layout.lengths)
        self.head_modulation = ModulationVectors(width, width, (0.5, 0.5))
        self.head = nn.Linear(width, n_codes)
        start_matrix(self.head.weight, width, _HEAD_GAIN)
        nn.init.zeros_(self.head.bias)

    @property
    def first_injected(self) -> int:
        """K_m, the first scale whose input may be masked; K + 1 when there is none."""
        return self.inputs.first_injected

    def forward(
        self,
        maps: Maps,
        z_BZ: Tensor,
        masks: Masks | None = None,
        *,
        refined: Maps | None = None,
        given_B: Tensor | None = None,
    ) -> Tensor:
        """Logits of every token given all coarser ones, teacher-forced, (B, L, V).

        Parameters
        ----------
        maps
            r_2 ... r_K of the tokens, each (B, E, n_k, n_k).
        z_BZ
            Conditions, standardised.
        masks
            bool M_k (B, n_k, n_k) of scales K_m ... K, True where the map is shown; None, for a scale or for all: all
            of it is.
        refined
            Refined maps of scales K_m ... K at n_k x n_k; with ``masked_input`` "fhat" or "both".
        given_B
            bool, which rows have a condition; the others take the null vector. None: all.
        """
        c_BD = self.condition_in(z_BZ, given_B)
        h_BLD = self.dropout(self.inputs(maps, c_BD, masks, refined))
        modulation = self.modulation(c_BD)
        h_BLD = self.run_blocks(h_BLD, modulation, [self.attend] * len(self.blocks))
        return self.logits(h_BLD, modulation)

    def modulation(self, c_BD: Tensor) -> Modulation:
        """Vectors of adaptive layer norm; they do not depend on scale or position and serve a whole sample.

        Parameters
        ----------
        c_BD
            From `condition_in`.
        """
        c_B1D = c_BD[:, None]
        blocks = tuple(cast(ScaleBlock, block).modulation(c_B1D) for block in self.blocks)
        return Modulation(blocks, self.head_modulation(c_B1D))

    def run_blocks(self, h_BLD: Tensor, modulation: Modulation, attend: Sequence[Attend]) -> Tensor:
        """Hidden features (B, L, D) after the last block.

        Parameters
        ----------
        h_BLD
            Inputs.
        modulation
            From `modulation`.
        attend
            How each block attends.
        """
        for block, vectors, attend_one in zip(self.blocks, modulation.blocks, attend, strict=True):
            h_BLD = block(h_BLD, vectors, attend_one)
        return h_BLD

    def logits(self, h_BLD: Tensor, modulation: Modulation) -> Tensor:
        """Logits (B, L, V).

        Parameters
        ----------
        h_BLD
            From `run_blocks`.
        modulation
            From `modulation`.
        """
        scale_B1D, shift_B1D = modulation.head
        out: Tensor = self.head(modulated_norm(h_BLD, scale_B1D, shift_B1D))
        return out

    def log_prob_tokens(
        self,
        s_BL: Tensor,
        maps: Maps,
        z_BZ: Tensor,
        masks: Masks | None = None,
        *,
        refined: Maps | None = None,
        given_B: Tensor | None = None,
    ) -> Tensor:
        """Log-probability of each token given all coarser ones and the condition, nats, (B, L).

        Parameters
        ----------
        s_BL
            Tokens, scale by scale.
        maps, z_BZ, masks, refined, given_B
            As in `forward`.
        """
        logits_BLV = self(maps, z_BZ, masks, refined=refined, given_B=given_B)
        return -cross_entropy(logits_BLV.float().transpose(1, 2), s_BL.long(), reduction="none")

    def log_prob_scales(
        self,
        s_BL: Tensor,
        maps: Maps,
        z_BZ: Tensor,
        masks: Masks | None = None,
        *,
        refined: Maps | None = None,
        given_B: Tensor | None = None,
    ) -> Tensor:
        """Log-probability of the tokens of each scale given all coarser ones and the condition, nats, (B, K).

        Their sum over scales is the log-probability of the tile's tokens.

        Parameters
        ----------
        s_BL
            Tokens, scale by scale.
        maps, z_BZ, masks, refined, given_B
            As in `forward`.
        """
        log_prob_BL = self.log_prob_tokens(s_BL, maps, z_BZ, masks, refined=refined, given_B=given_B)
        return torch.stack([part.sum(dim=1) for part in log_prob_BL.split(self.layout.lengths, dim=1)], dim=1)

    def loss(
        self,
        s_BL: Tensor,
        maps: Maps,
        z_BZ: Tensor,
        masks: Masks | None = None,
        *,
        refined: Maps | None = None,
        paired_B: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy over all positions, masked ones too, nats a token.

        In training, from torch's generator, conditions get noise and some are replaced by the null vector
        (`condition_noise`, `condition_dropout`).

        Parameters
        ----------
        s_BL
            Tokens, scale by scale.
        maps, z_BZ, masks, refined
            As in `forward`.
        paired_B
            bool, which tiles have a profile; what `z_BZ` holds in other rows is not looked at. None: all.

        Returns
        -------
        loss
            Scalar, smoothed by `label_smooth`.
        parts
            Without smoothing: ``nll``, ``nll_scale_1`` ..., and, of injected scales with masks, ``nll_shown`` and
            ``nll_masked``.
        """
        config, given_B = self.config, paired_B
        if self.training:
            z_BZ = z_BZ + config.condition_noise * torch.randn_like(z_BZ) if config.condition_noise else z_BZ
            kept_B = torch.rand(len(z_BZ), device=z_BZ.device) >= config.condition_dropout
            given_B = kept_B if given_B is None else given_B & kept_B
        logits_BLV = self(maps, z_BZ, masks, refined=refined, given_B=given_B)
        return scale_losses(logits_BLV, s_BL, self.layout, masks, config.label_smooth)

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW (0.9, 0.95), matrices decayed, tables and biases not; or the blocks' matrices for Muon.

        Modulations map conditions, not hidden features, and begin at sizes of their own: they stay with AdamW.

        Parameters
        ----------
        lr, weight_decay
            Of all groups, or of all but Muon's; of the matrices.
        """
        hidden = [weight for block in self.blocks for weight in cast(ScaleBlock, block).matrices]
        taken = {id(weight) for weight in hidden}
        heads = [m.weight for m in self.modules() if isinstance(m, nn.Linear) and id(m.weight) not in taken]
        return parameter_groups(
            self, hidden, heads, lr=lr, weight_decay=weight_decay, matrix_lr=self.config.matrix_lr
        )
