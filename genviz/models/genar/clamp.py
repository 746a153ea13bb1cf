"""What a user holds fixed: "this group of genes has twice the counts", "this gene has 40", read and checked.

Shape legend: G genes, L levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.core.arguments import check_list
from genviz.core.counts import first_names
from genviz.core.gene_tree import GeneTree

_WHAT, _HOW = ("gene", "genes", "group"), ("factor", "value")


@dataclass(frozen=True)
class Held:
    """One clamp.

    Attributes
    ----------
    genes
        Its genes, indices into the panel, growing.
    factor, value
        Multiply the sum of their counts, or set it; one of the two is None.
    nodes
        The groups of the model's own tree, (level, group), that make these genes up, as coarse as can be.
    """

    genes: tuple[int, ...]
    factor: float | None
    value: float | None
    nodes: tuple[tuple[int, int], ...]

    @property
    def changes(self) -> bool:
        """Whether it asks for anything."""
        return self.factor != 1.0


def read_clamps(clamp: Any, tree: GeneTree, group_LG: NDArray[np.int64]) -> tuple[Held, ...]:
    """Read ``{"scale": 40, "group": 3, "factor": 2}`` and its like, or several of them.

    Parameters
    ----------
    clamp
        A mapping or a sequence of mappings: ``scale`` (number of groups) and ``group``, or ``gene``, or ``genes``; with
        ``factor`` or ``value``.
    tree
        The tree that names groups; its genes in the model's order.
    group_LG
        Groups of the model's own levels.

    Raises
    ------
    UsageError
        For what cannot be meant: an empty mapping, unknown groups or genes, both or neither of factor and value, two
        clamps on one gene.
    """
    if clamp is None:
        return ()
    if isinstance(clamp, Mapping) and not clamp:
        raise UsageError("Expected at least one clamp; got none. Leave clamp out to hold nothing.")
    if not isinstance(clamp, Mapping | Sequence) or isinstance(clamp, str):
        raise UsageError(_expected(clamp))
    held = tuple(_read(one, tree, group_LG) for one in ([clamp] if isinstance(clamp, Mapping) else clamp))
    taken: set[int] = set()
    for one in held:
        if twice := taken & set(one.genes):
            raise UsageError(
                f"Expected clamps on groups that share no gene; {tree.genes[min(twice)]} is in two of them. "
                "Clamp the finer group only, or generate again from one clamp after the other."
            )
        taken |= set(one.genes)
    return held


def _read(one: Any, tree: GeneTree, group_LG: NDArray[np.int64]) -> Held:
    if not isinstance(one, Mapping):
        raise UsageError(_expected(one))
    given = {name: value for name, value in one.items() if value is not None}
    if (
        sum(name in given for name in _WHAT) != 1
        or sum(name in given for name in _HOW) != 1
        or ("group" in given) != ("scale" in given)
        or set(given) - {*_WHAT, *_HOW, "scale"}
    ):
        raise UsageError(_expected(one))
    how = "factor" if "factor" in given else "value"
    try:
        number = float(given[how])
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise UsageError(f"Expected a finite {how} from 0 in a clamp; got {given[how]!r}.")
    genes = _genes(given, tree)
    return Held(
        genes,
        number if how == "factor" else None,
        number if how == "value" else None,
        cover(genes, group_LG),
    )


def _genes(given: Mapping[str, Any], tree: GeneTree) -> tuple[int, ...]:
    at = {gene: i for i, gene in enumerate(tree.genes)}
    if "group" in given:
        scale, group = given["scale"], given["group"]
        if scale not in tree.scales or not (isinstance(group, int | np.integer) and 0 <= group < scale):
            raise UsageError(
                f"Expected scale as one of the tree's numbers of groups {tree.scales} and a group from 0 to scale - 1; "
                f"got scale {scale!r}, group {group!r}."
            )
        return tuple(np.flatnonzero(tree.groups[:, tree.scales.index(scale)] == group).tolist())
    names = [given["gene"]] if "gene" in given else check_list("genes", given["genes"], "names", one=str)
    unknown = [name for name in names if not isinstance(name, str) or name not in at]
    if unknown or not names:
        raise UsageError(
            f"Expected genes of the panel to clamp, at least one; got {first_names(unknown) or 'none'}."
        )
    return tuple(sorted({at[name] for name in names}))


def cover(genes: Sequence[int], group_LG: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """Groups (level, group) that together are exactly these genes, each as coarse as possible."""
    inside = np.zeros(group_LG.shape[1], bool)
    inside[list(genes)] = True
    left, nodes = inside.copy(), []
    for level, group_G in enumerate(group_LG):
        whole = np.bincount(group_G, minlength=group_G.max() + 1)
        hit = np.bincount(group_G[inside], minlength=len(whole))
        for group in np.flatnonzero((hit == whole) & (whole > 0)):
            if left[group_G == group].any():
                nodes.append((level, int(group)))
                left &= group_G != group
    return tuple(nodes)


def _expected(got: Any) -> str:
    return (
        'Expected a clamp like {"scale": 40, "group": 3, "factor": 2.0}, {"gene": "ERBB2", "value": 30} or '
        f'{{"genes": [...], "factor": 0.5}}, or a list of such; got {got!r}.'
    )
