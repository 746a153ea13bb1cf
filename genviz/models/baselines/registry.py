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
    """Fit baselines on the training rows and predict the test rows.

    All baselines get the same rows, standardised features and genes. Settings (penalties, kernel widths,
    neighbours) are chosen by cross-validation over the training sections; with one section only, over
    strips of it. Measured counts of the test rows are neither read nor needed.

    - ``mean``: mean of the training rows.
    - ``ridge``, ``kernel_ridge``, ``mlp``: fitted to log2(1 + count).
    - ``knn``: mean of the nearest rows; ``retrieval``: the same in a joint space of image and expression.
    - ``composition_ridge``: fitted to log2(1 + 1e4 * count / library total), on rows of at least 200 UMI;
      `kernel_ridge` and `mlp` make such a direct prediction too where 20 rows or more are deep enough.
    - ``average``: mean of `kernel_ridge`, `mlp` and `others`.

    Parameters
    ----------
    train
        Rows to fit on, at least 20. Reads raw counts (``layers["counts"]``, else ``X``) of all genes,
        ``obsm[features]`` (n_train, F), ``obsm["spatial"]``, ``obs["library_id"]`` and the sections' mpp.
    test
        Rows to predict. Reads the same without counts; features must be made by the same recipe.
    names
        Baselines to give back, of `NAMES`. What ``average`` needs is fitted with it.
    genes
        Genes to predict, G of them; default ``var["panel"]`` of `train` where there is one, else all.
    features
        Key of the tile features.
    normalise
        ``"train"``: features standardised with statistics of the training rows. ``"section"``: each
        section by its own; transductive, needs whole sections, recorded in the result.
    seed
        Of everything random, which is `mlp` alone.
    others
        Result key → another model's result on the test rows, to be averaged in ``average``. Reads
        ``layers["<key>"]``, ``["<key>_log2"]`` and, where present, ``["<key>_normalised"]``.

    Returns
    -------
    Name → new AnnData (n_test, G) under the result key ``<name>``, in the order of `names`. ``X`` and
    ``layers["<name>"]``: E[X], raw counts; ``layers["<name>_log2"]``: E[log2(1 + X)];
    ``layers["<name>_normalised"]``: direct prediction of log2(1 + 1e4 * count / library total), where the
    baseline makes one; all float32, none negative. ``obs``, ``uns`` and ``obsm["spatial"]`` are those of
    `test`, copied; ``uns["genviz"]["<name>"]`` is the provenance as JSON. `train` and `test` stay as they are.

    Raises
    ------
    UsageError
        For an unknown name or none, no genes, or another word for `normalise`.
    MissingKeyError
        Without features, positions, mpp or training counts, or without the layers of one of `others`.
    DataError
        For rows that are in both objects, too few training rows (for ``composition_ridge``, deep ones),
        genes without counts, features that are not finite or were made in another way, fewer than 20 rows of a
        section to standardise by itself, and test rows that one of `others` lacks.
    """
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
