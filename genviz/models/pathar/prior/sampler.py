"""Draw tokens from the prior: all of them, appearance for given structure, or what is left open.

Every sampler draws from the same law, and with the same noise keys the same tokens. Shape legend: P pairs asked for,
B = P times `renderings` rows drawn, N cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.chunks import halving
from genviz.models.pathar.prior.batch_sampler import BatchSampler
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.request import Forced, Request, Sampled, make_request
from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.prior.schedules import make_schedule, trim
from genviz.nn.visibility import row_layout

__all__ = ["Forced", "Sampled", "sample"]


def sample(
    prior: Prior,
    label_B: Tensor,
    rule: SampleRule,
    keys: Tensor | Sequence[int],
    *,
    sampler: str = "paired",
    given_s_BN: Tensor | None = None,
    forced: Forced | None = None,
    renderings: int = 1,
    structure_only: bool = False,
    organ_B: Tensor | None = None,
    return_log_prob: bool = False,
    batch_size: int = 16,
) -> Sampled:
    """Draw token sequences.

    Rows are drawn in batches of one size, the last one filled up, so that in float32 on one machine a row's tokens do
    not depend on which rows are drawn with it. On a GPU that runs out of memory the size is halved, with a warning.

    Parameters
    ----------
    prior
        The trained prior, on the device to compute on.
    label_B
        Labels of the P pairs, ``prior.null_label`` for none.
    rule
        How tokens are drawn.
    keys
        Noise keys of the B rows: integers of `genviz.core.keyed.row_key`, or int64 of `noise_keys`.
    sampler
        "paired" (structure of a cell together with appearance of the one before: N + 1 steps), "interleaved" (2N + 1
        steps), "two_phase" (structure, then appearance; 2N + 1 steps), "naive" (everything anew for each token, for
        tests). Where appearance sees all of the structure, or structure is given, "paired" and "interleaved" are
        "two_phase"; the ablations "causal", "leaky_literal", "s_then_a", "a_then_s" and "a_only" have one order,
        their own, which every name but "naive" takes.
    given_s_BN
        Structure tokens of the P pairs: only appearance is drawn.
    forced
        Tokens of the P pairs to keep.
    renderings
        Rows drawn for each pair, one after the other in the result; what is given goes through the prior once.
    structure_only
        Draw structure alone.
    organ_B
        Organs of the P pairs.
    return_log_prob
        Also give log-probabilities.
    batch_size
        Rows a batch.

    Raises
    ------
    UsageError
        For counts or shapes that do not fit, or a request that the prior's layout cannot answer.
    """
    if batch_size < 1:
        raise UsageError(f"Expected batch_size >= 1; got {batch_size}.")
    request = make_request(prior, label_B, keys, given_s_BN, forced, renderings, organ_B)
    maker = _Maker(prior, rule, request, sampler, structure_only, return_log_prob)
    training = prior.training
    prior.eval()
    try:
        with torch.inference_mode():
            found = _in_batches(request, maker, batch_size)
    finally:
        prior.train(training)
    drawn = (bool(prior.structure_codes), not structure_only)
    # Cloned out here, so that the caller may use them under autograd.
    return Sampled(*((x_2NB[k] if drawn[k] else x_2NB[k, :0]).T.clone() for x_2NB in found for k in (0, 1)))


class _Maker:
    """Makes the sampler of a batch size for one request."""

    def __init__(
        self,
        prior: Prior,
        rule: SampleRule,
        request: Request,
        sampler: str,
        structure_only: bool,
        log_prob: bool,
    ) -> None:
        self.prior, self.rule, self.naive, self.log_prob = prior, rule, sampler == "naive", log_prob
        config, known_2NP = prior.config, request.known_2NP
        structure_given = bool(known_2NP[0].all())
        schedule = make_schedule(
            row_layout(prior.n_cells, config.order, config.visibility, config.appearance_sees),
            sampler,
            structure_only=structure_only,
            structure_given=structure_given,
        )
        before, rest = trim(schedule, known_2NP.all(dim=2), to_end=log_prob)
        self.before, self.rest = ((), schedule) if self.naive else (before, rest)
        self.key = (rule, sampler, structure_only, structure_given, len(before), len(rest.steps), log_prob)

    def make(self, n_rows: int) -> BatchSampler:
        if self.naive or not _keeps(self.prior):
            return self._new(n_rows)
        weights = tuple(parameter.data_ptr() for parameter in self.prior.parameters())
        key = (*self.key, n_rows, weights)
        kept: BatchSampler = self.prior.kept_sampler.get(key, lambda: self._new(n_rows))
        return kept

    def _new(self, n_rows: int) -> BatchSampler:
        return BatchSampler(
            self.prior, self.rule, self.before, self.rest, n_rows, naive=self.naive, log_prob=self.log_prob
        )


def _keeps(prior: Prior) -> bool:
    """Graphs are worth keeping; on the CPU there are none, and packed weights would not follow training."""
    return prior.visible_LL.device.type == "cuda"


def _in_batches(request: Request, maker: _Maker, size: int) -> list[Tensor]:
    """Draw batch after batch; give tokens and, where kept, log-probabilities, (2, N, B) each."""
    n_rows, sampler = len(request.key_B), None

    def batch(start: int, size: int) -> list[Tensor]:
        nonlocal sampler
        row_B = torch.arange(start, start + size).clamp_max(n_rows - 1)
        # Another thread's batch may run between two of ours, never within one: both may draw with one kept sampler.
        with maker.prior.kept_sampler.lock if _keeps(maker.prior) else nullcontext():
            try:
                sampler = sampler or maker.make(size)
                _run(sampler, request, row_B)
            except torch.cuda.OutOfMemoryError:
                sampler = None
                raise
            found = (sampler.drawing.token_2NB, sampler.drawing.log_prob_2NB)
            # A copy: the buffers are written again by the next batch.
            return [x_2NB[:, :, : n_rows - start].clone().cpu() for x_2NB in found if x_2NB is not None]

    return [torch.cat(parts, dim=2) for parts in zip(*halving(batch, n_rows, size), strict=True)]


def _run(sampler: BatchSampler, request: Request, row_B: Tensor) -> None:
    pair_B = row_B // request.renderings
    sampler.run(
        request.label_P[pair_B],
        None if request.organ_P is None else request.organ_P[pair_B],
        request.key_B[row_B],
        request.token_2NP[:, :, pair_B],
        request.known_2NP[:, :, pair_B],
        pair_B,
    )
