"""Whether the stated uncertainty holds: coverage at gene, group and total level, CRPS, joint likelihood.

Shape legend: S samples, N rows, G genes, C groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError
from genviz._keys import Layers, Obsm, Varm
from genviz.core.calibration import crps_interval, crps_samples
from genviz.core.counts import first_names
from genviz.io.counts import counts_of, gene_positions
from genviz.metrics.genes.measure import Measure, section_mean
from genviz.metrics.genes.rows import Pairs

Floats = NDArray[np.float64]

DEFAULT_LEVEL = 0.9


def level_of(pairs: Pairs) -> tuple[float, str]:
    """Content of the stored intervals as the prediction records it, else 90 % is assumed; and a note."""
    level = pairs.recorded_level
    return (
        (DEFAULT_LEVEL, "level not recorded, 0.9 assumed") if level is None else (level, f"level {level:g}")
    )


def coverage(pairs: Pairs) -> list[Measure]:
    """Share of measured values inside the stored intervals, bounds included.

    - ``coverage_gene``: counts in ``layers["<key>_lower"]`` to ``["<key>_upper"]``. Counts are whole numbers,
      so closed intervals of small counts cover more than their level; see `pit_coverage`.
    - ``coverage_group_<n>`` and ``coverage_total``: sums of the prediction's gene groups
      (``varm["gene_tree"]``) in ``obsm["<key>_scale_<n>_lower"]`` to ``_upper``; total is the scale of one.

    What the prediction does not hold is left out; so are groups when their genes are not all measured.
    """
    _, note = level_of(pairs)
    measures = []
    lower, upper = (pairs.layer(name(pairs.key)) for name in (Layers.lower, Layers.upper))
    if lower is not None and upper is not None:
        inside = (pairs.counts_NG >= lower) & (pairs.counts_NG <= upper)
        measures.append(section_mean("coverage_gene", inside.mean(axis=1), pairs.sections, note))
    for n, sums_NC in _measured_groups(pairs).items():
        lower, upper = (pairs.obsm(Obsm.scale(pairs.key, n, bound)) for bound in ("lower", "upper"))
        if lower is None or upper is None:
            continue
        if lower.shape != sums_NC.shape or upper.shape != sums_NC.shape:
            raise DataError(
                f"Expected {n} columns, the tree's groups, in obsm['{Obsm.scale(pairs.key, n, 'lower')}']; "
                f"got {lower.shape[1]} and {upper.shape[1]}. Predict again with one tree."
            )
        name = "coverage_total" if n == 1 else f"coverage_group_{n}"
        inside = (sums_NC >= lower) & (sums_NC <= upper)
        measures.append(section_mean(name, inside.mean(axis=1), pairs.sections, note))
    return measures


def _measured_groups(pairs: Pairs) -> dict[int, Floats]:
    """Number of groups → measured sums (N, C), for each scale coarser than genes."""
    if Varm.GENE_TREE not in pairs.pred.varm:
        return {}
    groups = np.asarray(pairs.pred.varm[Varm.GENE_TREE])
    inside = (groups >= 0).all(axis=1)
    genes, groups = pairs.pred.var_names[inside], groups[inside]
    if not genes.isin(pairs.true.var_names).all():
        return {}
    counts = counts_of(pairs.true[pairs.true_rows], genes=list(genes))
    sums = {}
    for column in groups.T:
        n = int(column.max()) + 1
        if n < len(genes):
            sums[n] = np.asarray(counts @ (column[:, None] == np.arange(n)).astype(np.float64), np.float64)
    return sums


def pit_coverage(pairs: Pairs, pit: Mapping[str, ArrayLike]) -> list[Measure]:
    """``pit_coverage_<name>`` for each array of PIT values: share in the central interval of the level.

    Randomised PIT is exactly uniform for a calibrated model of counts, so these equal the level then,
    which closed intervals do not.

    Parameters
    ----------
    pairs
        The joined rows.
    pit
        Name (``gene``, ``group_<n>``, ``total``) → values in [0, 1], first axis the rows measured.
    """
    level, note = level_of(pairs)
    measures = []
    for name, values in pit.items():
        rows = _of_measured_rows(pairs, values, f"pit[{name!r}]")
        if not ((rows >= 0) & (rows <= 1)).all():
            raise DataError(
                f"Expected values from 0 to 1 in pit[{name!r}]; got others. Give what model.pit returns."
            )
        inside = np.abs(rows - 0.5) <= level / 2
        measures.append(section_mean(f"pit_coverage_{name}", inside.mean(axis=1), pairs.sections, note))
    return measures


def joint_likelihood(pairs: Pairs, log_likelihood: ArrayLike) -> Measure:
    """``joint_nll``: negative log-likelihood of a spot's whole count vector, nats, averaged as the others.

    Parameters
    ----------
    pairs
        The joined rows.
    log_likelihood
        One value for each row of the measured object, as ``model.log_likelihood`` gives them.
    """
    rows = _of_measured_rows(pairs, log_likelihood, "log_likelihood")
    if rows.shape[1] != 1:
        raise DataError(f"Expected one log-likelihood a row; got {rows.shape[1]}. Sum them over genes.")
    return section_mean("joint_nll", -rows[:, 0], pairs.sections)


def crps(pairs: Pairs, samples_SNG: ArrayLike | None) -> list[Measure]:
    """``crps``: continuous ranked probability score in log2(1 + count), averaged as the others.

    From samples when given (`core.calibration.crps_samples`); else approximated from the stored median and
    interval (`core.calibration.crps_interval`); else left out. The note says which. A point
    prediction's CRPS would be its MAE.

    Parameters
    ----------
    pairs
        The joined rows.
    samples_SNG
        Sampled counts; rows and genes in the order of the prediction.
    """
    truth = pairs.log_counts_NG
    if samples_SNG is not None:
        samples: Any = np.asarray(samples_SNG)
        if samples.ndim != 3 or samples.shape[1:] != pairs.pred.shape:
            raise DataError(
                f"Expected samples of shape (samples, {pairs.pred.n_obs}, {pairs.pred.n_vars}), the rows and "
                f"genes of the prediction; got {samples.shape}."
            )
        columns = gene_positions(pairs.pred.var_names, pairs.genes)
        values = np.stack(
            [
                crps_samples(np.log2(samples[:, [i]][:, :, columns] + 1.0), truth[[j]])[0]
                for j, i in enumerate(pairs.pred_rows)
            ]
        )
        return [section_mean("crps", values.mean(axis=1), pairs.sections, f"from {len(samples)} samples")]
    stored = [pairs.layer(name(pairs.key)) for name in (Layers.lower, Layers.median, Layers.upper)]
    if any(layer is None for layer in stored):
        return []
    level, note = level_of(pairs)
    lower, median, upper = (np.log2(np.asarray(layer) + 1.0) for layer in stored)
    values = crps_interval(lower, median, upper, truth, level)
    note = f"approximated from median and interval, {note}"
    return [section_mean("crps", values.mean(axis=1), pairs.sections, note)]


def _of_measured_rows(pairs: Pairs, values: ArrayLike, what: str) -> Floats:
    """Values given for all rows of the measured object, as (N, columns) on the joined rows."""
    array = np.asarray(values, np.float64)
    if array.ndim == 0 or len(array) != pairs.true.n_obs:
        raise DataError(
            f"Expected {what} with one entry for each of the {pairs.true.n_obs} measured rows "
            f"({first_names(list(pairs.true.obs_names), 2)}); got shape {array.shape}."
        )
    rows = array[pairs.true_rows].reshape(len(pairs.true_rows), -1)
    return pairs.finite(rows, what)
