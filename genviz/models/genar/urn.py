"""Counts of a group set anew, sample by sample, with the smallest change of what was drawn; numpy, no torch.

A Dirichlet-multinomial split of N counts is N draws from an urn, in exchangeable order. So a sample of N' < N counts is
what is left after N - N' of its draws are taken away at random, and one of N' > N continues the urn: the next
draws follow the split with concentrations alpha + x (Polya). Both are exact, and N' = N changes nothing.
Shape legend: S samples, A genes of the group, J and K groups of one level and of the next inside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.models.genar.levels import Levels
from genviz.models.genar.tree_sampling import Floats, Ints, RowParameters, SplitLayout, draw_split


@dataclass(frozen=True)
class Subtree:
    """Everything below one group.

    Attributes
    ----------
    genes_A
        Its genes, indices into the panel.
    steps
        For each finer level: where its groups lie among the M children of all levels, how they split, and the group of
        each gene of `genes_A` among them.
    """

    genes_A: NDArray[np.intp]
    steps: tuple[tuple[NDArray[np.intp], SplitLayout, NDArray[np.intp]], ...]

    @classmethod
    def of(cls, levels: Levels, level: int, group: int) -> Subtree:
        """The subtree below a group of a level."""
        group_LG = levels.group_LG.cpu().numpy()
        genes_A = np.flatnonzero(group_LG[level] == group)
        above_J, steps = np.array([group]), []
        for k in range(level + 1, len(levels.scales)):
            parent_K = levels.parents(k).cpu().numpy()
            here_K = np.flatnonzero(np.isin(parent_K, above_J))
            layout = SplitLayout(np.searchsorted(above_J, parent_K[here_K]), len(above_J))
            steps.append((
                here_K + levels.slices[k].start - 1, layout, np.searchsorted(here_K, group_LG[k][genes_A])
            ))  # fmt: skip
            above_J = here_K
        return cls(genes_A, tuple(steps))


def rounded(generator: np.random.Generator, wanted_S: Floats) -> Ints:
    """Round up or down at random, so that the mean stays."""
    return np.floor(wanted_S + generator.random(wanted_S.shape)).astype(np.int64)


def refill(
    generator: np.random.Generator, counts_SA: Ints, wanted_S: Ints, alpha_M: Floats, below: Subtree
) -> Ints:
    """Give each sample of a group another sum.

    Parameters
    ----------
    generator
        The row's own.
    counts_SA
        Counts of the group's genes as drawn.
    wanted_S
        The sums they shall have.
    alpha_M
        Dirichlet parameters of the row, all levels.
    below
        The group.

    Returns
    -------
    Counts (S, A) with these sums; samples whose sum is right already are returned as they are.
    """
    had_S = counts_SA.sum(axis=1)
    kept_SA = _thinned(generator, counts_SA, np.minimum(had_S, wanted_S))
    more_S = np.maximum(wanted_S - had_S, 0)
    grows = more_S > 0
    if grows.any():
        kept_SA[grows] += _drawn_on(generator, kept_SA[grows], more_S[grows], alpha_M, below)
    return kept_SA


def _thinned(generator: np.random.Generator, counts_SA: Ints, keep_S: Ints) -> Ints:
    """Keep a number of each sample's draws, all alike likely to stay: gene by gene, hypergeometric."""
    out_SA = counts_SA.copy()
    rest_S = counts_SA.sum(axis=1)
    shrinks = keep_S < rest_S
    if not shrinks.any():
        return out_SA
    left_S, rest_S = keep_S[shrinks].copy(), rest_S[shrinks]
    for gene in range(counts_SA.shape[1]):
        had_S = counts_SA[shrinks, gene]
        rest_S = rest_S - had_S
        stays_S = generator.hypergeometric(had_S, rest_S, left_S)
        out_SA[shrinks, gene] = stays_S
        left_S -= stays_S
    return out_SA


def _drawn_on(
    generator: np.random.Generator, counts_SA: Ints, more_S: Ints, alpha_M: Floats, below: Subtree
) -> Ints:
    """Further draws of the urns below a group, level by level, (S, A)."""
    row = RowParameters(generator, 0.0, 0.0, None, len(more_S))
    more_SJ = more_S[:, None]
    for at_K, layout, group_A in below.steps:
        had_SK = counts_SA @ (group_A[:, None] == np.arange(len(at_K))).astype(np.int64)
        more_SJ = draw_split(row, more_SJ, alpha_M[at_K] + had_SK, layout)
    # The finest groups are genes; those of the last step lie in the order of group_A.
    return more_SJ[:, below.steps[-1][2]] if below.steps else more_SJ
