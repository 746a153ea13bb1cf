"""One batch of tiles drawn scale by scale, without asking the device for a value.

Shape legend: B rows of the batch, R sequences (B, or 2 B with guidance: those with a condition, then the same without),
N cells of a scale, L positions, P positions of given scales, K scales, E length of a code, G x G latent grid,
Z width of the condition, D features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genviz.models.genevar.prior.cache import PriorCache
from genviz.models.genevar.prior.drawing import INJECTION, TOKENS, draw_scale, scale_keys
from genviz.models.genevar.prior.network import Modulation, ScalePrior
from genviz.models.genevar.prior.protocols import Injector, Quantiser, empty_sum
from genviz.models.genevar.prior.rule import SampleRule
from genviz.nn.token_picking import token_log_prob


class BatchSampler:
    """Draws batches of one size; buffers are used again for the next.

    Parameters
    ----------
    prior
        The prior.
    quantiser
        Of the tokens.
    rule
        How tokens are drawn.
    n_rows
        B.
    inject
        Masks and refined maps of the injected scales; None: all is shown.
    keep_partial
        Keep the running sum of every scale.
    log_prob
        Keep log-probabilities.

    Attributes
    ----------
    s_BL
        Tokens of the last batch.
    f_BEGG
        Latents, f_K.
    partial
        f_1 ... f_K, or nothing.
    log_prob_BL
        Log-probability of each token under the prior, without guidance and filters; None unless kept.
    """

    f_BEGG: Tensor

    def __init__(
        self,
        prior: ScalePrior,
        quantiser: Quantiser,
        rule: SampleRule,
        n_rows: int,
        *,
        inject: Injector | None = None,
        keep_partial: bool = False,
        log_prob: bool = False,
    ) -> None:
        device, n = prior.head.weight.device, prior.layout.n_positions
        self.prior, self.quantiser, self.rule, self.n_rows = prior, quantiser, rule, n_rows
        self.inject, self.keep_partial = inject, keep_partial
        self.n_halves = 2 if rule.cfg else 1
        self.cache = PriorCache(prior, self.n_halves * n_rows)
        self.s_BL = torch.zeros(n_rows, n, dtype=torch.int64, device=device)
        self.log_prob_BL = torch.zeros(n_rows, n, device=device) if log_prob else None
        self.partial: list[Tensor] = []

    def run(self, z_BZ: Tensor, given_B: Tensor, key_B: Tensor, forced_BP: Tensor) -> None:
        """Draw a batch.

        Parameters
        ----------
        z_BZ, given_B
            Conditions, and which rows have one.
        key_B
            Noise keys.
        forced_BP
            Tokens of the first scales, which are taken as they are; P = 0 draws all.
        """
        prior, layout = self.prior, self.prior.layout
        c_RD = self._conditions(z_BZ, given_B)
        modulation = prior.modulation(c_RD)
        n_forced = forced_BP.shape[1]
        self.s_BL[:, :n_forced] = forced_BP
        self.partial = []
        self.f_BEGG = empty_sum(self.n_rows, prior.code_dim, layout, z_BZ.device)
        for k in range(1, layout.n_scales + 1):
            h_RND = prior.inputs.first(c_RD) if k == 1 else self._later(k, z_BZ, given_B, key_B)
            h_RND = self.cache.advance(h_RND, k, modulation)
            part = layout.part(k)
            self._draw(k, h_RND, modulation, key_B, forced=part.stop <= n_forced)
            self.f_BEGG = self.f_BEGG + self.quantiser.contribution(self.s_BL[:, part], k)
            if self.keep_partial:
                self.partial.append(self.f_BEGG)

    def _conditions(self, z_BZ: Tensor, given_B: Tensor) -> Tensor:
        """Vectors of all sequences, (R, D)."""
        c_BD: Tensor = self.prior.condition_in(z_BZ, given_B)
        if self.n_halves == 1:
            return c_BD
        return torch.cat([c_BD, self.prior.condition_in.null_D.to(c_BD.dtype).expand_as(c_BD)])

    def _later(self, k: int, z_BZ: Tensor, given_B: Tensor, key_B: Tensor) -> Tensor:
        """Inputs of a scale, (R, N, D): both halves see the same map under the same mask."""
        map_BEnn = self.quantiser.next_input(self.f_BEGG, k)
        mask_Bnn, refined_BEnn = None, None
        if self.inject is not None and k >= self.prior.first_injected:
            keys = scale_keys(key_B, INJECTION, k)
            mask_Bnn, refined_BEnn = self.inject(k, map_BEnn, self.f_BEGG, z_BZ, given_B, keys)
        return self.prior.inputs.later(k, map_BEnn, mask_Bnn, refined_BEnn).repeat(self.n_halves, 1, 1)

    def _draw(self, k: int, h_RND: Tensor, modulation: Modulation, key_B: Tensor, *, forced: bool) -> None:
        """Draw the tokens of a scale, unless they are given, and note their log-probability."""
        if forced and self.log_prob_BL is None:
            return
        part = self.prior.layout.part(k)
        logits_RNV = self.prior.logits(h_RND, modulation)
        given_BNV = logits_RNV[: self.n_rows]
        if not forced:
            null_BNV = logits_RNV[self.n_rows :] if self.n_halves == 2 else None
            rule = self.rule.at(k, self.prior.layout)
            self.s_BL[:, part] = draw_scale(given_BNV, null_BNV, rule, scale_keys(key_B, TOKENS, k))
        if self.log_prob_BL is not None:
            self.log_prob_BL[:, part] = token_log_prob(given_BNV, self.s_BL[:, part])
