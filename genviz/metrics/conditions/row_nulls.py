"""What mean correlation arises without a relation of rows: rows shuffled, and the whole map moved over the tissue.

Tissue is smooth: neighbouring rows resemble each other, so that shuffling alone calls too much significant. Moving the
map keeps its smoothness. Shape legend: N rows, D statistics, P permutations, S shifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genviz.metrics.conditions.within_sections import (
    Floats,
    Labels,
    centred_within,
    correlations_of_centred,
    mean_of,
)

LEAST_STEPS = 3.0
_LEAST_OVERLAP = 1 / 3  # of the rows: on fewer, a mean correlation is mostly chance
_LEAST_ROWS = 10


@dataclass(frozen=True)
class Null:
    """Correlations without a relation, beside the one that was found.

    Attributes
    ----------
    found_D
        Correlation of each statistic as measured.
    null_PD
        Of each shuffling or shift.
    """

    found_D: Floats
    null_PD: Floats

    @property
    def means_P(self) -> Floats:
        """Mean over statistics of each."""
        return np.array([mean_of(row) for row in self.null_PD], np.float64)

    @property
    def p(self) -> float:
        """One-sided p-value of the mean: (1 + those not below it) / (1 + all)."""
        return float((1 + (self.means_P >= mean_of(self.found_D)).sum()) / (1 + len(self.null_PD)))

    @property
    def p_D(self) -> Floats:
        """The same of each statistic alone."""
        above_D = (self.null_PD >= self.found_D).sum(axis=0)
        return np.where(np.isnan(self.found_D), np.nan, (1 + above_D) / (1 + len(self.null_PD)))


def shuffled_null(
    made_ND: ArrayLike, real_ND: ArrayLike, sections: Labels, *, n: int = 2000, seed: int = 0
) -> Null:
    """Shuffle rows within sections.

    Parameters
    ----------
    made_ND, real_ND
        Statistics of generated and real tiles, the same rows.
    sections
        (N,).
    n
        Shufflings.
    seed
        Of them.
    """
    made, real = centred_within(made_ND, sections), centred_within(real_ND, sections)
    rng = np.random.default_rng([seed, len(made)])
    members = [np.flatnonzero(sections == name) for name in dict.fromkeys(sections.tolist())]
    order = np.arange(len(made))
    null = np.empty((n, made.shape[1]))
    for i in range(n):
        for own in members:
            order[own] = rng.permutation(own)
        null[i] = correlations_of_centred(made[order], real)
    return Null(correlations_of_centred(made, real), null)


def shifted_null(
    made_ND: ArrayLike,
    real_ND: ArrayLike,
    places_N2: ArrayLike,
    sections: Labels,
    *,
    step: tuple[float, float] = (1.0, 1.0),
) -> Null | None:
    """Move the map of generated statistics over the section, by every whole step of the grid that is far enough.

    Each shift compares the rows whose place, moved, is the place of another row; at least a third of the rows.

    Parameters
    ----------
    made_ND, real_ND
        Statistics of generated and real tiles, the same rows.
    places_N2
        Whole numbers, the row's place in its section's grid.
    sections
        (N,).
    step
        Length of a step of each axis, in distances of neighbours: shifts are of at least three of those.

    Returns
    -------
    None where no shift leaves enough rows.
    """
    made, real = np.asarray(made_ND, np.float64), np.asarray(real_ND, np.float64)
    places = np.asarray(places_N2).round().astype(int)
    at = {
        (name, x, y): row
        for row, (name, (x, y)) in enumerate(zip(sections.tolist(), places.tolist(), strict=True))
    }
    reach = np.ptp(places, axis=0)
    least = max(_LEAST_ROWS, int(np.ceil(_LEAST_OVERLAP * len(made))))
    null = []
    for dx in range(-reach[0], reach[0] + 1):
        for dy in range(-reach[1], reach[1] + 1):
            if np.hypot(dx * step[0], dy * step[1]) < LEAST_STEPS:
                continue
            pairs = [
                (row, at[name, x + dx, y + dy])
                for (name, x, y), row in at.items()
                if (name, x + dx, y + dy) in at
            ]
            if len(pairs) >= least:
                here, there = np.array(pairs).T
                own = sections[here]
                null.append(
                    correlations_of_centred(centred_within(made[there], own), centred_within(real[here], own))
                )
    if not null:
        return None
    found = correlations_of_centred(centred_within(made, sections), centred_within(real, sections))
    return Null(found, np.array(null))
