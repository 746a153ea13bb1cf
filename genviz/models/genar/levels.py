"""The scales a network works on, flattened: every group of every scale is one position.

Shape legend: B rows, G genes, L levels, P positions (groups of all levels, coarse to fine),
M = P - (groups of the first level) positions that have a parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz.core.gene_tree import GeneTree
from genviz.models.genar.config import GenARConfig


def level_groups(config: GenARConfig, tree: GeneTree) -> np.ndarray:
    """Pick the tree's scales that a configuration names, with the finest in the order of the genes.

    Returns
    -------
    int64 (L, G): group of each gene at each level. A count tree always begins with one group.

    Raises
    ------
    UsageError
        When a named scale is not in the tree.
    DataError
        When a count tree is asked for and the chosen scales do not nest.
    """
    wanted = list(tree.scales if config.scales is None else config.scales)
    if not config.multi_scale:
        wanted = [tree.n_genes]
    missing = [scale for scale in wanted if scale not in tree.scales and scale != 1]
    if not wanted or missing or wanted != sorted(set(wanted)) or wanted[-1] != tree.n_genes:
        raise UsageError(
            f"Expected scales out of the gene tree's {tree.scales}, growing and ending with {tree.n_genes}; "
            f"got {tuple(wanted)}. Fit the tree with pp.gene_tree(adata, scales=...) or leave scales out."
        )
    if config.counts == "tree":
        if wanted[0] != 1:
            wanted = [1, *wanted]
        if tree.layout != "nested":
            tree.require_nested()
    rows = [
        np.zeros(tree.n_genes, np.int64)
        if scale == 1
        else tree.groups[:, tree.scales.index(scale)].astype(np.int64)
        for scale in wanted[:-1]
    ]
    return np.stack([*rows, np.arange(tree.n_genes, dtype=np.int64)])


class Levels(nn.Module):
    """Index arrays of the flattened scales, rebuilt from the tree and therefore not in checkpoints.

    Attributes
    ----------
    scales
        Groups of each level.
    slices
        Where each level lies among the P positions.
    parent_M
        int64: position (among all P) of the parent of every position behind the first level.
    level_P
        int64: level of each position.
    group_LG
        int64: group of each gene at each level.
    size_P
        float: genes in each group.
    """

    parent_M: Tensor
    level_P: Tensor
    group_LG: Tensor
    size_P: Tensor

    def __init__(self, group_LG: np.ndarray, order_G: np.ndarray) -> None:
        super().__init__()
        self.scales = tuple(int(n) for n in group_LG.max(axis=1) + 1)
        starts = np.concatenate([[0], np.cumsum(self.scales)])
        self.slices = tuple(slice(int(a), int(b)) for a, b in pairwise(starts))
        parents = []
        for k in range(1, len(self.scales)):
            # The first gene of the display order decides, as in GeneTree.parents; nested scales agree on it.
            first_K = np.empty(self.scales[k], np.int64)
            first_K[group_LG[k][order_G[::-1]]] = order_G[::-1]
            parents.append(starts[k - 1] + group_LG[k - 1][first_K])
        sizes = [np.bincount(group_LG[k], minlength=n) for k, n in enumerate(self.scales)]
        arrays = {
            "group_LG": group_LG,
            "parent_M": np.concatenate([np.empty(0, np.int64), *parents]),
            "level_P": np.repeat(np.arange(len(self.scales)), self.scales),
            "size_P": np.concatenate(sizes).astype(np.float32),
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(array.copy()), persistent=False)

    @property
    def n_genes(self) -> int:
        """Genes, G: groups of the finest level."""
        return self.scales[-1]

    @property
    def n_positions(self) -> int:
        """Groups of all levels, P."""
        return sum(self.scales)

    @property
    def n_parents(self) -> int:
        """Positions that have children: all but the finest level's."""
        return self.n_positions - self.n_genes

    def parents(self, k: int) -> Tensor:
        """Parent of each group of level `k`, as a group of level ``k - 1``: int64 (K,)."""
        first = self.scales[0]
        part = self.slices[k]
        return self.parent_M[part.start - first : part.stop - first] - self.slices[k - 1].start

    def sums(self, counts_BG: Tensor) -> Tensor:
        """Sum counts over the groups of all levels: (B, G) → (B, P)."""
        parts: Sequence[Tensor] = [
            counts_BG.new_zeros(*counts_BG.shape[:-1], n).index_add(-1, self.group_LG[k], counts_BG)
            for k, n in enumerate(self.scales[:-1])
        ]
        return torch.cat([*parts, counts_BG], dim=-1)
