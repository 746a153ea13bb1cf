"""The steps of one prediction: check, tell depth, sample, write down what was done."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.io.library import is_synthetic
from genviz.models.base import provenance
from genviz.models.genar.checkpoint import KIND, Fitted
from genviz.models.genar.depth import Depth, read_depth, section_factors
from genviz.models.genar.ensemble import Ensemble, SampleArgs
from genviz.models.genar.prediction import predict_rows
from genviz.models.genar.result import prediction_of
from genviz.models.genar.rows import Rows, check_recipe, feature_recipe, rows_of
from genviz.models.genar.sampling import Clamp
from genviz.models.genar.summary import READOUTS

if TYPE_CHECKING:
    from anndata import AnnData

_UNFAMILIAR = 0.1
_CALIBRATION = (
    "Intervals were fitted on the training sections; on another patient, stain or protocol their coverage is "
    "not known."
)


def predict(
    fitted: Fitted,
    adata: AnnData,
    args: SampleArgs,
    *,
    depth: Any,
    level: float,
    readouts: tuple[str, ...],
    key: str,
) -> AnnData:
    """Predict rows; see `GenAR.predict` for the arguments."""
    if not 0 < level < 1:
        raise UsageError(f"Expected a level between 0 and 1; got {level}.")
    unknown = sorted(set(readouts) - set(READOUTS))
    if unknown:
        raise UsageError(f"Expected readouts of {', '.join(READOUTS)}; got {', '.join(unknown)}.")
    ensemble = fitted.ensemble
    rows = rows_of(adata, fitted.features)
    check_recipe(
        fitted.recipe,
        feature_recipe(adata, fitted.features),
        len(ensemble.scaler.mean_F),
        rows.features_NF.shape[1],
    )
    known = read_depth(adata, depth)
    notes = _notes(fitted, adata, rows)
    args, depth_notes = _tell_depth(ensemble, rows, known, args)
    summary = predict_rows(ensemble, rows, args, level, readouts)
    record = provenance(
        model=KIND,
        seed=args.seed,
        units="counts",
        parameters={
            "n_samples": args.n_samples,
            "level": level,
            "greedy": args.greedy,
            "clamp": _plain(args.clamp),
        },
    ) | {
        "checkpoint_sha256": fitted.sha256,
        "split_sha256": fitted.split_sha256,
        "training_sections": sorted(fitted.training_rows),
        "config": ensemble.config.to_dict(),
        "features": fitted.features,
        "level": level,
        "depth_told": known.told,
        "transductive": ["normalise=section"] if ensemble.scaler.by_section else [],
        # Either makes the result synthetic: the tissue predicted, or the tissue learned from.
        "synthetic": bool(fitted.facts.get("synthetic", False)) or is_synthetic(adata),
        "warnings": [*notes, *depth_notes],
        "calibration": _CALIBRATION,
    }
    return prediction_of(adata, summary, ensemble.tree, ensemble.scales, record, key=key)


def resolve_clamp(clamp: Mapping[Any, float] | None, ensemble: Ensemble) -> Clamp | None:
    """Gene names and (scale index, group) pairs → (scale index, group) pairs.

    Raises
    ------
    UsageError
        For a gene outside the panel.
    """
    if not clamp:
        return None
    resolved: dict[tuple[int, int], float] = {}
    for what, factor in clamp.items():
        if isinstance(what, str):
            if what not in ensemble.tree.genes:
                raise UsageError(
                    f"Expected a gene of the panel or (scale index, group) to clamp; got {what!r}."
                )
            resolved[len(ensemble.scales) - 1, ensemble.tree.genes.index(what)] = float(factor)
        else:
            scale, group = what
            resolved[int(scale), int(group)] = float(factor)
    return resolved


def _tell_depth(
    ensemble: Ensemble, rows: Rows, known: Depth, args: SampleArgs
) -> tuple[SampleArgs, list[str]]:
    if known.total_N is not None:
        return replace(args, total_B=known.total_N), []
    if known.median is None:
        return args, []
    z_NF = ensemble.scaler.apply(rows.features_NF, rows.libraries)
    factors, notes = section_factors(
        known.median, ensemble.expected_total(rows, z_NF, args.seed), rows.libraries
    )
    return replace(args, depth_scale_B=factors), notes


def _notes(fitted: Fitted, adata: AnnData, rows: Rows) -> list[str]:
    """What a reader must know about these rows before trusting the result; also issued as warnings."""
    notes = []
    share = fitted.ensemble.scaler.unfamiliar(rows.features_NF, rows.libraries)
    if share > _UNFAMILIAR:
        notes.append(
            f"{share:.0%} of these rows look unlike any training tissue (stain, scanner or tissue type). "
            "Predictions there are extrapolations."
        )
    trained = set(fitted.facts.get("patients", []))
    if trained and Obs.PATIENT in adata.obs:
        others = sorted(set(adata.obs[Obs.PATIENT].astype(str)) - trained)
        if others:
            notes.append(
                f"Trained on patient {', '.join(sorted(trained))}, predicting patient {', '.join(others)}: "
                "depth and intervals may not carry over. Tell depth= if you know it."
            )
    seen = [str(name) for name in dict.fromkeys(rows.libraries) if str(name) in fitted.training_rows]
    if seen:
        notes.append(
            f"Section {', '.join(seen)} has the name of a section that this model was trained on: scores there say "
            "nothing about tissue it has not seen."
        )
    for note in notes:
        warnings.warn(note, stacklevel=4)
    return notes


def _plain(clamp: Clamp | None) -> dict[str, float]:
    return {f"{scale}/{group}": factor for (scale, group), factor in (clamp or {}).items()}
