"""The folds of every seed of a protocol, and the table of what networks said on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genviz.metrics.image_set import Labels
from genviz.metrics.protocols.fold_scores import Cell, Statistic, cell_scores
from genviz.metrics.protocols.patient_folds import FoldRows, fold_rows
from genviz.metrics.score import Score

MAJORITY = "majority"


@dataclass(frozen=True, eq=False)
class FoldRuns:
    """Folds by patient, anew for each seed; iterating gives the seed, the fold's name and its rows.

    Attributes
    ----------
    labels, patients, synthetic_patients, n_folds, held_out, other_patients
        See `fold_rows`.
    seeds
        At least one.
    """

    labels: Labels
    patients: Labels
    synthetic_patients: Labels | None
    n_folds: int
    seeds: Sequence[int]
    held_out: Sequence[Any] | None
    other_patients: bool

    def __iter__(self) -> Iterator[tuple[int, str, FoldRows]]:
        for seed in self.seeds:
            folds = fold_rows(
                self.labels,
                self.patients,
                self.synthetic_patients,
                n_folds=self.n_folds,
                seed=seed,
                held_out=self.held_out,
                other_patients=self.other_patients,
            )
            for number, fold in enumerate(folds):
                yield seed, f"fold {number}", fold

    def table(
        self,
        runs: Mapping[str, Sequence[Cell]],
        beside: Mapping[str, str],
        statistics: Mapping[str, Statistic],
        detail: str,
    ) -> dict[str, dict[str, Score]]:
        """Scores of each row of the table, see `cell_scores`; `MAJORITY` has nothing beside it.

        Parameters
        ----------
        runs
            Row → a cell for each fold of each seed.
        beside
            Row → the row that it is compared with; `MAJORITY` where it is not named.
        statistics
            Name → function of a cell and weights.
        detail
            Of the networks, for the note.
        """
        note = f"{self.n_folds} folds by patient, {len(self.seeds)} seeds, {detail}"
        if self.synthetic_patients is not None and self.held_out is None:
            note += "; every patient is tested, the generator's own among them if it was trained on them"
        found = {}
        for name, cells in runs.items():
            found[name] = cell_scores(
                cells,
                statistics,
                n=sum(len(cell.target_N) for cell in cells) // len(self.seeds),
                reference=None if name == MAJORITY else runs[beside.get(name, MAJORITY)],
                seed=self.seeds[0],
                note=note,
            )
        return found
