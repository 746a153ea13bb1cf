"""Predicted against measured counts, in every view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from genviz._errors import DataError, UsageError
from genviz.core.arguments import check_adata
from genviz.core.counts import first_names
from genviz.metrics.genes.correlation import pcc
from genviz.metrics.genes.depth import depth_views
from genviz.metrics.genes.errors import errors
from genviz.metrics.genes.intervals import coverage, crps, joint_likelihood, pit_coverage
from genviz.metrics.genes.measure import Measure, Replicates, replicate
from genviz.metrics.genes.rows import Pairs, join
from genviz.metrics.score import Score

if TYPE_CHECKING:
    from anndata import AnnData


def expression(
    true: AnnData,
    pred: AnnData,
    *,
    # input
    key: str = "genar",
    genes: Sequence[str] | None = None,
    baseline: Mapping[str, Score] | None = None,
    # what only the model knows
    log_likelihood: ArrayLike | None = None,
    pit: Mapping[str, ArrayLike] | None = None,
    samples: ArrayLike | None = None,
    # intervals
    n_bootstrap: int = 500,
    seed: int = 0,
) -> dict[str, Score]:
    """Score a prediction; rows and genes are joined by name.

    Honest scores are computed in each section (``obs["library_id"]``) and averaged over sections; published
    ones pool sections. Intervals are 95 % percentiles of a bootstrap of spots within sections: neighbouring
    spots resemble each other and patients differ, so the doubt about a new patient is larger.

    - ``pcc_10``, ``pcc_50``, ``pcc_200``: mean Pearson r of the k best genes over spots, log2(1 + count), a
      constant gene is 0 (`correlation.honest_pcc`). ``pcc_<k>_published``: sections pooled, constant genes
      dropped; n is what remained.
    - ``mse``, ``mae``: in log2(1 + count), from E[log2(1 + X)] (`errors.errors`); ``_published``: pooled.
    - ``rvd``: relative difference of gene variances, squared; ``_published``: pooled.
    - ``dn_pcc_<k>``: depth-normalised, derived: prediction over its own panel sum, truth over the library
      total, spots of at least 200 UMI. ``dn_direct_pcc_<k>``: direct, of a model trained on normalised
      composition (`depth.depth_normalised`).
    - ``kd_pcc_200``, ``kd_mse``: known depth: predicted composition times the true panel total.
    - ``depth_r``: Pearson r of log panel totals.
    - ``crps``: in log2(1 + count), from samples or approximated (`intervals.crps`).
    - ``coverage_gene``, ``coverage_group_<n>``, ``coverage_total``: measured values in the stored closed
      intervals (`intervals.coverage`). ``pit_coverage_<name>``: of randomised PIT, with `pit`.
    - ``joint_nll``: negative log-likelihood of a spot's whole count vector, nats, with `log_likelihood`.

    Parameters
    ----------
    true
        Measured counts (``layers["counts"]`` or ``X``), ideally of all genes: library totals are theirs.
    pred
        Reads ``layers["<key>"]``, ``["<key>_log2"]`` and, where present, ``_lower``, ``_upper``, ``_median``,
        ``_normalised``; ``obsm["<key>_scale_<n>_lower"]``, ``_upper``; ``varm["gene_tree"]``; the level of
        the intervals in ``uns["genviz"]["<key>"]``.
    key
        The model's result key.
    genes
        Genes to score; default: all of the prediction.
    baseline
        Scores of another model on the same rows, put beside each score of the same name.
    log_likelihood
        (rows of `true`,) nats.
    pit
        Name → PIT values, first axis the rows of `true`.
    samples
        (S, rows of `pred`, genes of `pred`) sampled counts.
    n_bootstrap, seed
        Replicates (0: no intervals) and their seed.

    Returns
    -------
    Score name → `Score`.

    Raises
    ------
    DataError
        For no common rows, genes that are not measured (named), non-finite predictions.
    MissingKeyError
        Without the layers of the result key.
    """
    pairs = join(true, pred, key=key, genes=genes)
    measures = _measures(pairs, log_likelihood=log_likelihood, pit=pit, samples=samples)
    beside = baseline or {}
    found = _replicates(pairs, measures, n_bootstrap, seed)
    return {name: r.score(beside[name].value if name in beside else None) for name, r in found.items()}


def expression_difference(
    true: AnnData,
    first: AnnData,
    second: AnnData,
    *,
    keys: tuple[str, str],
    genes: Sequence[str] | None = None,
    n_bootstrap: int = 500,
    seed: int = 0,
) -> dict[str, Score]:
    """Score of `first` minus score of `second`, with intervals from the same resampled spots (paired).

    With about 180 spots a section, two models' own intervals overlap long after their difference is clear.
    With several sections as folds, spots are resampled within each fold.

    Parameters
    ----------
    true, genes, n_bootstrap, seed
        See `expression`.
    first, second
        Two predictions of the same rows.
    keys
        Their result keys.

    Raises
    ------
    DataError
        When the two do not predict the same rows of `true`.
    """
    check_adata(true, "true")
    check_adata(first, "first")
    check_adata(second, "second")
    panel = list(first.var_names) if genes is None else list(genes)
    pairs = [join(true, pred, key=key, genes=panel) for pred, key in zip((first, second), keys, strict=True)]
    if not np.array_equal(pairs[0].true_rows, pairs[1].true_rows):
        astray = true.obs_names[np.setxor1d(pairs[0].true_rows, pairs[1].true_rows)]
        raise DataError(
            f"Expected two predictions of the same rows; {len(astray)} are in one only: "
            f"{first_names(list(astray))}. Predict the same rows with both."
        )
    found = [_replicates(p, _measures(p), n_bootstrap, seed) for p in pairs]
    return {
        name: Replicates(r.values - found[1][name].values, r.n, f"{keys[0]} minus {keys[1]}, paired").score()
        for name, r in found[0].items()
        if name in found[1]
    }


def _measures(
    pairs: Pairs,
    *,
    log_likelihood: ArrayLike | None = None,
    pit: Mapping[str, ArrayLike] | None = None,
    samples: ArrayLike | None = None,
) -> list[Measure]:
    measures = [*pcc(pairs), *errors(pairs), *depth_views(pairs), *crps(pairs, samples), *coverage(pairs)]
    if pit is not None:
        measures += pit_coverage(pairs, pit)
    if log_likelihood is not None:
        measures.append(joint_likelihood(pairs, log_likelihood))
    return measures


def _replicates(pairs: Pairs, measures: list[Measure], n_bootstrap: int, seed: int) -> dict[str, Replicates]:
    if n_bootstrap < 0:
        raise UsageError(f"Expected n_bootstrap of 0 (no intervals) or more; got {n_bootstrap}.")
    return replicate(measures, pairs.labels, len(pairs.genes), n_bootstrap, seed)
