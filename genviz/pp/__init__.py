"""Preparation: split, panel, gene tree, tiles and tile features, written into the AnnData that is given.

A module never has the name of a function here: importing ``genviz.pp.tile`` the module would hide
``genviz.pp.tile`` the function.
"""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "crops": "genviz.pp.tile_crops",
    "embed": "genviz.pp.embedding",
    "gene_tree": "genviz.pp.tree",
    "pair_profiles": "genviz.pp.profile_pairs",
    "panel_of": "genviz.pp.panel",
    "profile_tiles": "genviz.pp.profile_pairs",
    "pseudobulk": "genviz.pp.profile_pairs",
    "select_genes": "genviz.pp.panel",
    "slide_tiles": "genviz.pp.slide_tiling",
    "split": "genviz.pp.splitting",
    "tile": "genviz.pp.tiling",
    "tree_of": "genviz.pp.tree",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
