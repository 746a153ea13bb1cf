"""The named configurations of the GenAR accuracy table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes
    ----------
    about
        What the row shows, a few words.
    model
        Arguments of `GenAR`.
    readouts
        Suffix of the row's name → arguments of `GenAR.predict`; one fit serves all.
    embed
        Arguments of `pp.embed`.
    tree
        Arguments of `pp.gene_tree`, where the tree is not the default one.
    """

    about: str
    model: Mapping[str, Any] = field(default_factory=dict)
    readouts: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    embed: Mapping[str, Any] = field(default_factory=dict)
    tree: Mapping[str, Any] | None = None


# Ablations and token models stand on the published Macenko colours, beside tree_mlp_macenko.
_PLAIN = {"stain": "macenko"}
# One member and 64 chains: a token model costs fifty times a tree of the same width.
_TOKENS = {"counts": "tokens", "n_members": 1}
_PAPER = {**_TOKENS, "trunk": "transformer"}
_BOTH = {"": {"n_samples": 64}, "_argmax": {"greedy": True, "n_samples": 1}}
_EXPECTED = {"": {"n_samples": 64}}

VARIANTS: dict[str, Variant] = {
    # on the default features
    "tree_mlp": Variant("shipped default: tree, mlp, Macenko above glass, training statistics"),
    "tree_mlp_section": Variant(
        "each section standardised by itself (transductive)", {"normalise": "section"}
    ),
    "tree_mlp_autoregressive": Variant("splits see the coarser counts", {"autoregressive": True}),
    # count model x trunk
    "tree_mlp_macenko": Variant("Macenko as published: the reference of all rows below", embed=_PLAIN),
    "tree_transformer": Variant("tree counts on a transformer", {"trunk": "transformer"}, embed=_PLAIN),
    "tokens_mlp": Variant("token counts on an mlp", _TOKENS, _BOTH, embed=_PLAIN),
    "tokens_transformer": Variant(
        "the paper's parts, and a gene-specific path from the image", _PAPER, _BOTH, embed=_PLAIN
    ),
    "tokens_transformer_published": Variant(
        "the paper's way: six scales, position, no such path; argmax is its read-out",
        {**_PAPER, "skip": False, "position": True},
        _BOTH,
        embed=_PLAIN,
        tree={"scales": (1, 4, 8, 40, 100, 200)},
    ),
    # ablations
    "tree_mlp_one_scale": Variant("total, then all genes at once", {"multi_scale": False}, embed=_PLAIN),
    "tree_mlp_random_tree": Variant("genes grouped at random", embed=_PLAIN, tree={"method": "random"}),
    "tree_mlp_windows": Variant(
        "equal windows of a k-means order, as published",
        embed=_PLAIN,
        tree={"method": "kmeans", "layout": "windows"},
    ),
    "tree_mlp_one_member": Variant("one network instead of three", {"n_members": 1}, embed=_PLAIN),
    "tree_mlp_position": Variant("position in micrometres added", {"position": True}, embed=_PLAIN),
    "tree_mlp_attention": Variant(
        "attention over the ring", {"neighbours": "attention"}, embed={**_PLAIN, "ring": "each"}
    ),
    "tree_mlp_no_ring": Variant("own tissue only", embed={**_PLAIN, "ring": None}),
    "tree_mlp_reinhard": Variant("Reinhard instead of Macenko", embed={"stain": "reinhard"}),
    "tree_mlp_no_stain": Variant("colours as scanned", embed={"stain": None}),
    # ablations of the paper's tables
    "tokens_transformer_one_scale": Variant(
        "without multi-scale", {**_PAPER, "multi_scale": False}, _EXPECTED, embed=_PLAIN
    ),
    "tokens_transformer_no_identity": Variant(
        "without gene identity", {**_PAPER, "identity": False}, _EXPECTED, embed=_PLAIN
    ),
    "tokens_transformer_cross_entropy": Variant(
        "hard targets", {**_PAPER, "final_loss": "cross_entropy"}, _EXPECTED, embed=_PLAIN
    ),
}
