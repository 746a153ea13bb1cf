"""What both samplers share: fixed-size padded chunks of rows, and the options of one call.

Shape legend: B rows, K groups of a level, S samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.core.arguments import check_number

Clamp = Mapping[tuple[int, int], float]


@dataclass(frozen=True)
class SampleOptions:
    """Options of one call of `GenARNetwork.sample`, checked.

    Attributes
    ----------
    n_samples
        Joint samples a row.
    depth_scale_B, total_B
        Factor on the expected panel total; the panel total itself; None leaves it to the image.
    clamp
        (level, group) → factor on that group's counts.
    greedy
        Tokens only: the most probable count.
    """

    n_samples: int
    depth_scale_B: NDArray[np.float64] | None = None
    total_B: NDArray[np.int64] | None = None
    clamp: Clamp = field(default_factory=dict)
    greedy: bool = False

    def clamp_at(self, level: int) -> dict[int, float]:
        """Factors of one level's groups."""
        return {group: factor for (k, group), factor in self.clamp.items() if k == level}

    def total(self, row: int) -> int | None:
        """Fixed panel total of a row."""
        return None if self.total_B is None else int(self.total_B[row])

    def scale(self, row: int) -> float:
        """Depth factor of a row."""
        return 1.0 if self.depth_scale_B is None else float(self.depth_scale_B[row])


def check_options(
    n_rows: int,
    scales: Sequence[int],
    n_samples: int,
    *,
    depth_scale_B: Any = None,
    total_B: Any = None,
    clamp: Clamp | None = None,
    greedy: bool = False,
    tokens: bool,
    n_generators: int,
) -> SampleOptions:
    """Refuse what cannot be meant: wrong lengths, unknown groups, negative factors.

    Parameters
    ----------
    n_rows, n_generators
        Rows, B, and the random generators that came with them.
    scales
        Numbers of groups, coarse to fine.
    n_samples, depth_scale_B, total_B, clamp, greedy
        As `SampleOptions` holds them.
    tokens
        Whether counts are tokens.

    Raises
    ------
    UsageError
        Naming the argument.
    """
    if n_generators != n_rows:
        raise UsageError(f"Expected one random generator for each of the {n_rows} rows; got {n_generators}.")
    if greedy and not tokens:
        raise UsageError("Expected greedy only with counts='tokens'; this model has counts='tree'.")
    n_samples = check_number("n_samples", n_samples)
    for name, values in (("depth_scale_B", depth_scale_B), ("total_B", total_B)):
        if values is None:
            continue
        if np.shape(values) != (n_rows,) or not np.isfinite(values).all() or (np.asarray(values) < 0).any():
            raise UsageError(
                f"Expected {name} as {n_rows} finite numbers from 0, one a row; got {np.shape(values)}."
            )
    for (level, group), factor in (clamp or {}).items():
        if not (0 <= level < len(scales) and 0 <= group < scales[level]):
            raise UsageError(
                f"Expected a clamp on a (scale index, group) of scales {tuple(scales)}; got {(level, group)}."
            )
        if not (np.isfinite(factor) and factor >= 0):
            raise UsageError(
                f"Expected a finite factor from 0 for the clamp on {(level, group)}; got {factor}."
            )
    depth = None if depth_scale_B is None else np.asarray(depth_scale_B, np.float64)
    total = None if total_B is None else np.rint(np.asarray(total_B)).astype(np.int64)
    return SampleOptions(n_samples, depth, total, dict(clamp or {}), greedy)


def chunk_rows(n_chains: int, *, heavy: bool, device: torch.device) -> int:
    """Rows that go through the network together.

    Chunks are padded to this number, so it has to be small where a row is expensive: one on a CPU, whose
    matrix products are filled by one row's positions already.

    Parameters
    ----------
    n_chains
        Chains of one row.
    heavy
        Whether a chain is a pass over all positions of a transformer.
    device
        Where the network is.
    """
    if not heavy:
        return max(1, 2048 // n_chains)
    return 1 if device.type == "cpu" else max(1, 64 // n_chains)


def padded_chunks(n: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Give row indices in chunks of exactly `size`, the last filled up with its own first row.

    Every chunk has one shape, so a row's arithmetic does not depend on how many rows came with it.
    Results of the filling are to be dropped: a chunk starting at row i has ``min(size, n - i)`` true rows.
    """
    for start in range(0, n, size):
        rows = np.arange(start, start + size)
        rows[rows >= n] = start
        yield rows
