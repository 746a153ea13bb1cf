"""The steps of one prediction: check, tell depth, sample, write down what was done."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.core.arguments import check_list, shown
from genviz.io.library import is_synthetic
from genviz.models.base import model_provenance
from genviz.models.genar.checkpoint import Fitted
from genviz.models.genar.depth import Depth, depth_notes, read_depth, section_factors
from genviz.models.genar.ensemble import Ensemble, SampleArgs
from genviz.models.genar.notes import notes_on_depth, notes_on_tissue, notes_on_told
from genviz.models.genar.prediction import predict_rows
from genviz.models.genar.result import prediction_of
from genviz.models.genar.rows import Rows, check_recipe, feature_recipe, recipe_notes, rows_of
from genviz.models.genar.sampling import Clamp
from genviz.models.genar.seen import SEEN, TREE, seen_record
from genviz.models.genar.summary import READOUTS
from genviz.pp.fitted_rows import FITTED_ON

if TYPE_CHECKING:
    from anndata import AnnData

_CALIBRATION = (
    "Intervals come from the fitted distribution; there is no separate calibration step. Their coverage was checked "
    "by leaving out sections of one patient, not on other patients, stains or protocols."
)


def predict(
    fitted: Fitted,
    adata: AnnData,
    args: SampleArgs,
    *,
    depth: Any,
    level: float,
    readouts: str | Sequence[str],
    key: str,
) -> AnnData:
    """Predict rows; see `GenAR.predict` for the arguments."""
    if not 0 < level < 1:
        raise UsageError(f"Expected a level between 0 and 1; got {level}.")
    asked = tuple(check_list("readouts", readouts, " or ".join(READOUTS), one=str))
    if unknown := [name for name in asked if name not in READOUTS]:
        raise UsageError(f"Expected readouts of {', '.join(READOUTS)}; got {', '.join(map(repr, unknown))}.")
    ensemble = fitted.ensemble
    rows = rows_of(adata, fitted.features)
    given = feature_recipe(adata, fitted.features)
    check_recipe(fitted.recipe, given, len(ensemble.scaler.mean_F), rows.features_NF.shape[1])
    known = read_depth(adata, depth)
    notes = recipe_notes(fitted.recipe, given, fitted.features) + notes_on_tissue(fitted, rows)
    args, on_depth = _tell_depth(ensemble, rows, known, args)
    _warn(notes + on_depth)  # before the long work
    summary = predict_rows(ensemble, rows, args, level, asked)
    after = _notes_after(fitted, adata, rows, known, summary.genes.mean.sum(axis=1, dtype=np.float64))
    _warn(after)
    seen = seen_record(fitted, rows)
    record = model_provenance(
        model="GenAR",
        fitted=fitted,
        seed=args.seed,
        units="counts",
        parameters={
            "n_samples": args.n_samples,
            "level": level,
            "greedy": args.greedy,
            "clamp": _plain(args.clamp),
        },
        transductive=["normalise=section"] if ensemble.scaler.by_section else [],
    ) | {
        "training_sections": sorted(fitted.training_rows),
        "validation_section": fitted.facts.get("val"),
        SEEN: seen,
        "best_epochs": fitted.facts.get("best_epochs", []),
        "config": ensemble.config.to_dict(),
        "features": fitted.features,
        "level": level,
        "depth_told": known.told,
        "depth_value": known.value,
        # Either makes the result synthetic: the tissue predicted, or the tissue learned from.
        "synthetic": bool(fitted.facts.get("synthetic", False)) or is_synthetic(adata),
        "warnings": [*notes, *on_depth, *after],
        "calibration": _CALIBRATION,
    }
    tree_from = {"source": "model"} | {k: v for k, v in seen.get(TREE, {}).items() if k == FITTED_ON}
    return prediction_of(adata, summary, ensemble.tree, ensemble.scales, record, key=key, tree_from=tree_from)


def expected_counts(fitted: Fitted, adata: AnnData, args: SampleArgs, *, depth: Any) -> NDArray[np.float64]:
    """E[X] of all genes, (N, G): in closed form where there is one, else an average of samples."""
    ensemble = fitted.ensemble
    rows = rows_of(adata, fitted.features)
    given = feature_recipe(adata, fitted.features)
    check_recipe(fitted.recipe, given, len(ensemble.scaler.mean_F), rows.features_NF.shape[1])
    args, _ = _tell_depth(ensemble, rows, read_depth(adata, depth), args)
    z_NF = ensemble.scaler.apply(rows.features_NF, rows.libraries)
    mean_NG = ensemble.mean(rows, z_NF, args)
    if mean_NG is None:
        mean_NG = predict_rows(ensemble, rows, args, 0.9, ()).genes.mean.astype(np.float64)
    return mean_NG


def resolve_clamp(clamp: Mapping[Any, float] | None, ensemble: Ensemble) -> Clamp | None:
    """Gene names and (scale index, group) pairs → (scale index, group) pairs.

    Raises
    ------
    UsageError
        For what is no mapping, an empty one, a gene outside the panel, or a factor that is no number.
    """
    if clamp is None:
        return None
    if not isinstance(clamp, Mapping):
        raise UsageError(
            'Expected clamp, a mapping like {"ERBB2": 2.0} or {(scale index, group): 2.0}; got '
            + f"{shown(clamp)}."
        )
    if not clamp:
        raise UsageError("Expected at least one clamp; got none. Leave clamp out to hold nothing.")
    resolved: dict[tuple[int, int], float] = {}
    for what, factor in clamp.items():
        resolved[_place(what, ensemble)] = _factor(what, factor)
    return resolved


def _place(what: Any, ensemble: Ensemble) -> tuple[int, int]:
    """(scale index, group) of a gene, or such a pair itself; `check_options` asks whether the pair is there."""
    if isinstance(what, str) and what in ensemble.tree.genes:
        return len(ensemble.scales) - 1, ensemble.tree.genes.index(what)
    if isinstance(what, tuple) and len(what) == 2 and all(isinstance(i, int | np.integer) for i in what):
        return int(what[0]), int(what[1])
    raise UsageError(f"Expected a gene of the panel or (scale index, group) to clamp; got {shown(what)}.")


def _factor(what: Any, factor: Any) -> float:
    try:
        return float(factor)
    except (TypeError, ValueError):
        raise UsageError(
            f"Expected a finite factor from 0 for the clamp on {what}; got {shown(factor)}."
        ) from None


def _tell_depth(
    ensemble: Ensemble, rows: Rows, known: Depth, args: SampleArgs
) -> tuple[SampleArgs, list[str]]:
    if known.total_N is None and known.median is None:
        return args, []
    z_NF = ensemble.scaler.apply(rows.features_NF, rows.libraries)
    expected_N = ensemble.expected_total(rows, z_NF, args.seed)
    if known.total_N is not None:
        return replace(args, total_B=known.total_N), depth_notes(known.total_N, expected_N, rows.libraries)
    assert known.median is not None
    factors, notes = section_factors(known.median, expected_N, rows.libraries)
    return replace(args, depth_scale_B=factors), notes


def _notes_after(
    fitted: Fitted, adata: AnnData, rows: Rows, known: Depth, total_N: NDArray[Any]
) -> list[str]:
    """What only the prediction itself can tell."""
    notes = notes_on_depth(fitted, adata, rows, total_N, told=known.told != "no")
    config = fitted.ensemble.config
    if known.value is not None and config.counts == "tokens":
        told_N = np.full(len(rows), known.median) if known.total_N is None else known.total_N
        notes += notes_on_told(told_N, total_N, rows, "counts='tokens'")
    return notes


def _warn(notes: list[str]) -> None:
    for note in notes:
        warnings.warn(note, stacklevel=4)


def _plain(clamp: Clamp | None) -> dict[str, float]:
    return {f"{scale}/{group}": factor for (scale, group), factor in (clamp or {}).items()}
