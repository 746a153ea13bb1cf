"""Which baselines there are, and the one call that fits them and predicts."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from genviz._errors import UsageError
from genviz._keys import Obsm
from genviz.models.baselines.averaging import MEMBERS, average
from genviz.models.baselines.estimate import Estimate
from genviz.models.baselines.problem import Problem, read_problem
from genviz.models.baselines.result import estimate_of, result_of

if TYPE_CHECKING:
    from anndata import AnnData

AVERAGE = "average"
# Imported when asked for: the linear ones do without torch.
_MODULES = {
    "mean": "constant",
    "ridge": "linear",
    "kernel_ridge": "linear",
    "mlp": "mlp",
    "knn": "neighbours",
    "retrieval": "neighbours",
    "composition_ridge": "linear",
}
NAMES = (*_MODULES, AVERAGE)


def fit_predict(
    train: AnnData,
    test: AnnData,
    names: Sequence[str] = NAMES,
    *,
    genes: Sequence[str] | None = None,
    features: str = Obsm.features("morphology"),
    normalise: str = "train",
    seed: int = 0,
    others: Mapping[str, AnnData] | None = None,
) -> dict[str, AnnData]:
    """Fit baselines on the training rows and predict the test rows."""
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise UsageError(
            f"Expected names of {', '.join(NAMES)}; got {', '.join(map(repr, unknown)) or 'none'}."
        )
    problem = read_problem(train, test, genes=genes, features=features, normalise=normalise, seed=seed)
    given = {key: estimate_of(pred, key, test, problem.genes) for key, pred in (others or {}).items()}
    needed = dict.fromkeys(name for name in names if name != AVERAGE)
    if AVERAGE in names:
        needed |= dict.fromkeys(MEMBERS)
    made = {name: _baseline(name)(problem).clipped() for name in needed}
    if AVERAGE in names:
        made[AVERAGE] = average({name: made[name] for name in MEMBERS} | given)
    return {name: result_of(train, test, problem, made[name], key=name, features=features) for name in names}


def _baseline(name: str) -> Callable[[Problem], Estimate]:
    module = importlib.import_module(f"genviz.models.baselines.{_MODULES[name]}")
    found: Callable[[Problem], Estimate] = getattr(module, name)
    return found
