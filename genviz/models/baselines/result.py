"""A baseline's estimate as AnnData, and another model's result as an estimate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers, Obsm, Uns
from genviz.core.counts import first_names
from genviz.io.counts import gene_positions
from genviz.models.base import provenance
from genviz.models.baselines.estimate import Estimate
from genviz.models.baselines.problem import Problem

if TYPE_CHECKING:
    from anndata import AnnData


def result_of(
    train: AnnData, test: AnnData, problem: Problem, estimate: Estimate, *, key: str, features: str
) -> AnnData:
    """The test rows with a baseline's layers; ``X`` is E[X]. No count of the test rows is read or carried."""
    mean = estimate.mean_MG.astype(np.float32)
    result = ad.AnnData(
        X=mean,
        obs=test.obs.copy(),
        var=train.var.loc[list(problem.genes)].copy(),
        uns=_copied(test.uns),
    )
    result.obsm[Obsm.SPATIAL] = np.array(test.obsm[Obsm.SPATIAL])
    result.layers[Layers.mean(key)] = mean.copy()
    result.layers[Layers.log2(key)] = estimate.log2_MG.astype(np.float32)
    if estimate.normalised_MG is not None:
        result.layers[Layers.normalised(key)] = estimate.normalised_MG.astype(np.float32)
    record = _provenance(problem, estimate, key, features)
    result.uns.setdefault(Uns.GENVIZ, {})[key] = json.dumps(record)
    return result


def _provenance(problem: Problem, estimate: Estimate, key: str, features: str) -> dict[str, Any]:
    scaler, test = problem.scaler, problem.test
    return provenance(
        model=key,
        seed=problem.seed,
        units="raw counts",
        parameters={"features": features, "normalise": problem.normalise, "n_genes": len(problem.genes)},
    ) | {
        # a row's prediction depends on the other rows of its section
        "transductive": scaler.by_section,
        "training_sections": list(dict.fromkeys(map(str, problem.train.libraries))),
        "training_rows": len(problem.train),
        "chosen": estimate.chosen,
        "chosen_on": f"training rows only, cross-validated over {problem.fold_kind}",
        "unfamiliar": scaler.unfamiliar(test.features_NF, test.libraries),
    }


def estimate_of(pred: AnnData, key: str, test: AnnData, genes: Sequence[str]) -> Estimate:
    """Another model's result on the test rows, joined by names."""
    at = pred.obs_names.get_indexer(test.obs_names)
    if (at < 0).any():
        missing = list(test.obs_names[at < 0])
        raise DataError(
            f"Expected {key!r} to predict all {test.n_obs} test rows; {len(missing)} are missing: "
            f"{first_names(missing)}. Predict the same rows."
        )
    columns = gene_positions(pred.var_names, genes)
    for layer in (Layers.mean(key), Layers.log2(key)):
        if layer not in pred.layers:
            raise MissingKeyError(
                f"Expected layers['{layer}'] in the prediction to average; found "
                f"{first_names(list(pred.layers), 8) or 'none'}. Name each prediction by its result key."
            )

    def layer_of(name: str) -> Any:
        return np.asarray(pred.layers[name], np.float64)[np.ix_(at, columns)]

    direct = Layers.normalised(key)
    return Estimate(
        layer_of(Layers.log2(key)),
        layer_of(Layers.mean(key)),
        layer_of(direct) if direct in pred.layers else None,
    )


def _copied(uns: Any) -> dict[str, Any]:
    """Dictionaries copied all the way down; arrays (stored overviews) are shared."""
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in uns.items()}
