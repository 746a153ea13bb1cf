"""Draw tiles from the next-scale prior: all scales, or those finer than given ones.

Shape legend: N rows, B rows of a batch, L positions, P positions of given scales, K scales, E length of a code, G x G
latent grid, Z width of the condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.chunks import halving
from genviz.models.genevar.prior.batch_sampler import BatchSampler
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.protocols import Injector, Quantiser
from genviz.models.genevar.prior.rule import SampleRule
from genviz.nn.keyed_noise import noise_keys


@dataclass(frozen=True)
class Sampled:
    """Drawn tiles, on the CPU.

    Attributes
    ----------
    s_NL
        int64 tokens, scale by scale.
    f_NEGG
        Their latents f_K, for the decoder.
    partial_NKEGG
        Running sums f_1 ... f_K; None unless asked for.
    log_prob_NL
        Log-probability of each token under the prior, without guidance and filters, nats; None unless asked for.
    """

    s_NL: Tensor
    f_NEGG: Tensor
    partial_NKEGG: Tensor | None = None
    log_prob_NL: Tensor | None = None


def sample(
    prior: ScalePrior,
    quantiser: Quantiser,
    z_NZ: Tensor,
    rule: SampleRule,
    keys: Tensor | Sequence[int],
    *,
    given_N: Tensor | None = None,
    forced_NP: Tensor | None = None,
    inject: Injector | None = None,
    keep_partial: bool = False,
    return_log_prob: bool = False,
    batch_size: int = 16,
) -> Sampled:
    """Draw token maps.

    Rows are drawn in batches of one size, the last one filled up, so that in float32 on one machine a row's tokens do
    not depend on which rows are drawn with it. On a GPU that runs out of memory the size is halved, with a warning.
    Gradients are off but not forbidden: `inject` may switch them on for its own.

    Parameters
    ----------
    prior
        The trained prior, on the device to compute on; an autocast of the caller holds.
    quantiser
        Quantiser of the tokens, on the same device.
    z_NZ
        Conditions, standardised.
    rule
        How tokens are drawn.
    keys
        Noise keys of the rows: integers of `genviz.core.keyed.row_key`, or int64 of `noise_keys`.
    given_N
        bool, which rows have a condition; the others are drawn without. None: all.
    forced_NP
        Tokens of the first scales, to keep; the finer scales are drawn. With tokens of all scales and
        `return_log_prob` nothing is drawn and the likelihood is given.
    inject
        Masks and refined maps of the injected scales. None: all cells are shown, which needs ``masked_input="rk"``.
    keep_partial
        Also give the running sums.
    return_log_prob
        Also give log-probabilities.
    batch_size
        Rows a batch.

    Raises
    ------
    UsageError
        For shapes that do not fit.
    """
    if batch_size < 1:
        raise UsageError(f"Expected batch_size >= 1; got {batch_size}.")
    columns = _columns(prior, z_NZ, keys, given_N, forced_NP)
    training = prior.training
    prior.eval()

    def make(n_rows: int) -> BatchSampler:
        return BatchSampler(
            prior, quantiser, rule, n_rows, inject=inject, keep_partial=keep_partial, log_prob=return_log_prob
        )

    try:
        with torch.no_grad():
            s_NL, f_NEGG, *kept = _in_batches(make, columns, batch_size)
    finally:
        prior.train(training)
    partial_NKEGG = kept.pop(0) if keep_partial else None
    return Sampled(s_NL, f_NEGG, partial_NKEGG, kept.pop() if return_log_prob else None)


def _columns(
    prior: ScalePrior,
    z_NZ: Tensor,
    keys: Tensor | Sequence[int],
    given_N: Tensor | None,
    forced_NP: Tensor | None,
) -> tuple[Tensor, ...]:
    """Conditions, which are given, keys and given tokens, checked and on the prior's device."""
    n_rows, like = len(z_NZ), prior.head.weight
    key_N = keys if isinstance(keys, Tensor) else noise_keys(keys)
    given_N = torch.ones(n_rows, dtype=torch.bool) if given_N is None else given_N
    forced_NP = torch.zeros(n_rows, 0, dtype=torch.int64) if forced_NP is None else forced_NP
    if z_NZ.ndim != 2 or z_NZ.shape[1] != prior.cond_dim or not n_rows:
        raise UsageError(f"Expected conditions of shape (rows, {prior.cond_dim}); got {tuple(z_NZ.shape)}.")
    if not len(key_N) == len(given_N) == len(forced_NP) == n_rows:
        raise UsageError(
            f"Expected keys, given_N and forced_NP of {n_rows} rows; got {len(key_N)}, {len(given_N)} and "
            f"{len(forced_NP)}."
        )
    prior.layout.scales_in(forced_NP.shape[1])
    if forced_NP.numel() and not 0 <= int(forced_NP.min()) <= int(forced_NP.max()) < prior.n_codes:
        raise UsageError(f"Expected tokens in [0, {prior.n_codes}); got others in forced_NP.")
    moved = (z_NZ.to(like), given_N.bool(), key_N, forced_NP.long())
    return tuple(column.to(like.device) for column in moved)


def _in_batches(make: Callable[[int], BatchSampler], columns: tuple[Tensor, ...], size: int) -> list[Tensor]:
    """Draw batch after batch; give tokens, latents and, where kept, running sums and log-probabilities."""
    n_rows = len(columns[0])
    samplers: dict[int, BatchSampler] = {}

    def batch(start: int, size: int) -> list[Tensor]:
        row_B = torch.arange(start, start + size, device=columns[0].device).clamp_max(n_rows - 1)
        # Buffers of a larger size than fits are let go before the smaller ones are made.
        sampler = samplers.pop(size, None) or make(size)
        samplers.clear()
        sampler.run(*(column[row_B] for column in columns))
        samplers[size] = sampler
        return [x[: n_rows - start].clone().cpu() for x in _kept(sampler)]

    return [torch.cat(parts) for parts in zip(*halving(batch, n_rows, size), strict=True)]


def _kept(sampler: BatchSampler) -> list[Tensor]:
    kept = [sampler.s_BL, sampler.f_BEGG]
    if sampler.keep_partial:
        kept.append(torch.stack(sampler.partial, dim=1))
    if sampler.log_prob_BL is not None:
        kept.append(sampler.log_prob_BL)
    return kept
