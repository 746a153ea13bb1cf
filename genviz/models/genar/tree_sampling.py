"""Joint samples of a count tree, one row at a time from that row's own generator; numpy, no torch.

Without autoregression the Dirichlet shares of all scales are drawn first and the genes are Poisson counts
around them (given the total: one multinomial), which is the same distribution as splitting counts down the
tree and much faster. Shape legend: S samples, G genes, P groups of all levels, M = P - 1 children,
Q = P - G parents, K and J groups of one level and of the level before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from genviz.models.genar.levels import Levels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Clamp = Mapping[tuple[int, int], float]


class TreeLayout:
    """Index arrays for sampling: children sorted by parent, so that segments are contiguous.

    Parameters
    ----------
    levels
        The scales.
    """

    def __init__(self, levels: Levels) -> None:
        parent_M = levels.parent_M.cpu().numpy()
        self.scales = levels.scales
        self.order_M: Ints = np.argsort(parent_M, kind="stable")
        self.parent_M: Ints = parent_M[self.order_M]
        self.starts_Q: Ints = np.searchsorted(self.parent_M, np.arange(levels.n_parents))
        # Of all levels only the finest is stored in another order (that of the genes).
        genes = slice(len(parent_M) - levels.n_genes, None)
        self.to_genes: Ints = np.argsort(self.order_M[genes])
        self.slices = levels.slices
        self.group_LG: Ints = levels.group_LG.cpu().numpy()

    def sums(self, counts_SG: Ints) -> list[Ints]:
        """Sums of the groups of every level, finest last."""
        out = []
        for k, n in enumerate(self.scales[:-1]):
            order_G = np.argsort(self.group_LG[k], kind="stable")
            starts = np.searchsorted(self.group_LG[k][order_G], np.arange(n))
            out.append(np.add.reduceat(counts_SG[:, order_G], starts, axis=1))
        return [*out, counts_SG]


@dataclass
class RowParameters:
    """One row: its generator, mean total and dispersion, a total that the caller fixed, samples to draw."""

    generator: np.random.Generator
    mean_total: float
    dispersion: float
    total: int | None
    n_samples: int


def dirichlet_shares(
    generator: np.random.Generator, alpha_SM: Floats, starts_Q: Ints, parent_M: Ints
) -> Floats:
    """Draw Dirichlet vectors for all (contiguous) segments at once, (S, M).

    Gamma(a) is drawn as Gamma(a + 1) U^(1/a) in logarithms, so that tiny a cannot underflow to 0 / 0.
    """
    weight_SM = np.log(generator.standard_gamma(alpha_SM + 1.0))
    weight_SM -= generator.standard_exponential(size=alpha_SM.shape) / alpha_SM
    weight_SM -= np.take(np.maximum.reduceat(weight_SM, starts_Q, axis=1), parent_M, axis=1)
    np.exp(weight_SM, out=weight_SM)
    weight_SM /= np.take(np.add.reduceat(weight_SM, starts_Q, axis=1), parent_M, axis=1)
    return weight_SM


def draw_total(row: RowParameters) -> Ints:
    """Draw the panel total, (S, 1), or repeat the one that is fixed."""
    if row.total is not None:
        return np.full((row.n_samples, 1), row.total, np.int64)
    return row.generator.poisson(_rate(row))[:, None].astype(np.int64)


def _rate(row: RowParameters) -> Floats:
    return row.generator.standard_gamma(row.dispersion, size=row.n_samples) * (
        row.mean_total / row.dispersion
    )


def draw_independent(row: RowParameters, alpha_M: Floats, layout: TreeLayout, clamp: Clamp) -> Ints:
    """Draw genes of one row of a tree whose splits do not depend on coarser counts, (S, G).

    A clamped group's rate is multiplied; with a fixed total all others give way.
    """
    n, generator = row.n_samples, row.generator
    alpha_SM = np.broadcast_to(alpha_M[layout.order_M], (n, len(alpha_M)))
    share_SM = dirichlet_shares(generator, alpha_SM, layout.starts_Q, layout.parent_M)
    rate_S = _rate(row) if row.total is None else np.ones(n)
    rate_SK = rate_S[:, None] * clamp.get((0, 0), 1.0)
    last = len(layout.scales) - 1
    for k in range(1, last + 1):
        part = slice(layout.slices[k].start - 1, layout.slices[k].stop - 1)
        parent_K = layout.parent_M[part] - layout.slices[k - 1].start
        rate_SK = np.take(rate_SK, parent_K, axis=1) * share_SM[:, part]
        if k == last:
            rate_SK = rate_SK[:, layout.to_genes]
        for (level, group), factor in clamp.items():
            if level == k:
                rate_SK[:, group] *= factor
    if row.total is None:
        return generator.poisson(rate_SK).astype(np.int64)
    return _multinomial(generator, np.full(n, row.total, np.int64), rate_SK)


def _multinomial(generator: np.random.Generator, total: Ints, weight: Floats) -> Ints:
    norm = weight.sum(axis=-1, keepdims=True)
    even = np.full_like(weight, 1.0 / weight.shape[-1])  # where a clamp has taken every weight away
    return generator.multinomial(total, np.divide(weight, norm, out=even, where=norm > 0))


class SplitLayout:
    """Children of one level as a padded table, for splitting counts level by level.

    Parameters
    ----------
    parent_K
        Parent of each group of the level.
    n_parents
        Groups of the level before, J.
    """

    def __init__(self, parent_K: Ints, n_parents: int) -> None:
        self.order_K: Ints = np.argsort(parent_K, kind="stable")
        self.parent_K: Ints = parent_K[self.order_K]
        self.starts_J: Ints = np.searchsorted(self.parent_K, np.arange(n_parents))
        self.column_K: Ints = np.arange(len(parent_K)) - self.starts_J[self.parent_K]
        self.shape = (n_parents, int(self.column_K.max()) + 1)
        self.back_K: Ints = np.argsort(self.order_K)


def draw_split(row: RowParameters, counts_SJ: Ints, alpha_SK: Floats, layout: SplitLayout) -> Ints:
    """Split the counts of one level among the groups of the next by Dirichlet-multinomials, (S, K)."""
    generator = row.generator
    share_SK = dirichlet_shares(generator, alpha_SK[:, layout.order_K], layout.starts_J, layout.parent_K)
    table_SJC = np.zeros((len(counts_SJ), *layout.shape))
    table_SJC[:, layout.parent_K, layout.column_K] = share_SK
    drawn_SJC = _multinomial(generator, counts_SJ, table_SJC)
    drawn_SK: Ints = drawn_SJC[:, layout.parent_K, layout.column_K]
    return drawn_SK[:, layout.back_K]


def clamp_counts(row: RowParameters, counts_SK: Ints, factors: Mapping[int, float]) -> Ints:
    """Multiply counts of groups, rounding at random to keep the mean; a fixed total is shared out anew."""
    if not factors:
        return counts_SK
    out_SK = counts_SK.astype(np.float64)
    for group, factor in factors.items():
        out_SK[:, group] *= factor
    out_SK = np.floor(out_SK + row.generator.random(out_SK.shape))
    if row.total is not None:
        return _multinomial(row.generator, np.full(len(out_SK), row.total, np.int64), out_SK)
    return out_SK.astype(np.int64)


def over_rows(task: Callable[[int], Ints], n_rows: int) -> list[Ints]:
    """Run a task for each row on as many threads as torch uses; numpy's generators release the GIL."""
    workers = min(n_rows, torch.get_num_threads())
    if workers <= 1:
        return [task(row) for row in range(n_rows)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(task, range(n_rows)))
