"""From joint samples to what a user reads: expectations, intervals, entropy, at every scale.

Shape legend: S samples, B rows, G genes, K groups of a scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz.models.genar.ensemble import Ensemble, SampleArgs
from genviz.models.genar.entropy import marginal_entropy
from genviz.models.genar.rows import Rows

Float = NDArray[np.float32]

READOUTS = ("median", "mode")


@dataclass(frozen=True)
class Interval:
    """Expectation and equal-tailed credible bounds."""

    mean: Float
    lower: Float
    upper: Float


@dataclass(frozen=True)
class Summary:
    """Predictions of a chunk of rows.

    Attributes
    ----------
    genes
        (B, G).
    log2_BG
        E[log2(1 + X)].
    groups
        Coarser scales, coarse to fine, (B, K) each.
    entropy_B
        Mean entropy of the genes' distributions, nats.
    extra
        Optional read-outs by name, (B, G).
    """

    genes: Interval
    log2_BG: Float
    groups: tuple[Interval, ...]
    entropy_B: Float
    extra: dict[str, Float]


def summarise(
    ensemble: Ensemble, rows: Rows, z_BF: Float, args: SampleArgs, level: float, readouts: tuple[str, ...]
) -> Summary:
    """Sample a chunk of rows and reduce the samples.

    Parameters
    ----------
    ensemble, rows, args
        Networks, B rows, and how to sample them.
    z_BF
        Standardised features.
    level
        Content of the intervals.
    readouts
        Names of `READOUTS`.
    """
    samples = ensemble.sample(rows, z_BF, args)
    mean_BG = ensemble.mean(rows, z_BF, args)
    genes = _interval(samples[-1], level, mean_BG)
    return Summary(
        genes=genes,
        log2_BG=np.log2(1.0 + samples[-1].astype(np.float32))
        .mean(axis=0, dtype=np.float64)
        .astype(np.float32),
        groups=tuple(
            _interval(scale_SBK, level, _group_means(ensemble, mean_BG, scale_SBK.shape[2]))
            for scale_SBK in samples[:-1]
        ),
        entropy_B=marginal_entropy(samples[-1]),
        extra={name: _READERS[name](samples[-1]) for name in readouts},
    )


def _group_means(
    ensemble: Ensemble, mean_BG: NDArray[np.float64] | None, n: int
) -> NDArray[np.float64] | None:
    """Sums of the genes' closed-form means, so that E adds up over the tree too; None: average the samples."""
    if mean_BG is None:
        return None
    return np.asarray(ensemble.tree.aggregate(mean_BG, ensemble.tree.scales.index(n)))


def concatenate(parts: list[Summary]) -> Summary:
    """Chunks, in order, as one."""

    def joined(intervals: list[Interval]) -> Interval:
        return Interval(
            *(np.concatenate([getattr(i, name) for i in intervals]) for name in ("mean", "lower", "upper"))
        )

    return Summary(
        genes=joined([part.genes for part in parts]),
        log2_BG=np.concatenate([part.log2_BG for part in parts]),
        groups=tuple(joined(list(scale)) for scale in zip(*(part.groups for part in parts), strict=True)),
        entropy_B=np.concatenate([part.entropy_B for part in parts]),
        extra={name: np.concatenate([part.extra[name] for part in parts]) for name in parts[0].extra},
    )


def _interval(samples_SBK: NDArray[np.int32], level: float, mean_BK: NDArray[np.float64] | None) -> Interval:
    """Bounds are observed counts (inverse of the empirical distribution), so a closed interval is meant."""
    tail = (1.0 - level) / 2.0
    lower, upper = np.quantile(samples_SBK, [tail, 1.0 - tail], axis=0, method="inverted_cdf")
    mean = samples_SBK.mean(axis=0, dtype=np.float64) if mean_BK is None else mean_BK
    return Interval(mean.astype(np.float32), lower.astype(np.float32), upper.astype(np.float32))


def _median(samples_SBG: NDArray[np.int32]) -> Float:
    return np.quantile(samples_SBG, 0.5, axis=0, method="inverted_cdf").astype(np.float32)


def _mode(samples_SBG: NDArray[np.int32]) -> Float:
    """Most frequent count among the samples; the smallest of several."""
    ordered = np.sort(samples_SBG, axis=0)
    best, count = ordered[0].copy(), np.ones(ordered.shape[1:], np.int32)
    run = np.ones_like(count)
    for now, before in zip(ordered[1:], ordered[:-1], strict=True):
        run = np.where(now == before, run + 1, 1)
        better = run > count
        best, count = np.where(better, now, best), np.where(better, run, count)
    return best.astype(np.float32)


_READERS = {"median": _median, "mode": _mode}
