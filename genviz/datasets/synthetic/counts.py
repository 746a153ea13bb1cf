"""Counts of a phantom: known programmes under each spot, known loadings of genes, known noise.

rate[s, g] = depth[s] * (a[s] @ L[g]) / sum_g (a[s] @ L[g]);
X[s, g] ~ gamma-Poisson(rate[s, g], dispersion[g]), of variance rate + dispersion * rate^2.
a are the area fractions of the compartments under the spot, depth grows with the nuclei under it.
Shapes: N spots; G genes; K programmes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.core.keyed import row_generator
from genviz.datasets.synthetic.tissue import PROGRAMMES

Array = NDArray[np.float64]

# Two modules a programme: one pure, one that another programme shares. Genes of a module go together more
# than genes of a programme, and those more than any two: the two upper levels of the true gene tree.
MODULES = (
    ("TUM", "tumour", None),
    ("TST", "tumour", "stroma"),
    ("STR", "stroma", None),
    ("SAD", "stroma", "adipose"),
    ("LYM", "lymphoid", None),
    ("LTU", "lymphoid", "tumour"),
    ("ADI", "adipose", None),
    ("AST", "adipose", "stroma"),
)
_SHARED = 0.25  # loading on the second programme
_LEAK = 0.03  # of every gene on every programme
COUNTS_PER_NUCLEUS = 24.0
_FEWEST_NUCLEI = 3.0  # a spot without a nucleus still yields something
DEPTH_SPREAD = 0.25  # deviation of log depth at given nuclei


@dataclass(frozen=True)
class Genes:
    """Genes of a phantom.

    Attributes
    ----------
    names
        Called after their modules: ``TUM01``.
    modules, programmes
        Module and main programme of each.
    loadings_GK
        How strongly each programme expresses each gene.
    dispersion_G
        Of the gamma-Poisson: variance = mean + dispersion * mean^2.
    """

    names: tuple[str, ...]
    modules: tuple[str, ...]
    programmes: tuple[str, ...]
    loadings_GK: Array
    dispersion_G: Array


def draw_genes(seed: int, n_genes: int) -> Genes:
    """Genes of all modules in turn, shuffled: their order in the table tells nothing."""
    rng = row_generator(seed, "", "", "phantom genes")
    module_G = rng.permutation(np.arange(n_genes) % len(MODULES))
    weights = np.full((len(MODULES), len(PROGRAMMES)), _LEAK)
    for row, (_, main, second) in zip(weights, MODULES, strict=True):
        row[PROGRAMMES.index(main)] = 1.0
        if second:
            row[PROGRAMMES.index(second)] = _SHARED
    abundance_G = np.exp(rng.normal(scale=0.6, size=n_genes))
    wobble_GK = np.exp(rng.normal(scale=0.1, size=(n_genes, len(PROGRAMMES))))
    loadings_GK = weights[module_G] * wobble_GK * abundance_G[:, None]
    digits = max(2, len(str(n_genes // len(MODULES) + 1)))
    seen = [int((module_G[:i] == m).sum()) + 1 for i, m in enumerate(module_G)]
    return Genes(
        names=tuple(f"{MODULES[m][0]}{i:0{digits}d}" for m, i in zip(module_G, seen, strict=True)),
        modules=tuple(MODULES[m][0] for m in module_G),
        programmes=tuple(MODULES[m][1] for m in module_G),
        loadings_GK=loadings_GK / loadings_GK.mean(axis=0),
        dispersion_G=rng.uniform(0.05, 0.2, n_genes),
    )


def draw_depth(seed: int, section: str, names: list[str], nuclei_N: NDArray[np.int64]) -> Array:
    """Expected total of each spot: its nuclei times lognormal(0.25)."""
    luck = [row_generator(seed, section, name, "phantom depth").normal(scale=DEPTH_SPREAD) for name in names]
    return COUNTS_PER_NUCLEUS * (nuclei_N + _FEWEST_NUCLEI) * np.exp(np.array(luck))


def expected_counts(programmes_NK: Array, genes: Genes, depth_N: Array) -> Array:
    """Expected counts (N, G); rows sum to the depth."""
    mixed_NG = programmes_NK @ genes.loadings_GK.T
    return mixed_NG / mixed_NG.sum(axis=1, keepdims=True) * depth_N[:, None]


def draw_counts(
    seed: int, section: str, names: list[str], rate_NG: Array, genes: Genes
) -> NDArray[np.float32]:
    """Gamma-Poisson counts (N, G); a spot's draw depends on its name and rates alone."""
    shape_G = 1 / genes.dispersion_G
    counts_NG = np.empty(rate_NG.shape, np.float32)
    for row, (name, rate_G) in enumerate(zip(names, rate_NG, strict=True)):
        rng = row_generator(seed, section, name, "phantom counts")
        counts_NG[row] = rng.poisson(rate_G * rng.gamma(shape_G) / shape_G)
    return counts_NG
