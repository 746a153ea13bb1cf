"""Measures under row weights: the score itself has weight 1 everywhere, its bootstrap replicates draw rows.

Every measure is a function of weights, so that one product of matrices gives all replicates, and two
models scored with the same weights have paired replicates.

Shape legend: N rows, G genes, B replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.core.statistics import bootstrap_weights, percentile_interval
from genviz.metrics.score import Score

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_BLOCK_VALUES = 1 << 22  # of weights or of moments held at once


@dataclass(frozen=True)
class Measure:
    """A family of scores computed together.

    Attributes
    ----------
    about
        Score name → (n, note).
    of
        Weights (B, N) → score name → (B,) values.
    """

    about: Mapping[str, tuple[int, str]]
    of: Callable[[Floats], Mapping[str, Floats]]


@dataclass(frozen=True)
class Replicates:
    """A score's value followed by its bootstrap replicates, (1 + B,), with what `Score` says about it."""

    values: Floats
    n: int
    note: str

    def score(self, baseline: float | None = None) -> Score:
        """The value with its percentile interval."""
        value = float(self.values[0])
        ci = percentile_interval(self.values[1:]) if np.isfinite(value) else None
        return Score(value, ci, self.n, baseline, self.note)


def replicate(
    measures: Sequence[Measure], labels: NDArray[np.object_], n_genes: int, n_bootstrap: int, seed: int
) -> dict[str, Replicates]:
    """Compute every measure and its bootstrap replicates, rows resampled within their section.

    Parameters
    ----------
    measures
        What to compute.
    labels
        (N,) section of each row.
    n_genes
        Bounds the memory of a block of replicates.
    n_bootstrap, seed
        Replicates (0 for none) and their seed.
    """
    block = max(1, _BLOCK_VALUES // max(len(labels), 5 * n_genes))
    sizes = [min(block, n_bootstrap - start) for start in range(0, n_bootstrap, block)]
    found: dict[str, list[Floats]] = {}
    for i, size in enumerate([0, *sizes]):
        weights_BN = bootstrap_weights(labels, size, [seed, i]) if i else np.ones((1, len(labels)))
        for measure in measures:
            for name, values in measure.of(weights_BN).items():
                found.setdefault(name, []).append(values)
    about = {name: said for measure in measures for name, said in measure.about.items()}
    return {name: Replicates(np.concatenate(parts), *about[name]) for name, parts in found.items()}


def section_mean(
    name: str, values_N: Floats, sections: Sequence[Rows], note: str = "", pooled: str | None = None
) -> Measure:
    """Mean of a value of each row: over rows in each section, then over sections.

    Parameters
    ----------
    name
        Name of the score.
    values_N
        (N,) value of each row.
    sections
        Rows of each section.
    note
        For `Score`.
    pooled
        Name under which the mean over all rows at once is given too.
    """
    n = sum(len(rows) for rows in sections)

    def of(weights_BN: Floats) -> dict[str, Floats]:
        means = [weights_BN[:, rows] @ values_N[rows] / weights_BN[:, rows].sum(axis=1) for rows in sections]
        result = {name: np.mean(means, axis=0)}
        if pooled is not None:
            result[pooled] = weights_BN @ values_N / weights_BN.sum(axis=1)
        return result

    names = [name] if pooled is None else [name, pooled]
    return Measure(dict.fromkeys(names, (n, note)), of)
