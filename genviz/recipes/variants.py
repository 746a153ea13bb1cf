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
    predict
        Arguments of `GenAR.predict`.
    embed
        Arguments of `pp.embed`.
    tree
        Arguments of `pp.gene_tree`, where the tree is not the default one.
    """

    about: str
    model: Mapping[str, Any] = field(default_factory=dict)
    predict: Mapping[str, Any] = field(default_factory=dict)
    embed: Mapping[str, Any] = field(default_factory=dict)
    tree: Mapping[str, Any] | None = None


_TOKENS = {"counts": "tokens", "trunk": "transformer"}

VARIANTS: dict[str, Variant] = {
    # count model x trunk
    "tree_mlp": Variant("shipped default: tree, mlp, Macenko, training statistics"),
    "tree_transformer": Variant("tree counts on a transformer", {"trunk": "transformer"}),
    "tokens_mlp": Variant("token counts on an mlp", {"counts": "tokens"}),
    "tokens_transformer": Variant("the paper's parts, read out by expectation", _TOKENS),
    # read-outs: the published way takes the most probable token at each scale
    "tokens_mlp_argmax": Variant("tokens on an mlp, argmax", {"counts": "tokens"}, {"greedy": True}),
    "tokens_transformer_argmax": Variant("the paper's parts and read-out", _TOKENS, {"greedy": True}),
    # ablations of the default
    "tree_mlp_section": Variant(
        "each section standardised by itself (transductive)", {"normalise": "section"}
    ),
    "tree_mlp_autoregressive": Variant("splits see the coarser counts", {"autoregressive": True}),
    "tree_mlp_one_scale": Variant("total, then all genes at once", {"multi_scale": False}),
    "tree_mlp_random_tree": Variant("genes grouped at random", tree={"method": "random"}),
    "tree_mlp_windows": Variant(
        "equal windows of a k-means order, as published", tree={"method": "kmeans", "layout": "windows"}
    ),
    "tree_mlp_one_member": Variant("one network instead of three", {"n_members": 1}),
    "tree_mlp_position": Variant("position in micrometres added", {"position": True}),
    "tree_mlp_attention": Variant(
        "attention over the ring", {"neighbours": "attention"}, embed={"ring": "each"}
    ),
    "tree_mlp_no_ring": Variant("own tissue only", embed={"ring": None}),
    "tree_mlp_reinhard": Variant("Reinhard instead of Macenko", embed={"stain": "reinhard"}),
    "tree_mlp_no_stain": Variant("colours as scanned", embed={"stain": None}),
    # ablations of the paper's tables
    "tokens_transformer_one_scale": Variant("without multi-scale", {**_TOKENS, "multi_scale": False}),
    "tokens_transformer_no_identity": Variant("without gene identity", {**_TOKENS, "identity": False}),
    "tokens_transformer_cross_entropy": Variant("hard targets", {**_TOKENS, "final_loss": "cross_entropy"}),
    "tokens_transformer_no_skip": Variant(
        "without the gene-specific path from image to gene", {**_TOKENS, "skip": False}
    ),
}
