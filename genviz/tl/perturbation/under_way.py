"""A perturbation that can be watched while it is made, and stopped: `perturb` is this run to its end.

Shape legend: N rows, M tiles (n of each row), D statistics.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.io.cluster import active_client, in_order
from genviz.models.genevar.condition.profile_range import ProfileRange
from genviz.models.genevar.conditions import conditions, told_by
from genviz.models.genevar.tile_bar import tile_bar
from genviz.models.genevar.training_range import range_of
from genviz.tl.perturbation.controls import ridge_of
from genviz.tl.perturbation.draws import Codes, Draw, Floats, Measured, Tiles
from genviz.tl.perturbation.gene_edits import Doses, GeneSet, check_detected, usable_sets
from genviz.tl.perturbation.rows import Part, joined_rows
from genviz.tl.perturbation.sweep import RANGE_UNKNOWN, Edit, Sweep
from genviz.tl.perturbation.tables import Changes, control_sizes, tables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from genviz.metrics.tiles.tissue import TissueStandard
    from genviz.models.genevar.condition.profiles import Profiles

log = logging.getLogger("genviz")

_OWN = -1
MEASURED = ""


@dataclass(frozen=True)
class Step:
    """What was just made.

    Attributes
    ----------
    done
        Tiles so far.
    gene, dose
        Of which set, `MEASURED` for the measured profiles that all sets share, and dose.
    rows, images_MHW3
        Which rows, and n tiles of each; None for controls, whose tiles nobody keeps.
    part, changes
        Rows and change of the dose, when it is complete; `changes` again when its controls are.
    """

    done: int
    gene: str
    dose: str
    rows: slice
    images_MHW3: NDArray[np.uint8] | None = None
    part: Part | None = None
    changes: Changes | None = None


@dataclass
class Perturbing:
    """One call of `perturb`, checked, step by step.

    Attributes
    ----------
    adata, draw, doses, controls, key
        As `perturb` takes them, checked.
    asked
        Sets by name.
    depth, impute_missing, standard, training
        As `perturb` takes them.
    sets
        Of them, what the model can react to.
    done
        Tiles so far.
    """

    adata: AnnData
    draw: Draw
    doses: Doses
    controls: int
    key: str
    asked: Mapping[str, Sequence[str]]
    depth: Any = None
    impute_missing: bool = False
    standard: TissueStandard | None = None
    training: AnnData | None = None
    sets: list[GeneSet] = field(init=False)
    done: int = field(default=0, init=False)
    _sweep: Sweep | None = field(default=None, init=False)
    _parts: dict[int, Part] = field(default_factory=dict, init=False)
    _changes: dict[int, Changes] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        fitted = self.draw.model.fitted
        self.sets, self._scaler = usable_sets(fitted, self.adata, self.asked)
        told = told_by(fitted, self.adata, depth=self.depth, impute_missing=self.impute_missing)
        self._profiles: Profiles = told.profiles
        check_detected(self._profiles, self._scaler, self.sets, self.doses)

    @property
    def n_tiles(self) -> int:
        """Tiles in all: the measured dose twice, every other dose of every set, and its controls."""
        edits = len(self.sets) * (len(self.doses.levels) - 1)
        return self.adata.n_obs * self.draw.n * (2 + edits * (1 + 2 * self.controls))

    @property
    def complete(self) -> bool:
        """Whether everything was made."""
        return self._sweep is not None and self.done >= self.n_tiles

    def steps(self) -> Generator[Step, None, None]:
        """Make everything: measured profiles, then tiles of all sets and doses, then their controls."""
        client = active_client()
        self._client = client
        yield from self._measure()
        sweep = self._sweep
        assert sweep is not None
        edits = sweep.edits(self.sets)
        for place, edit in enumerate(edits):
            if edit.measured:
                yield self._made(place, edit, sweep.measured.tiles, slice(0, self.adata.n_obs), shown=False)
        jobs = (job for some in (self._own_jobs(edits), self._rival_jobs(edits)) for job in some)
        pending: list[Tiles] = []
        found: dict[int, list[Floats]] = {}
        for (place, rival, n_matched, n_rivals), rows, tiles in self._drawn(jobs):
            pending.append(tiles)
            last = rows.stop == self.adata.n_obs
            edit = edits[place]
            if rival == _OWN:
                whole = Tiles.joined(pending) if last else None
                yield self._made(place, edit, whole, rows, images=tiles.images_MHW3)
            else:
                changes = None
                if last:
                    own = found.setdefault(place, [])
                    own.append(sweep.mean_change(Tiles.joined(pending)))
                    if len(own) == n_rivals:
                        changes = sweep.changes(
                            edit, self._parts[place], (tuple(own[:n_matched]), tuple(own[n_matched:]))
                        )
                        self._changes[place] = changes
                yield Step(self.done, edit.own.name, self.doses.label(edit.level), rows, changes=changes)
            if last:
                pending = []
        self.done = self.n_tiles  # a set may have fewer matched ones than asked for

    def result(self) -> AnnData:
        """Rows as `perturb` gives them; of a perturbation that was stopped, the doses that were complete.

        Raises
        ------
        UsageError
            When no dose but the measured one is complete.
        """
        sweep, reference = self._sweep, self.doses.measured
        begun = {part.gene for part in self._parts.values() if part.dose != reference}
        places = [place for place in sorted(self._parts) if self._parts[place].gene in begun]
        if sweep is None or not places:
            raise UsageError("Expected at least one complete dose; there is none yet. Let it run on.")
        facts = sweep.facts([own for own in self.sets if own.name in begun])
        if not self.complete:
            facts["stopped"] = {"tiles": self.done, "of": self.n_tiles}
        changes = [self._changes[place] for place in places]
        facts["control_rms"] = control_sizes(changes, reference)
        tables = tables_of(changes, reference, self.draw.seed)
        return joined_rows(
            self.draw.model.fitted, self.adata, [self._parts[place] for place in places], *tables, facts,
            self.draw.n, self.draw.seed, self.key,
        )  # fmt: skip

    # ---- measured profiles

    def _measure(self) -> Iterator[Step]:
        fitted, n = self.draw.model.fitted, self.draw.n
        code_NZ = conditions(fitted, self._profiles)
        jobs = (
            ((0, _OWN, 0, 0), rows, code_NZ[rows], 2 * n)
            for rows in self.draw.pieces(2 * n, first_alone=True)
        )
        parts = []
        for _, rows, tiles in self._drawn(jobs):
            parts.append(tiles)
            first = tiles.images_MHW3.reshape(-1, 2 * n, *tiles.images_MHW3.shape[1:])[:, :n]
            yield Step(self.done, MEASURED, self.doses.measured, rows, first.reshape(-1, *first.shape[2:]))
        measured = Measured.of(self.draw, code_NZ, Tiles.joined(parts), self.standard)
        span = self._range()
        ridge, no_ridge = ridge_of(
            self.draw.model, self.adata, measured.code_NZ, measured.standard, self.draw.seed
        )
        self._sweep = Sweep(
            self.draw,
            measured,
            self._profiles,
            self._scaler,
            self.doses,
            self.controls,
            span,
            ridge,
            no_ridge,
        )

    def _range(self) -> ProfileRange:
        """That of rows given as training, or else the model's own; without either that of the rows at hand."""
        fitted = self.draw.model.fitted
        if self.training is not None:
            told = told_by(fitted, self.training, impute_missing=self.impute_missing)
            return range_of(fitted, f"{self.training.n_obs} rows given as training", told.profiles)
        if fitted.span is not None:
            return fitted.span
        log.warning(
            "The model does not keep the range of its training rows: values and codes are called outside where they "
            "leave the range of the rows given. Pass training=, the rows that it was trained on."
        )
        return range_of(fitted, RANGE_UNKNOWN, self._profiles)

    # ---- edits and controls

    def _own_jobs(self, edits: Sequence[Edit]) -> Iterator[Job]:
        n = self.draw.n
        for place, edit in enumerate(edits):
            for rows in () if edit.measured else self.draw.pieces(n):
                yield (place, _OWN, 0, 0), rows, edit.code_NZ[rows], n

    def _rival_jobs(self, edits: Sequence[Edit]) -> Iterator[Job]:
        n, sweep = self.draw.n, self._sweep
        assert sweep is not None
        for place, edit in enumerate(edits):
            if edit.measured or not self.controls:
                continue
            matched, turned = sweep.rival_codes(edit)
            for rival, code_NZ in enumerate([*matched, *turned]):
                for rows in self.draw.pieces(n):
                    yield (
                        (place, rival, len(matched), len(matched) + len(turned)),
                        rows,
                        code_NZ[rows],
                        n,
                    )

    def _drawn(self, jobs: Iterator[Job]) -> Iterator[tuple[Tag, slice, Tiles]]:
        """Jobs done, here or on the cluster of the session, in order."""
        draw = self.draw
        if self._client is not None:
            model = copy.copy(draw.model)
            model._adata = None  # training rows stay at home
            draw = replace(draw, model=model)
        for tag, rows, tiles in in_order(_draw, draw, jobs, client=self._client):
            self.done += len(tiles.images_MHW3)
            if self._client is not None:
                with tile_bar(len(tiles.images_MHW3)) as advance:
                    advance(len(tiles.images_MHW3))
            yield tag, rows, tiles

    def _made(
        self,
        place: int,
        edit: Edit,
        whole: Tiles | None,
        rows: slice,
        *,
        images: NDArray[np.uint8] | None = None,
        shown: bool = True,
    ) -> Step:
        """Note the rows of a dose if they are complete."""
        sweep, part, changes = self._sweep, None, None
        if whole is not None and sweep is not None:
            self._parts[place] = part = sweep.part(edit, whole)
            self._changes[place] = changes = sweep.changes(edit, part)
        return Step(
            self.done, edit.own.name, self.doses.label(edit.level), rows,
            images_MHW3=images if shown else None, part=part, changes=changes,
        )  # fmt: skip


Tag = tuple[int, int, int, int]  # place of the edit, which of its controls, matched sets and controls in all
Job = tuple[Tag, slice, Codes, int]


def _draw(draw: Draw, tag: Tag, rows: slice, code_BZ: Codes, n: int) -> tuple[Tag, slice, Tiles]:
    return tag, rows, draw.of(rows, code_BZ, n)
