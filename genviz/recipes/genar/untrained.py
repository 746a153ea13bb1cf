"""GenAR networks with random weights, for what only needs their size."""

from __future__ import annotations

import numpy as np

from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.network import GenARNetwork


def untrained_network(config: GenARConfig, n_features: int, n_genes: int = 200) -> GenARNetwork:
    """Give a network on a tree of made-up counts, ready to be called.

    Parameters
    ----------
    config
        Any configuration.
    n_features
        Width of the condition.
    n_genes
        Of the panel.
    """
    counts = np.random.default_rng(0).poisson(5.0, (80, n_genes))
    tree = fit_gene_tree(counts, [f"G{i}" for i in range(n_genes)], scales=config.scales)
    network = GenARNetwork(config.resolve(int(counts.max())), tree, n_features)
    network.init_from_counts(counts)
    return network.eval()
