"""The gene tree as an icicle: every scale a row, every group a box, as wide as its share of counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from genviz._keys import Layers
from genviz.pl.colours import EXPRESSION, plotly_scale
from genviz.pl.house_style import LAYOUT
from genviz.pp.tree import tree_of

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.core.gene_tree import GeneTree

_NAMED_GENES = 3
_TICKS = (1, 10, 100, 1_000, 10_000)
_COLOUR_BAR = {
    "title": {"text": "counts a spot", "side": "right"},
    "tickvals": [math.log2(1 + tick) for tick in _TICKS],
    "ticktext": [f"{tick:,}" for tick in _TICKS],
    "thickness": 14,
    "outlinewidth": 0,
}


def gene_tree(adata: AnnData, tree: GeneTree | None = None, *, key: str | None = "genar") -> go.Figure:
    """Draw the coarse-to-fine tree that GenAR predicts along.

    Parameters
    ----------
    adata
        Object holding the tree's genes; reads ``layers[key]`` when present, else ``layers["counts"]`` or ``X``.
    tree
        The tree, for instance ``model.tree``; default the one in ``varm["gene_tree"]``.
    key
        Result key whose expected counts set the widths; None uses measured counts.

    Returns
    -------
    plotly.graph_objects.Figure
        A box's width is the square root of its mean count, so that rare genes stay visible; its colour is
        log2(1 + mean count).

    Raises
    ------
    MissingKeyError
        Without a tree.
    """
    tree = tree_of(adata) if tree is None else tree
    mean_G, which = _mean_counts(adata, tree, key)
    labels, ids, parents, values, colours, hover = [], [], [], [], [], []
    for scale, n_groups in enumerate(tree.scales):
        totals = tree.aggregate(mean_G[None, :], scale)[0]
        weights = tree.aggregate(np.sqrt(mean_G + 0.05)[None, :], scale)[0]
        above = tree.parents(scale) if scale else None
        for group in range(n_groups):
            members = tree.members(scale, group)
            ids.append(f"{scale}/{group}")
            parents.append("" if above is None else f"{scale - 1}/{above[group]}")
            labels.append(_label(members, f"{totals[group]:,.0f} counts a spot, {which}", mean_G, tree))
            values.append(float(weights[group]))
            colours.append(float(np.log2(1.0 + totals[group])))
            hover.append(
                f"scale {n_groups}, group {group}<br>{len(members)} {'genes' if len(members) > 1 else 'gene'}, "
                f"{totals[group]:.1f} counts a spot"
            )
    figure = go.Figure(
        go.Icicle(
            ids=ids,
            labels=labels,
            parents=parents,
            values=values,
            branchvalues="total",
            sort=False,
            tiling={"orientation": "v", "pad": 1},
            marker={
                "colors": colours,
                "colorscale": plotly_scale(EXPRESSION),
                "showscale": True,
                "colorbar": _COLOUR_BAR,
                "line": {"width": 0.5, "color": "white"},
            },
            customdata=hover,
            hovertemplate="<b>%{label}</b><br>%{customdata}<extra></extra>",
            pathbar={"visible": True},
        )
    )
    figure.update_layout(
        title={
            "text": f"Gene tree · {tree.n_genes} genes at scales {', '.join(map(str, tree.scales))}",
            "x": 0.01,
        },
        margin={"l": 10, "r": 10, "t": 60, "b": 10},
        width=940,
        height=480,
        uniformtext={"minsize": 9, "mode": "hide"},  # hover names what is too narrow to be read
        **LAYOUT,
    )
    return figure


def _mean_counts(adata: AnnData, tree: GeneTree, key: str | None) -> tuple[NDArray[np.float64], str]:
    """Mean count of each gene of the tree, (G,), and whether it was predicted or measured."""
    view = adata[:, list(tree.genes)]
    if key is not None and Layers.mean(key) in view.layers:
        matrix, which = view.layers[Layers.mean(key)], "predicted"
    else:
        matrix, which = view.layers.get(Layers.COUNTS, view.X), "measured"
    return np.asarray(matrix.mean(axis=0), dtype=np.float64).ravel(), which


def _label(members: list[str], total: str, mean_G: NDArray[np.float64], tree: GeneTree) -> str:
    """A group is named by its most abundant genes."""
    if len(members) == 1:
        return members[0]
    if len(members) == tree.n_genes:
        return f"all {tree.n_genes} genes · {total}"
    index = {gene: i for i, gene in enumerate(tree.genes)}
    top = sorted(members, key=lambda gene: -mean_G[index[gene]])[:_NAMED_GENES]
    return ", ".join(top) + (" …" if len(members) > _NAMED_GENES else "")
