"""Fréchet distance and KID of draws from real rows, beside real sections from each other, all at one number of rows.

Both depend on the number of rows, and sections of one tissue differ: a distance means something only beside that
of real tiles at the same number. Shape legend: N rows, D features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genviz.metrics.conditions.within_sections import Floats
from genviz.metrics.score import Score
from genviz.metrics.tiles.distances import frechet, kid

_HALVES = 10
_LEAST = 10


def distances_with_floors(
    name: str,
    draws: Sequence[Floats],
    real_ND: Floats,
    training: Mapping[str, Floats],
    *,
    seed: int = 0,
) -> dict[str, Score]:
    """``fd_<name>`` and ``kid_<name>`` of generated from held-out real tiles, mean over draws.

    - Beside both stands the mean over training sections of their real tiles' distance from the held-out ones, and
      ``fd_<name>_floor_<section>`` is each; ``fd_<name>_of_floor`` is the quotient.
    - ``fd_<name>_half``: against one half of the held-out rows; beside it the other half, mean over ten divisions.

    Parameters
    ----------
    name
        Of the features.
    draws
        (N, D) of each draw, the rows of `real_ND`.
    real_ND
        Held-out real tiles.
    training
        Section → features of its real tiles; may be empty.
    seed
        Decides which rows are left out where sets are larger than the smallest, and the halves.
    """
    size = min([len(real_ND), *(len(part) for part in training.values() if len(part) >= _LEAST)])
    if size < _LEAST:
        return {}
    rng = np.random.default_rng([seed, len(real_ND)])
    rows = np.sort(rng.permutation(len(real_ND))[:size])
    real = real_ND[rows]
    floors = {}
    for section, part in training.items():
        if len(part) >= _LEAST:
            own = part[np.sort(rng.permutation(len(part))[:size])]
            floors[section] = frechet(real, own), kid(real, own)
    note = f"{size} tiles a set" + (
        f"; fewer than twice the {real.shape[1]} features" if size < 2 * real.shape[1] else ""
    )
    found = np.array([(frechet(real, draw[rows]), kid(real, draw[rows])) for draw in draws])
    scores = {}
    for i, kind in enumerate(("fd", "kid")):
        beside = float(np.mean([pair[i] for pair in floors.values()])) if floors else None
        sd = f"; sd over {len(found)} draws {found[:, i].std(ddof=1):.3g}" if len(found) > 1 else ""
        value = float(found[:, i].mean())
        scores[f"{kind}_{name}"] = Score(value, None, size, beside, note + sd)
        if kind == "fd" and beside:
            scores[f"fd_{name}_of_floor"] = Score(
                value / beside, None, size, note="of the training sections' mean"
            )
    scores |= {f"fd_{name}_floor_{s}": Score(pair[0], None, size, note=note) for s, pair in floors.items()}
    return scores | _halves(name, [draw[rows] for draw in draws], real, rng)


def _halves(name: str, draws: list[Floats], real_ND: Floats, rng: np.random.Generator) -> dict[str, Score]:
    half = len(real_ND) // 2
    if half < _LEAST:
        return {}
    made, own = [], []
    for i in range(_HALVES):
        order = rng.permutation(len(real_ND))
        first, second = order[:half], order[half : 2 * half]
        made.append(frechet(real_ND[first], draws[i % len(draws)][second]))
        own.append(frechet(real_ND[first], real_ND[second]))
    note = f"{half} tiles a set, mean over {_HALVES} divisions"
    return {f"fd_{name}_half": Score(float(np.mean(made)), None, half, float(np.mean(own)), note)}
