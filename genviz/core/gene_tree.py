"""The gene tree: the group of each gene at each scale. Shape legend: N rows, G genes, K scales, S groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import DataError, UsageError
from genviz.core.counts import check_names
from genviz.core.gene_tree_checks import check_same_genes, check_segments, check_shapes, straddling


@dataclass(frozen=True, eq=False)
class GeneTree:
    """Groups of genes at growing resolution, along one display order.

    Every group is a contiguous segment of `order`, numbered left to right; the last scale has one
    group a gene. With ``layout="nested"`` each scale splits the groups of the scale before, so that
    sums of counts agree across scales. ``layout="windows"`` (the published equal windows) need not
    nest: see `is_nested` and `require_nested`.

    Attributes
    ----------
    genes
        Names of the G genes; the order of every gene axis that goes with this tree.
    groups
        int32 (G, K): group of each gene at each scale.
    order
        int32 (G,): indices into `genes`, in display order.
    layout
        ``"nested"`` or ``"windows"``.

    Raises
    ------
    DataError
        When shapes, names or numbering are wrong, or a nested tree is not nested.
    """

    genes: tuple[str, ...]
    groups: NDArray[np.int32]
    order: NDArray[np.int32]
    layout: str = "nested"

    def __post_init__(self) -> None:
        object.__setattr__(self, "genes", tuple(str(gene) for gene in self.genes))
        for name in ("groups", "order"):
            values = np.array(getattr(self, name), dtype=np.int32)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        self._check()

    def _check(self) -> None:
        check_shapes(len(self.genes), self.groups, self.order, self.layout)
        check_names(self.genes, "genes")
        check_segments(self.groups[self.order])
        if self.layout == "nested":
            self.require_nested()

    @property
    def n_genes(self) -> int:
        """Number of genes, G."""
        return len(self.genes)

    @property
    def scales(self) -> tuple[int, ...]:
        """Number of groups at each scale, growing; the last is `n_genes`."""
        return tuple(int(n) for n in self.groups.max(axis=0) + 1)

    def sizes(self, k: int) -> NDArray[np.int64]:
        """Genes in each group of a scale.

        Parameters
        ----------
        k
            Scale, 0 is the coarsest; negative counts from the finest.

        Returns
        -------
        int64 (scales[k],), from left to right along `order`; they sum to `n_genes`.
        """
        return np.bincount(self.groups[:, k], minlength=self.scales[k])

    def starts(self, k: int) -> NDArray[np.int64]:
        """Position along `order` at which each group of a scale begins.

        Parameters
        ----------
        k
            Scale, 0 is the coarsest; negative counts from the finest.

        Returns
        -------
        int64 (scales[k],), growing from 0: the sums of `sizes` before each group.
        """
        return np.concatenate([[0], np.cumsum(self.sizes(k))[:-1]]).astype(np.int64)

    def parents(self, k: int) -> NDArray[np.int32]:
        """Group at scale ``k - 1`` that holds each group of scale `k` (its first gene, for windows).

        Parameters
        ----------
        k
            Scale, from 1 to the number of scales less 1.

        Returns
        -------
        int32 (scales[k],), never decreasing.

        Raises
        ------
        UsageError
            For scale 0, which has no parents, or a scale that the tree does not have.
        """
        if not 1 <= k < len(self.scales):
            raise UsageError(
                f"Expected a scale from 1 to {len(self.scales) - 1}, which has a parent scale; got {k}."
            )
        return np.asarray(self.groups[self.order[self.starts(k)], k - 1], np.int32)

    @property
    def is_nested(self) -> bool:
        """Whether every group lies inside one group of the scale before."""
        return straddling(self.groups[self.order]) is None

    def require_nested(self) -> None:
        """Refuse a tree whose sums do not agree across scales.

        Raises
        ------
        DataError
            Naming the first two scales that do not nest.
        """
        if (found := straddling(self.groups[self.order])) is not None:
            k, n = found
            raise DataError(
                f"Expected each group inside one group of the scale before; {n} of {self.scales[k]} groups "
                f"straddle two of the {self.scales[k - 1]} before. Use pp.gene_tree(..., layout='nested')."
            )

    def aggregate(self, counts_NG: Any, k: int) -> NDArray[Any]:
        """Sum counts over the groups of scale `k`.

        Parameters
        ----------
        counts_NG
            (N, G) array or scipy sparse matrix, columns in the order of `genes`.
        k
            Scale, 0 is the coarsest; negative counts from the finest.

        Returns
        -------
        Dense (N, scales[k]); floats keep their type, integers become int64.

        Raises
        ------
        DataError
            When the counts do not have a column for each gene.
        """
        if counts_NG.ndim != 2 or counts_NG.shape[1] != self.n_genes:
            raise DataError(
                f"Expected counts with {self.n_genes} columns, the tree's genes; got shape {counts_NG.shape}."
            )
        dtype = counts_NG.dtype if counts_NG.dtype.kind == "f" else np.int64
        ones = np.ones(self.n_genes, dtype)
        member_GS = sparse.csr_matrix((ones, (np.arange(self.n_genes), self.groups[:, k])), dtype=dtype)
        sums = counts_NG.astype(dtype) @ member_GS
        return np.asarray(sums.toarray() if sparse.issparse(sums) else sums)

    def members(self, k: int, g: int) -> list[str]:
        """Names of the genes in one group, in display order.

        Parameters
        ----------
        k
            Scale, 0 is the coarsest; negative counts from the finest.
        g
            Number of the group at that scale, from the left.

        Returns
        -------
        As many names as ``sizes(k)[g]``; none for a group that the scale does not have.
        """
        start, stop = np.searchsorted(self.groups[self.order, k], [g, g + 1])
        return [self.genes[i] for i in self.order[start:stop]]

    def reindex(self, genes: Sequence[str]) -> GeneTree:
        """Give the same tree with its gene axis in another order of the same names.

        Parameters
        ----------
        genes
            The G names of `genes`, in the order wanted.

        Returns
        -------
        A new tree; its groups, display order and `digest` are those of this one.

        Raises
        ------
        DataError
            When the names are not the same set; the first ones are named.
        """
        check_same_genes(self.genes, genes)
        at = {gene: i for i, gene in enumerate(self.genes)}
        rows = np.array([at[gene] for gene in genes], dtype=np.int32)
        order = np.argsort(rows)[self.order].astype(np.int32)
        return GeneTree(tuple(genes), self.groups[rows], order, self.layout)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form of the tree, which `from_dict` reads.

        Returns
        -------
        ``genes`` (G names), ``order`` (G indices into them), ``sizes`` (for each scale the genes in each group,
        left to right) and ``layout``.
        """
        sizes = [self.sizes(k).tolist() for k in range(len(self.scales))]
        return {
            "genes": list(self.genes),
            "order": self.order.tolist(),
            "sizes": sizes,
            "layout": self.layout,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GeneTree:
        """Read what `to_dict` wrote, checked as a new tree is.

        Parameters
        ----------
        data
            ``genes``, ``order`` and ``sizes``; ``layout`` is ``"nested"`` where it is absent.

        Raises
        ------
        DataError
            When keys are absent or the numbers do not make a tree.
        """
        try:
            genes, order = data["genes"], np.asarray(data["order"], dtype=np.int32)
            along = [np.repeat(np.arange(len(sizes)), sizes) for sizes in data["sizes"]]
            groups = np.empty((len(genes), len(along)), dtype=np.int32)
            groups[order] = np.stack(along, axis=1)
        except (KeyError, TypeError, ValueError, IndexError) as err:
            raise DataError(
                f"Expected a gene tree (genes, order, sizes); it cannot be read ({err}). Fit it again."
            ) from err
        return cls(tuple(genes), groups, order, str(data.get("layout", "nested")))

    def digest(self) -> str:
        """SHA-256 of the tree itself: equal for trees that differ only in the order of `genes`.

        Returns
        -------
        64 hexadecimal digits, of the names in display order, the groups' sizes at each scale and the layout.
        """
        whole = self.to_dict() | {"genes": [self.genes[i] for i in self.order]}
        del whole["order"]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GeneTree) and self.genes == other.genes and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash((self.genes, self.digest()))
