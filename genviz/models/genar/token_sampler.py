"""Sampling a token network scale by scale, with the KV cache and each row's own random numbers.

Shape legend: B rows, F features, S samples, R rows of a chunk, N = R S chains, K groups of one level, V
vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz.models.genar.sampling import SampleOptions, chunk_rows, padded_chunks
from genviz.models.genar.token_network import TokenNetwork


def choose(logits_NKV: Tensor, uniform_NK: Tensor, options: SampleOptions) -> Tensor:
    """Pick a count for every group: the most probable, or the distribution function inverted at `uniform_NK`.

    Ties and rounding are harmless: the result is always within the vocabulary.
    """
    if options.greedy:
        return logits_NKV.argmax(dim=-1)
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


def sample_tokens(
    network: TokenNetwork,
    x_BF: Tensor,
    xy_B2: Tensor,
    generators: Sequence[np.random.Generator],
    options: SampleOptions,
) -> list[NDArray[np.int32]]:
    """Joint samples of every level as group sums, (S, B, K) each: token times genes of the group.

    Tokens are drawn at the depth that the network predicts, for it knows no other; a told depth is then given to
    the sums of every level (`_at_depth`).
    """
    levels, n, n_rows = network.levels, options.n_samples, len(x_BF)
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
            token_NK = _clamped(token_NK, k, row_generators, network.targets.vocabulary, options)
            sums_NK = (token_NK * size_P[part]).cpu().numpy()[: len(true_rows) * n]
            for i, row in enumerate(true_rows):
                sums_SK = sums_NK[i * n : (i + 1) * n]
                out[k][:, row] = _at_depth(sums_SK, int(row), generators[row], options)
    return out


def _at_depth(
    sums_SK: NDArray[np.int64], row: int, generator: np.random.Generator, options: SampleOptions
) -> NDArray[np.int64]:
    """Sums of one level at the told depth; as they are where nothing was told.

    The factor is the told one on the expected total, or takes each sample's own sum to the told total. Below 1
    counts are thinned, as fewer reads would; above 1 they are multiplied, which keeps the mean exact and leaves the
    spread of genes with few counts too wide.
    """
    total = options.total(row)
    if total is None and options.depth_scale_B is None:
        return sums_SK
    if total is not None and sums_SK.shape[1] == 1:
        return np.full_like(sums_SK, total)
    if total is None:
        factor_S1 = np.full((len(sums_SK), 1), options.scale(row))
    else:
        factor_S1 = total / np.maximum(sums_SK.sum(axis=1, keepdims=True), 1)
    kept_SK = generator.binomial(sums_SK, np.minimum(factor_S1, 1.0))
    more_SK = kept_SK * np.maximum(factor_S1, 1.0)
    return np.floor(more_SK + generator.random(more_SK.shape)).astype(np.int64)


def _clamped(
    token_NK: Tensor,
    k: int,
    generators: list[np.random.Generator],
    vocabulary: int,
    options: SampleOptions,
) -> Tensor:
    """Apply clamps to freshly drawn tokens, rounding at random so that the mean is exact."""
    clamp = options.clamp_at(k)
    if not clamp:
        return token_NK
    factor_NK = torch.ones(token_NK.shape, device=token_NK.device)
    for group, factor in clamp.items():
        factor_NK[:, group] *= factor
    uniform_NK = _uniform(generators, options.n_samples, token_NK.shape[1], len(token_NK), token_NK)
    return (token_NK * factor_NK + uniform_NK).floor().long().clamp(0, vocabulary - 1)
