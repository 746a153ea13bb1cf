"""Editing a gene tree: move, merge, split, rename; every result is nested, complete and checked as a fitted one is.

Shape legend: G genes, K scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz.core.gene_tree import GeneTree

_LONGEST = 60


@dataclass(frozen=True, eq=False)
class EditedTree:
    """A tree whose groups keep their identity, and their names, while others come and go.

    Attributes
    ----------
    tree
        The tree as it is.
    labels
        int (G, K): identity of each gene's group at each scale; unlike the numbers in `tree` it outlives edits.
    names
        (scale index, identity) → the name a user gave.
    """

    tree: GeneTree
    labels: NDArray[np.int64]
    names: Mapping[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: GeneTree, names: Mapping[str, str] | None = None) -> EditedTree:
        """Begin with a tree; names by ``"<number of groups>/<group>"``, as `named` gives them."""
        tree.require_nested()
        known = {}
        for place, name in (names or {}).items():
            scale, _, group = place.partition("/")
            if scale.isdigit() and group.isdigit() and int(scale) in tree.scales:
                known[tree.scales.index(int(scale)), int(group)] = name
        return cls(tree, tree.groups.astype(np.int64), known)

    def label(self, k: int, group: int) -> int:
        """Identity of a group.

        Raises
        ------
        UsageError
            When the scale has no such group.
        """
        if not (0 <= k < len(self.tree.scales) and 0 <= group < self.tree.scales[k]):
            raise UsageError(
                f"Expected a group of one of the scales {self.tree.scales}; got scale index {k}, group {group}."
            )
        return int(self.labels[self.tree.groups[:, k] == group, k][0])

    def name(self, k: int, group: int) -> str:
        """The name a user gave to a group; empty without one."""
        return self.names.get((k, self.label(k, group)), "")

    def named(self) -> dict[str, str]:
        """All names, by ``"<number of groups>/<group>"``."""
        return {
            f"{n}/{group}": name
            for k, n in enumerate(self.tree.scales)
            for group in range(n)
            if (name := self.name(k, group))
        }


def move_gene(edited: EditedTree, gene: str, k: int, group: int) -> EditedTree:
    """Put a gene into another group of scale `k`, and into those above it; below, into its smallest part.

    Raises
    ------
    UsageError
        For a gene or group that is not there, the finest scale, a gene that is in the group already, or when a scale
        would be left with as many groups as its neighbour.
    """
    at = _gene(edited, gene)
    _group_scale(edited, k)
    target = edited.label(k, group)
    if edited.labels[at, k] == target:
        raise UsageError(
            f"Expected a gene of another group; {gene} is in this one already. Choose another group."
        )
    labels = edited.labels.copy()
    inside = np.flatnonzero(labels[:, k] == target)
    labels[at, : k + 1] = labels[inside[0], : k + 1]
    for finer in range(k + 1, labels.shape[1] - 1):
        found, sizes = np.unique(labels[inside, finer], return_counts=True)
        labels[at, finer] = found[sizes.argmin()]
        inside = inside[labels[inside, finer] == labels[at, finer]]
    return _rebuilt(edited, labels, behind={at: inside})


def merge(edited: EditedTree, k: int, groups: Sequence[int]) -> EditedTree:
    """Make several groups of a scale one: it takes the place and name of the first, finer groups stay as they are.

    Raises
    ------
    UsageError
        For fewer than two groups, or groups that are not there, or when a scale would be left with as many groups as
        its neighbour.
    """
    _group_scale(edited, k)
    chosen = list(dict.fromkeys(int(group) for group in groups))
    if len(chosen) < 2:
        raise UsageError(f"Expected at least two groups to merge; got {chosen}. Choose another one.")
    first, *others = (edited.label(k, group) for group in chosen)
    labels = edited.labels.copy()
    home = np.flatnonzero(labels[:, k] == first)
    moved = np.flatnonzero(np.isin(labels[:, k], others))
    labels[moved, : k + 1] = labels[home[0], : k + 1]
    return _rebuilt(edited, labels, behind=dict.fromkeys(moved.tolist(), home))


def split(edited: EditedTree, k: int, group: int, genes: Sequence[str] | None = None) -> EditedTree:
    """Make two groups of one.

    Parameters
    ----------
    edited
        The tree.
    k, group
        The group.
    genes
        Those that leave for the new group; default the second half in display order, parted between finer groups where
        that is possible.

    Raises
    ------
    UsageError
        For a group of one gene, genes that are not in it or are all of it, the root, or when a scale would be left with
        as many groups as its neighbour.
    """
    _group_scale(edited, k)
    if edited.tree.scales[k] == 1:
        raise UsageError("Expected a group below the root; the panel's total is one. Split a finer group.")
    target = edited.label(k, group)
    members = edited.tree.members(k, group)
    leaving = _second_half(edited, k, members) if genes is None else list(dict.fromkeys(genes))
    if not leaving or not set(leaving) < set(members):
        raise UsageError(
            f"Expected some genes of the group, not all, to leave it ({len(members)} genes: "
            f"{', '.join(members)[:_LONGEST]}); got {', '.join(leaving)[:_LONGEST] or 'none'}."
        )
    goes = np.isin(np.asarray(edited.tree.genes), leaving)
    labels = edited.labels.copy()
    inside = labels[:, k] == target
    for scale in range(k, labels.shape[1] - 1):
        for label in np.unique(labels[inside, scale]):
            part = inside & (labels[:, scale] == label)
            whole = scale > k and goes[part].all()  # a finer group that goes as a whole keeps its identity
            if (part & goes).any() and not whole:
                labels[part & goes, scale] = labels[:, scale].max() + 1
    return _rebuilt(edited, labels, behind={})


def rename(edited: EditedTree, k: int, group: int, name: str) -> EditedTree:
    """Name a group; an empty name takes the name away.

    Raises
    ------
    UsageError
        For a group that is not there, or a name that is too long.
    """
    label = edited.label(k, group)
    name = " ".join(name.split())
    if len(name) > _LONGEST:
        raise UsageError(f"Expected a name of at most {_LONGEST} characters; got {len(name)}.")
    names = {place: one for place, one in edited.names.items() if place != (k, label)}
    return replace(edited, names=names | ({(k, label): name} if name else {}))


def _gene(edited: EditedTree, gene: str) -> int:
    if gene not in edited.tree.genes:
        raise UsageError(f"Expected a gene of the tree ({edited.tree.n_genes} genes); got {gene!r}.")
    return edited.tree.genes.index(gene)


def _group_scale(edited: EditedTree, k: int) -> None:
    if not 0 <= k < len(edited.tree.scales) - 1:
        raise UsageError(
            f"Expected one of the scales of groups {edited.tree.scales[:-1]}; the finest is the genes themselves. "
            "Choose a group above them."
        )


def _second_half(edited: EditedTree, k: int, members: list[str]) -> list[str]:
    """From the border between finer groups next to the middle on; from the middle gene in a group of one part."""
    if len(members) < 2:
        raise UsageError(
            f"Expected a group of at least two genes to split; {members[0]} is alone in its group."
        )
    at = [edited.tree.genes.index(gene) for gene in members]
    finer = edited.labels[at, k + 1]
    borders = np.flatnonzero(np.diff(finer)) + 1
    middle = len(members) / 2
    cut = int(borders[np.abs(borders - middle).argmin()]) if len(borders) else int(middle)
    return members[cut:]


def _rebuilt(
    edited: EditedTree, labels: NDArray[np.int64], behind: Mapping[int, NDArray[np.int64]]
) -> EditedTree:
    """Number the groups from left to right again; genes that moved stand behind those they joined."""
    tree = edited.tree
    position = np.empty(tree.n_genes)
    position[tree.order] = np.arange(tree.n_genes)
    for gene, others in behind.items():
        position[gene] = position[others].max() + 0.5 + position[gene] / (10.0 * tree.n_genes)
    ranks = []
    for k in range(labels.shape[1] - 1):
        _, inverse = np.unique(labels[:, k], return_inverse=True)
        first = np.full(inverse.max() + 1, np.inf)
        np.minimum.at(first, inverse, position)
        ranks.append(first[inverse])
    order = np.lexsort([position, *reversed(ranks)])
    groups = np.empty_like(labels)
    for k in range(labels.shape[1]):
        along = labels[order, k]
        groups[order, k] = np.concatenate([[0], np.cumsum(along[1:] != along[:-1])])
    try:
        changed = GeneTree(tree.genes, groups.astype(np.int32), order.astype(np.int32), "nested")
    except DataError as error:
        scales = tuple(len(np.unique(labels[:, k])) for k in range(labels.shape[1]))
        raise UsageError(
            f"Expected scales that grow from coarse to fine; this edit would make them {scales}. Edit another scale "
            "first."
        ) from error
    present = {(k, int(label)) for k in range(labels.shape[1]) for label in np.unique(labels[:, k])}
    return EditedTree(
        changed, labels, {place: name for place, name in edited.names.items() if place in present}
    )
