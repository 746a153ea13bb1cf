"""A dose sweep that is watched: genes, rows and doses, run by run; each run an AnnData as of `tl.perturb`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz._errors import DataError, UsageError
from genviz.controllers.history import History
from genviz.controllers.lanes import Cancelled, Task
from genviz.core.counts import first_names
from genviz.models import GeneVAR
from genviz.tl.perturbation.gene_edits import ABSOLUTE, FOLD, FOLDS, scaler_of
from genviz.tl.perturbation.run import CONTROLS, perturbing

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.metrics import TissueStandard
    from genviz.tl.perturbation.under_way import Perturbing, Step

ROWS_AT_FIRST = 6


@dataclass(frozen=True)
class SweepRequest:
    """What is asked of one run; see `tl.perturb`.

    Attributes
    ----------
    genes, together
        Genes, each by itself or as one set.
    rows
        Names of rows.
    doses, kind
        Doses, and whether they multiply ("fold") or set ("absolute").
    n, seed, controls
        Draws of each row, seed, controls of each kind.
    """

    genes: tuple[str, ...]
    rows: tuple[str, ...]
    together: bool = False
    doses: tuple[float, ...] = FOLDS
    kind: str = FOLD
    n: int = 2
    seed: int = 0
    controls: int = CONTROLS

    @property
    def name(self) -> str:
        """What was done, for people."""
        genes = ("+" if self.together else ", ").join(self.genes[:3]) + (", …" if len(self.genes) > 3 else "")
        sign = "x" if self.kind == FOLD else "="
        doses = " ".join(f"{sign}{dose:g}" for dose in self.doses)
        return f"{genes} · {doses} · {len(self.rows)} rows x {self.n}, seed {self.seed}"


@dataclass(frozen=True)
class SweepRun:
    """One run.

    Attributes
    ----------
    asked
        What was asked.
    result
        As of `tl.perturb`; of a stopped run the doses that were complete.
    stopped
        Whether it was stopped.
    """

    asked: SweepRequest
    result: AnnData
    stopped: bool


class Sweeping:
    """Runs sweeps of one model over rows of one AnnData, and remembers them.

    Parameters
    ----------
    model
        A trained `GeneVAR` that is told genes.
    adata
        Rows with profiles; not changed.
    training, standard, impute_missing, key
        See `tl.perturb`.

    Raises
    ------
    UsageError
        For another kind of model, or one that is told no genes.
    DataError
        For no rows, rows of one name, or rows that lack genes that the condition uses.
    """

    def __init__(
        self,
        model: GeneVAR,
        adata: AnnData,
        *,
        training: AnnData | None = None,
        standard: TissueStandard | None = None,
        impute_missing: bool = False,
        key: str = "genevar",
    ) -> None:
        if not isinstance(model, GeneVAR):
            raise UsageError(
                f"Expected a GeneVAR, which makes tiles from profiles; got {type(model).__name__}. Load one with "
                'gv.models.GeneVAR.load("genevar-her2st-mini").'
            )
        scaler = scaler_of(model.fitted)
        if not adata.n_obs:
            raise DataError("Expected at least one row, got an empty AnnData.")
        if not adata.obs_names.is_unique:
            raise DataError("Expected rows of different names. Run adata.obs_names_make_unique().")
        self.model, self.adata, self.key = model, adata, key
        self._given: dict[str, Any] = {
            "training": training,
            "standard": standard,
            "impute_missing": impute_missing,
        }
        self.row_names = [str(name) for name in adata.obs_names]
        self.genes = _genes(model, scaler, adata, impute_missing=impute_missing)
        self.history: History[SweepRun | None] = History(None)
        self._one_at_a_time = threading.Lock()

    @property
    def result(self) -> AnnData | None:
        """Result of the run that is looked at; None before the first."""
        return None if self.history.state is None else self.history.state.result

    def first_rows(self) -> list[str]:
        """Some rows to begin with, spread over all."""
        n = len(self.row_names)
        return [self.row_names[i] for i in np.linspace(0, n - 1, min(ROWS_AT_FIRST, n)).astype(int)]

    def begin(self, asked: SweepRequest) -> Perturbing:
        """Check a request.

        Raises
        ------
        UsageError, DataError
            As `tl.perturb`; also for rows that are not there, or named twice.
        """
        rows = [str(row) for row in asked.rows]
        if not rows:
            raise UsageError("Expected at least one row; none is picked. Pick some on the map or by name.")
        if strangers := sorted(set(rows) - set(self.row_names)):
            raise UsageError(
                f"Expected names of rows ({first_names(self.row_names)}); got {first_names(strangers)}."
            )
        if len(set(rows)) < len(rows):
            raise UsageError("Expected each row once; some are named more than once.")
        if not asked.genes:
            raise UsageError("Expected at least one gene; none is picked. Search for one and press Enter.")
        if asked.kind not in (FOLD, ABSOLUTE):
            raise UsageError(f"Expected doses of kind 'fold' or 'absolute'; got {asked.kind!r}.")
        doses = [float(dose) for dose in asked.doses]
        if not doses:
            raise UsageError("Expected at least one dose; got none. Write some, with commas between them.")
        return perturbing(
            self.model,
            self.adata[rows].copy(),
            list(asked.genes),
            fold=doses if asked.kind == FOLD else None,
            absolute=doses if asked.kind == ABSOLUTE else None,
            together=asked.together,
            n=asked.n,
            seed=asked.seed,
            controls=asked.controls,
            key_added=self.key,
            **self._given,
        )

    def run(
        self,
        asked: SweepRequest,
        task: Task | None = None,
        *,
        begun: Callable[[Perturbing], None] = lambda under_way: None,
        made: Callable[[Perturbing, Step], None] = lambda under_way, step: None,
    ) -> SweepRun:
        """Run a request to its end, or until it is stopped; what is complete by then stays.

        Parameters
        ----------
        asked
            What to do.
        task
            Told of the progress; may stop it.
        begun, made
            Called when the request is checked, and after each step.

        Raises
        ------
        Cancelled
            Stopped before a dose was complete.
        """
        with self._one_at_a_time:
            under_way = self.begin(asked)
            begun(under_way)
            stopped = False
            try:
                with closing(under_way.steps()) as steps:
                    for step in steps:
                        made(under_way, step)
                        if task is not None:
                            task.report(step.done / under_way.n_tiles, _word(under_way, step))
            except Cancelled:
                stopped = True
            try:
                result = under_way.result()
            except UsageError:
                if stopped:
                    raise Cancelled("stopped before a dose was complete") from None
                raise
            run = SweepRun(asked, result, stopped and not under_way.complete)
            self.history.push(run, asked.name + (" (stopped)" if run.stopped else ""))
            return run


def _genes(model: GeneVAR, scaler: Any, adata: AnnData, *, impute_missing: bool) -> list[str]:
    """Genes that can be edited, those with most reads in training first."""
    there = set(adata.var_names.astype(str))
    used = [model.genes[scaler.columns_U[u]] for u in np.argsort(-scaler.mean_U, kind="stable")]
    known = [gene for gene in used if gene in there]
    missing = sorted(set(used) - there)
    if missing and (not impute_missing or not known):
        raise DataError(
            f"Expected the {len(used)} genes that the model's condition uses; {len(missing)} are absent: "
            f"{first_names(missing)}. Are genes named as in training? impute_missing=True sets absent ones to their "
            "training mean."
        )
    return known


def _word(under_way: Perturbing, step: Step) -> str:
    """What is being made, for people."""
    kind = "tiles" if step.images_MHW3 is not None or step.part is not None else "controls"
    of = f"{step.gene} {step.dose}" if step.gene else "measured profiles"
    return f"{kind} of {of}: {step.done:,} of {under_way.n_tiles:,}"


def finite(value: float) -> float | None:
    """A number that JSON knows, to six digits; None for NaN."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
