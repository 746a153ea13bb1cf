"""Training a small model along an edited tree, for the gene tree view; it may be stopped at every batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from genviz._errors import MissingKeyError, TrainingStopped
from genviz._keys import Obsm
from genviz.controllers.gene_tree.rows import TreeRows, require_measured
from genviz.core.gene_tree import GeneTree
from genviz.pp.tree import write_tree
from genviz.train.observing import Pictures, StopAsked, observed_by

if TYPE_CHECKING:
    from genviz.models import GenAR


def nothing() -> None:
    """The check of work that nobody can stop."""


def trained_along(
    tree: GeneTree,
    rows: TreeRows,
    *,
    features: str | None,
    recipe: Mapping[str, Any],
    preset: str,
    max_epochs: int | None,
    seed: int | None,
    check: Callable[[], None] = nothing,
) -> GenAR:
    """Train a new GenAR along a tree on a copy of some rows.

    Parameters
    ----------
    tree
        The tree.
    rows
        Rows with counts and features.
    features
        ``obsm`` key of the features; None: the morphology's.
    recipe
        How the tree came about.
    preset, max_epochs, seed
        As for `GenAR`.
    check
        Asked before each batch; raises to end the training.

    Raises
    ------
    DataError
        Without measured counts.
    MissingKeyError
        Without features.
    """
    from genviz.models import GenAR

    require_measured(rows.measured_NG, rows.genes)
    features = features or Obsm.features("morphology")
    if features not in rows.adata.obsm:
        raise MissingKeyError(
            f"Expected tile features in obsm['{features}'] to train on. Run gv.pp.embed(adata)."
        )
    chosen = rows.adata[:, list(tree.genes)].copy()
    write_tree(chosen, tree, dict(recipe))
    GenAR.setup_anndata(chosen, features=features, genes=list(tree.genes))
    check()
    model = GenAR(chosen, preset=preset)
    try:
        with observed_by(_Stops(check)):
            model.train(max_epochs, seed=seed)
    except TrainingStopped:
        check()  # says who asked for it
        raise
    return model


class _Stops:
    """An observer that ends the training when its check raises."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._ask = check

    def _check(self) -> None:
        try:
            self._ask()
        except Exception as error:
            raise StopAsked from error

    def begin(self, stage: str, epoch: int, n_epochs: int) -> None:
        """A stage begins."""
        self._check()

    def step(self, done: int, n: int) -> None:
        """A batch is done."""
        self._check()

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Nothing: the next batch asks."""

    def wants_pictures(self, epoch: int) -> bool:
        """Never."""
        return False

    def pictures(self, epoch: int, pictures: Pictures) -> None:
        """Not asked for."""
