"""Sampling a token network scale by scale, with the KV cache and each row's own random numbers.

Shape legend: B rows, F features, S samples, R rows of a chunk, N = R S chains, K groups of one level, V
vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.genar.sampling import SampleOptions, chunk_rows, padded_chunks

if TYPE_CHECKING:
    from genviz.models.genar.token_network import TokenNetwork


def choose(logits_NKV: Tensor, uniform_NK: Tensor, options: SampleOptions) -> Tensor:
    """Pick a count for every group: the most probable, or the distribution function inverted at `uniform_NK`.

    Ties and rounding are harmless: the result is always within the vocabulary.
    """
    if options.greedy:
        return logits_NKV.argmax(dim=-1)
    logits_NKV = logits_NKV / options.temperature
    if options.top_k is not None and options.top_k < logits_NKV.shape[-1]:
        kth_NK1 = logits_NKV.topk(options.top_k, dim=-1).values[..., -1:]
        logits_NKV = logits_NKV.masked_fill(logits_NKV < kth_NK1, -torch.inf)
    cumulative_NKV = logits_NKV.softmax(dim=-1).cumsum(dim=-1)
    wanted_NK1 = uniform_NK[..., None] * cumulative_NKV[..., -1:]
    token_NK = torch.searchsorted(cumulative_NKV, wanted_NK1, right=True).squeeze(-1)
    return token_NK.clamp(max=logits_NKV.shape[-1] - 1)


def _uniform(
    generators: list[np.random.Generator], n: int, n_groups: int, n_chains: int, like: Tensor
) -> Tensor:
    drawn_NK = np.zeros((n_chains, n_groups), np.float32)
    for i, generator in enumerate(generators):
        drawn_NK[i * n : (i + 1) * n] = generator.random((n, n_groups), dtype=np.float32)
    return torch.from_numpy(drawn_NK).to(like.device)


def _scaled(token_NK: Tensor, factor_NK: Tensor, uniform_NK: Tensor, vocabulary: int) -> Tensor:
    """Multiply tokens, rounding at random so that the mean is exact."""
    return (token_NK * factor_NK + uniform_NK).floor().long().clamp(0, vocabulary - 1)


def sample_tokens(
    network: TokenNetwork,
    x_BF: Tensor,
    xy_B2: Tensor,
    generators: Sequence[np.random.Generator],
    options: SampleOptions,
) -> list[NDArray[np.int32]]:
    """Joint samples of every level as group sums, (S, B, K) each.

    Raises
    ------
    UsageError
        When a depth is given to a model without a panel total.
    """
    levels, n, n_rows = network.levels, options.n_samples, len(x_BF)
    if levels.scales[0] != 1 and not (options.depth_scale_B is None and options.total_B is None):
        raise UsageError(
            f"Expected scales that begin with the panel total (1) to set a depth; got {levels.scales}. "
            f"Leave depth out."
        )
    out = [np.empty((n, n_rows, scale), np.int32) for scale in levels.scales]
    size_P = levels.size_P.long()
    modulation = network.modulation()
    for rows in padded_chunks(n_rows, chunk_rows(n, heavy=True, device=x_BF.device)):
        index = torch.from_numpy(rows).to(x_BF.device)
        condition_NC = network.condition(x_BF[index], xy_B2[index]).repeat_interleave(n, dim=0)
        state = network.begin(condition_NC)
        true_rows = rows[: n_rows - int(rows[0])]
        row_generators = [generators[row] for row in true_rows]
        token_NK: Tensor | None = None
        for k, part in enumerate(levels.slices):
            logits_NKV = network.step(state, k, token_NK, modulation)
            uniform_NK = _uniform(row_generators, n, levels.scales[k], len(condition_NC), logits_NKV)
            token_NK = choose(logits_NKV, uniform_NK, options)
            token_NK = _intervene(network, token_NK, k, rows, row_generators, options)
            sums_NK = (token_NK * size_P[part]).cpu().numpy()[: len(true_rows) * n]
            out[k][:, true_rows] = sums_NK.reshape(len(true_rows), n, -1).swapaxes(0, 1)
    return out


def _intervene(
    network: TokenNetwork,
    token_NK: Tensor,
    k: int,
    rows: NDArray[np.int64],
    generators: list[np.random.Generator],
    options: SampleOptions,
) -> Tensor:
    """Apply depth (to the first level) and clamps to freshly drawn tokens."""
    n, vocabulary = options.n_samples, network.targets.vocabulary
    clamp = options.clamp_at(k)
    depth_NK = None
    if k == 0 and options.total_B is not None:
        mean_N = np.repeat(options.total_B[rows] / network.levels.n_genes, n)
        token_NK, depth_NK = torch.ones_like(token_NK), torch.from_numpy(mean_N)[:, None]
    elif k == 0 and options.depth_scale_B is not None:
        depth_NK = torch.from_numpy(np.repeat(options.depth_scale_B[rows], n))[:, None]
    if depth_NK is None and not clamp:
        return token_NK
    factor_NK = torch.ones(token_NK.shape, device=token_NK.device)
    if depth_NK is not None:
        factor_NK = factor_NK * depth_NK.to(factor_NK)
    for group, factor in clamp.items():
        factor_NK[:, group] *= factor
    uniform_NK = _uniform(generators, n, token_NK.shape[1], len(token_NK), token_NK)
    return _scaled(token_NK, factor_NK, uniform_NK, vocabulary)
