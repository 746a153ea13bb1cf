"""Draws one batch of a fixed size by a schedule; made once, run for batch after batch.

Shape legend: B rows of the batch, R sequences (B, or 2 B with guidance), Q pairs that go through the prior at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from genviz.models.pathar.prior.cache import PriorCache
from genviz.models.pathar.prior.drawing import Drawing
from genviz.models.pathar.prior.graph import GraphedParts
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.prior.schedules import Schedule, Step
from genviz.nn.token_picking import token_log_prob

_PART = 32  # steps of one CUDA graph
# Pairs whose known tokens go through the prior at once, always that many: one has enough rows for a CPU.
_PREFILLED = {"cpu": 1}
_PREFILLED_ELSEWHERE = 16


class BatchSampler:
    """Buffers and steps of one kind of draw.

    Parameters
    ----------
    prior
        The prior, in evaluation mode.
    rule
        How tokens are drawn.
    before
        Steps whose tokens are all known: done at once.
    schedule
        The other steps.
    n_rows
        B.
    naive
        Compute everything anew for each token, `before` included.
    log_prob
        Keep log-probabilities.

    Attributes
    ----------
    drawing
        After `run`: tokens and log-probabilities.
    """

    def __init__(
        self,
        prior: Prior,
        rule: SampleRule,
        before: tuple[Step, ...],
        schedule: Schedule,
        n_rows: int,
        *,
        naive: bool,
        log_prob: bool,
    ) -> None:
        self.prior, self.before, self.schedule, self.naive = prior, before, schedule, naive
        self.drawing = Drawing(prior, schedule.layout, rule, n_rows, log_prob=log_prob)
        self.device = self.drawing.token_2NB.device
        if naive:
            return
        self.cache = PriorCache(prior, schedule, self.drawing.n_halves * n_rows)
        self.draw: Callable[[], None] = partial(self._advance, self.cache.steps)
        if self.device.type == "cuda":
            steps = self.cache.steps
            parts = [partial(self._advance, steps[k : k + _PART]) for k in range(0, len(steps), _PART)]
            self.draw = GraphedParts(parts)

    def run(
        self,
        label_B: Tensor,
        organ_B: Tensor | None,
        key_B: Tensor,
        token_2NB: Tensor,
        known_2NB: Tensor,
        pair_B: Tensor,
    ) -> None:
        """Draw a batch.

        Parameters
        ----------
        label_B, organ_B, key_B, token_2NB, known_2NB
            As `Drawing.load`, on the CPU.
        pair_B
            Number of each row's pair: rows of one pair share what is known.
        """
        label_B = label_B.to(self.device)
        organ_B = None if organ_B is None else organ_B.to(self.device)
        self.drawing.load(label_B, organ_B, key_B, token_2NB, known_2NB)
        if self.naive:
            self._recompute(label_B, organ_B)
            return
        if self.before:
            for pairs in pair_B.unique().split(_PREFILLED.get(self.device.type, _PREFILLED_ELSEWHERE)):
                self._prefill(pairs, pair_B, label_B, organ_B)
        self.draw()

    def _advance(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            h_RMD = self.cache.advance(self.drawing.inputs(step.rows), step)
            for m, stream, cell in self.schedule.targets(step):
                self.drawing.pick(stream, cell, h_RMD[:, m])

    def _prefill(self, pairs: Tensor, pair_B: Tensor, label_B: Tensor, organ_B: Tensor | None) -> None:
        """Take the known beginning of some pairs through the prior, and hand it to all of their rows."""
        drawing, n = self.drawing, self.drawing.n_rows
        n_at_once = _PREFILLED.get(self.device.type, _PREFILLED_ELSEWHERE)
        receiver_row, giver = (pair_B[:, None] == pairs).nonzero().T
        first_Q = (pair_B[:, None] == pairs).int().argmax(dim=0)
        first_Q = torch.cat([first_Q, first_Q[-1:].expand(n_at_once - len(first_Q))]).to(self.device)
        halves = range(drawing.n_halves)
        to_RQ = (
            torch.cat([receiver_row + half * n for half in halves]).to(self.device),
            torch.cat([giver + half * n_at_once for half in halves]).to(self.device),
        )
        label_QD = drawing.label_vectors(label_B[first_Q], None if organ_B is None else organ_B[first_Q])
        rows = tuple(row for step in self.before for row in step.rows)
        h_QLD = drawing.embed(rows, label_QD, drawing.token_2NB[:, :, first_Q])
        h_QLD = self.cache.prefill(h_QLD, self.before, to_RQ)
        if drawing.log_prob_2NB is None:
            return
        place = 0
        for step in self.before:
            for m, stream, cell in self.schedule.targets(step):
                logits_QK = drawing.logits(stream, h_QLD[:n_at_once, place + m])
                log_prob_Q = token_log_prob(logits_QK, drawing.token_2NB[stream, cell, first_Q])
                drawing.log_prob_2NB[stream, cell, receiver_row] = log_prob_Q[giver]
            place += len(step.rows)

    def _recompute(self, label_B: Tensor, organ_B: Tensor | None) -> None:
        """Run the whole network for each token: slow and plain, what the cache is compared with."""
        drawing, prior = self.drawing, self.prior
        rows = (prior.structure_rows, prior.appearance_rows)
        for step in self.schedule.steps:
            for _, stream, cell in self.schedule.targets(step):
                s_BN, a_BN = drawing.token_2NB.transpose(1, 2).unbind(0)
                h_RLD = prior.hidden(s_BN, a_BN, label_B, organ_B)
                if drawing.n_halves == 2:
                    null_B = torch.full_like(label_B, prior.null_label)
                    h_RLD = torch.cat([h_RLD, prior.hidden(s_BN, a_BN, null_B)])
                drawing.pick(stream, cell, h_RLD[:, rows[stream][cell]])
