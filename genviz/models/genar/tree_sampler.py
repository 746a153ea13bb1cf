"""Sampling a count-tree network: torch for parameters in fixed-size chunks, numpy for draws in threads.

Shape legend: B rows, F features, C condition width, G genes, S samples, R rows of a chunk, N = R S chains,
K groups of one level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz.models.genar import tree_sampling as draws
from genviz.models.genar.sampling import SampleOptions, chunk_rows, padded_chunks
from genviz.models.genar.tree_network import TreeNetwork


class TreeSampler:
    """Draws from one network; the index arrays of its tree are made once.

    Parameters
    ----------
    network
        The network; its parameters may still be trained.
    """

    def __init__(self, network: TreeNetwork) -> None:
        self.network = network
        self.levels = levels = network.levels
        self.layout = draws.TreeLayout(levels)
        self.splits = [
            draws.SplitLayout(levels.parents(k).cpu().numpy(), levels.scales[k - 1])
            for k in range(1, len(levels.scales))
        ]

    def sample(
        self, x_BF: Tensor, xy_B2: Tensor, generators: Sequence[np.random.Generator], options: SampleOptions
    ) -> list[NDArray[np.int32]]:
        """Joint samples of every level, (S, B, K) each, coarser levels the exact sums of the finest."""
        network, n_rows = self.network, len(x_BF)
        out = [np.empty((options.n_samples, n_rows, scale), np.int32) for scale in self.levels.scales]
        draw = self._draw_down if network.config.autoregressive else self._draw_at_once

        def store(row: int, counts_SG: draws.Ints) -> None:
            for k, sums_SK in enumerate(self.layout.sums(counts_SG)):
                out[k][:, row] = sums_SK

        heavy = network.config.trunk == "transformer"
        for rows in padded_chunks(n_rows, min(64, chunk_rows(1, heavy=heavy, device=x_BF.device))):
            index = torch.from_numpy(rows).to(x_BF.device)
            condition_RC = network.condition(x_BF[index], xy_B2[index])
            total_R = network.totals(condition_RC).cpu().numpy()
            dispersion = float(network.counts.log_dispersion.exp())
            true_rows = rows[: n_rows - int(rows[0])].tolist()
            parameters = [
                draws.RowParameters(
                    generators[row],
                    total_R[i] * options.scale(row),
                    dispersion,
                    options.total(row),
                    options.n_samples,
                )
                for i, row in enumerate(true_rows)
            ]
            for i, counts_SG in enumerate(draw(condition_RC, parameters, options)):
                store(true_rows[i], counts_SG)
        return out

    def _draw_at_once(
        self, condition_RC: Tensor, rows: list[draws.RowParameters], options: SampleOptions
    ) -> list[draws.Ints]:
        alpha_RM = self.network.alpha(self.network.splits(condition_RC)).cpu().numpy()
        return draws.over_rows(
            lambda i: draws.draw_independent(rows[i], alpha_RM[i], self.layout, options.clamp), len(rows)
        )

    def _draw_down(
        self, condition_RC: Tensor, rows: list[draws.RowParameters], options: SampleOptions
    ) -> list[draws.Ints]:
        network, n = self.network, options.n_samples
        out: list[draws.Ints] = []
        heavy = network.config.trunk == "transformer"
        for chunk in padded_chunks(len(rows), chunk_rows(n, heavy=heavy, device=condition_RC.device)):
            index = torch.from_numpy(chunk).to(condition_RC.device)
            state = network.splits.begin(condition_RC[index].repeat_interleave(n, dim=0))
            members = [rows[i] for i in chunk[: len(rows) - int(chunk[0])]]
            out += self._levels_of_chunk(state, members, len(chunk), options)
        return out

    def _levels_of_chunk(
        self, state: Any, rows: list[draws.RowParameters], n_chunk: int, options: SampleOptions
    ) -> list[draws.Ints]:
        network, n = self.network, options.n_samples
        clamp = options.clamp_at(0)
        counts = [draws.clamp_counts(row, draws.draw_total(row), clamp) for row in rows]
        coarse_NQ = network.coarse_mean_Q.new_zeros(n_chunk * n, 0)
        for k in range(1, len(self.levels.scales)):
            sums_NK = coarse_NQ.new_zeros(n_chunk * n, self.levels.scales[k - 1])
            sums_NK[: len(rows) * n] = torch.from_numpy(np.concatenate(counts)).to(sums_NK)
            coarse_NQ = network.standardise(sums_NK, coarse_NQ)
            alpha_NK = network.alpha(network.splits.step(state, k, coarse_NQ), k).cpu().numpy()
            clamp, split = options.clamp_at(k), self.splits[k - 1]

            def draw(
                i: int, counts: list[draws.Ints] = counts, alpha_NK: NDArray[np.float64] = alpha_NK,
                clamp: dict[int, float] = clamp, split: draws.SplitLayout = split,
            ) -> draws.Ints:  # fmt: skip
                drawn_SK = draws.draw_split(rows[i], counts[i], alpha_NK[i * n : (i + 1) * n], split)
                return draws.clamp_counts(rows[i], drawn_SK, clamp)

            counts = draws.over_rows(draw, len(rows))
        return counts
