"""Whether generated tiles hold the kinds of nuclei that real ones hold, and in the same proportions.

Shape legend: N tiles, M generated tiles, K kinds of nuclei, R random halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from genviz._errors import DataError
from genviz.core.statistics import percentile_interval
from genviz.metrics.cells.kinds import CellTyper, count_kinds
from genviz.metrics.image_set import labels_of
from genviz.metrics.row_means import mean_score
from genviz.metrics.score import Score

Floats = NDArray[np.float64]

N_HALVES = 100
_LEAST = 4  # tiles with nuclei, to have halves of two


def cell_composition(
    made: ArrayLike,
    real: ArrayLike,
    typer: CellTyper,
    *,
    made_groups: Sequence[Any] | None = None,
    real_groups: Sequence[Any] | None = None,
    n_halves: int = N_HALVES,
    seed: int = 0,
) -> dict[str, Score]:
    """Proportions of the kinds of nuclei in a tile, generated beside real, and how far apart the distributions are.

    - ``share_<kind>``: mean over tiles of the kind's share of a tile's nuclei; ``share_sd_<kind>``: sd over tiles.
      Real beside it. Published as mean ± sd (GeneVAR, Tables 2 and 6).
    - ``w1_<kind>``: Wasserstein-1 distance of the shares, between a random half of the generated tiles and a random
      half of the real ones. Beside it the floor: one half of the real tiles against the other.
    - ``energy``: energy distance of all shares together, root, likewise; ``energy_excess``: over the floor.
    - ``empty_share``: of tiles without a nucleus, which have no shares and are left out of all the above;
      ``nuclei``: mean number in a tile.

    Halves part groups, so that no patient is on both sides of the floor; their 95 % range over `n_halves` is about the
    interval of the whole sets, since a half drawn without return is as far from the whole as the whole is from the
    truth. Both distances compare equally many tiles.

    Parameters
    ----------
    made, real
        Tiles uint8 (M, H, W, 3), (N, H, W, 3).
    typer
        Counts nuclei by kind, the same for both: `SegmentThenClassify`, or `TypeMapModel` around an external model. A
        score is as good as this is on real tiles, and may be worse on generated ones.
    made_groups, real_groups
        Patient (or slide) of each tile; tiles by default.
    n_halves
        R.
    seed
        Of the halves.

    Raises
    ------
    DataError
        For other arrays, or fewer than four tiles with nuclei.
    """
    own, other = (
        _Side.of(typer, tiles, groups) for tiles, groups in ((made, made_groups), (real, real_groups))
    )
    scores = {}
    for i, name in enumerate(typer.names):
        ours, theirs = own.shares_NK[:, i], other.shares_NK[:, i]
        scores[f"share_{name}"] = mean_score(
            ours, groups=own.groups_N, seed=seed, baseline=float(theirs.mean())
        )
        scores[f"share_sd_{name}"] = Score(
            float(ours.std(ddof=1)), None, len(ours), float(theirs.std(ddof=1))
        )
    apart_RK1, floor_RK1 = _over_halves(own, other, n_halves, seed)
    for i, name in enumerate([*(f"w1_{kind}" for kind in typer.names), "energy"]):
        top = float(np.quantile(floor_RK1[:, i], 0.975))
        scores[name] = Score(
            float(apart_RK1[:, i].mean()),
            percentile_interval(apart_RK1[:, i]),
            len(own.shares_NK),
            float(floor_RK1[:, i].mean()),
            f"real halves up to {top:.3g}",
        )
    excess_R = apart_RK1[:, -1] - floor_RK1[:, -1]
    scores["energy_excess"] = Score(float(excess_R.mean()), percentile_interval(excess_R), len(own.shares_NK))
    scores["empty_share"] = Score(own.empty, None, own.n, other.empty)
    scores["nuclei"] = Score(own.nuclei, None, own.n, other.nuclei)
    return scores


class _Side:
    """One set of tiles, as shares."""

    def __init__(self, counts_NK: Floats, groups_N: NDArray[Any]) -> None:
        total_N = counts_NK.sum(axis=1)
        some = total_N > 0
        if some.sum() < _LEAST:
            raise DataError(
                f"Expected {_LEAST} tiles with nuclei or more; got {int(some.sum())} of {len(some)}."
            )
        self.shares_NK: Floats = counts_NK[some] / total_N[some, None]
        self.groups_N = groups_N[some]
        self.n, self.empty, self.nuclei = len(some), float(1 - some.mean()), float(total_N.mean())

    @classmethod
    def of(cls, typer: CellTyper, tiles: ArrayLike, groups: Sequence[Any] | None) -> _Side:
        counts = count_kinds(typer, tiles)
        names = labels_of(
            np.arange(len(counts)) if groups is None else np.asarray(groups, object), len(counts)
        )
        return cls(counts, names)

    def halves(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Shares of two random halves of the groups; of the tiles where there is one group."""
        names, code = np.unique(self.groups_N.astype(str), return_inverse=True)
        if len(names) < 2:
            code = np.arange(len(self.shares_NK))
        n_groups = int(code.max()) + 1
        first = np.isin(code, rng.permutation(n_groups)[: n_groups // 2])
        return self.shares_NK[first], self.shares_NK[~first]


def _over_halves(made: _Side, real: _Side, n: int, seed: int) -> tuple[Floats, Floats]:
    """Distances generated to real and real to real, (R, K + 1) each, last the energy distance."""
    apart, floor = [], []
    for draw in range(n):
        rng = np.random.default_rng([seed, draw])
        first, second = real.halves(rng)
        ours = made.halves(rng)[0]
        size = min(len(first), len(second), len(ours))
        first, second, ours = (part[rng.permutation(len(part))[:size]] for part in (first, second, ours))
        apart.append(_distances(ours, first))
        floor.append(_distances(second, first))
    return np.array(apart), np.array(floor)


def _distances(a_NK: Floats, b_NK: Floats) -> list[float]:
    found = [float(wasserstein_distance(a_NK[:, i], b_NK[:, i])) for i in range(a_NK.shape[1])]
    return [*found, energy_distance(a_NK, b_NK)]


def energy_distance(a_NK: Floats, b_MK: Floats) -> float:
    """``sqrt(2 E|a - b| - E|a - a'| - E|b - b'|)`` over all pairs (Székely and Rizzo 2013); 0 for equal sets.

    Parameters
    ----------
    a_NK, b_MK
        Rows of two sets.
    """
    square = 2 * cdist(a_NK, b_MK).mean() - cdist(a_NK, a_NK).mean() - cdist(b_MK, b_MK).mean()
    return float(np.sqrt(max(square, 0.0)))
