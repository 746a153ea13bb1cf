"""One model, some rows, one grid of doses: what each set of genes does at each dose, and what its controls do.

Shape legend: N rows, M tiles (n of each row), U genes that the condition uses, Z width of the code, D statistics.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obsm
from genviz.models.genevar.conditions import conditions
from genviz.tl.gene_edits import Doses, GeneSet, edited
from genviz.tl.perturbation_controls import matched_sets, random_directions
from genviz.tl.perturbation_draws import Codes, Draw, Floats, Measured
from genviz.tl.perturbation_ranges import ProfileRange
from genviz.tl.perturbation_rows import Part
from genviz.tl.perturbation_tables import Changes
from genviz.tl.perturbation_tests import rms
from genviz.tl.ridge import Ridge

if TYPE_CHECKING:
    from genviz.models.genevar.condition.profiles import Profiles
    from genviz.models.genevar.condition.scaler import ProfileScaler

log = logging.getLogger("genviz")


@dataclass(frozen=True)
class Sweep:
    """What the doses of all sets have in common.

    Attributes
    ----------
    draw, measured
        How tiles are drawn; the measured profiles' ones.
    profiles, scaler
        Of the rows; of the condition.
    doses, controls
        The grid; random sets and random directions beside each dose.
    span
        Range of values and codes.
    ridge, no_ridge
        From codes to statistics, or why there is none.
    """

    draw: Draw
    measured: Measured
    profiles: Profiles
    scaler: ProfileScaler
    doses: Doses
    controls: int
    span: ProfileRange
    ridge: Ridge | None
    no_ridge: str

    def run(self, sets: Sequence[GeneSet]) -> tuple[list[Part], list[Changes]]:
        """Tiles and changes of all sets at all doses, in order.

        Parameters
        ----------
        sets
            Genes.
        """
        parts: list[Part] = []
        changes: list[Changes] = []
        for i, own in enumerate(sets):
            log.info("Perturbing %s (%d of %d).", own.name, i + 1, len(sets))
            matched = self._matched(own)
            for k, level in enumerate(self.doses.levels):
                part, code_change_NZ = self._part(own, level, measured=k == self.doses.reference)
                rivals = ((), ()) if k == self.doses.reference else self._controls(matched, part)
                parts.append(part)
                changes.append(self._changes(own, part, code_change_NZ, *rivals))
        return parts, changes

    def facts(self, sets: Sequence[GeneSet]) -> dict[str, Any]:
        """What the tables do not say, as JSON values.

        Parameters
        ----------
        sets
            Genes.
        """
        names = [self.draw.model.fitted.genes[column] for column in self.scaler.columns_U]
        ridge: dict[str, Any] = {"absent": self.no_ridge}
        if self.ridge is not None:
            ridge = {
                "rows": self.draw.adata.n_obs,
                "penalty": self.ridge.alpha,
                "r2": self.ridge.r2_S.tolist(),
            }
        return {
            "doses": {
                "kind": self.doses.kind,
                "levels": [None if np.isnan(level) else level for level in self.doses.levels],
            },
            "sets": {own.name: {"genes": list(own.genes), "unused": list(own.unused)} for own in sets},
            "controls": self.controls,
            "matched_sets": {
                own.name: [[names[u] for u in columns] for columns in self._matched(own)] for own in sets
            },
            "range": {"of": self.span.of, "code_length_99": self.span.length},
            "ridge": ridge,
            "seed_noise_rms": rms((self.measured.other_ND - self.measured.mean_ND).mean(axis=0)),
            "standard": self.measured.standard.to_dict(),
        }

    def _part(self, own: GeneSet, level: float, *, measured: bool) -> tuple[Part, Codes]:
        """Tiles of one set at one dose, and the change of each row's code."""
        conditioner = self.draw.model.fitted.fitted_conditioner()
        profiles = edited(self.profiles, self.scaler, own.columns, self.doses.kind, level)
        code_NZ = self.measured.code_NZ if measured else conditions(self.draw.model.fitted, profiles)
        rows = self.measured.rows if measured else self.draw.of(code_NZ)
        change_NZ = code_NZ - self.measured.code_NZ
        part = Part(
            gene=own.name,
            dose=self.doses.label(level),
            level=level,
            rows=rows,
            statistics_MD=self.measured.statistics_MD if measured else self._statistics(rows),
            code_change_N=np.linalg.norm(change_NZ, axis=1),
            genes_outside_N=self.span.genes_outside(profiles, self.scaler, conditioner.config, own.columns),
            codes_outside_N=self.span.codes_outside(code_NZ),
        )
        return part, change_NZ

    def _changes(
        self,
        own: GeneSet,
        part: Part,
        code_change_NZ: Codes,
        matched: tuple[Floats, ...],
        directions: tuple[Floats, ...],
    ) -> Changes:
        mean_ND = self.draw.by_row(part.statistics_MD)
        ridge_D = None if self.ridge is None else code_change_NZ.mean(axis=0) @ self.ridge.weights_ZS
        return Changes(
            gene=part.gene,
            dose=part.dose,
            level=part.level,
            n_genes=len(own.genes),
            change_ND=mean_ND - self.measured.mean_ND,
            independent_ND=mean_ND - self.measured.other_ND,
            code_change=float(part.code_change_N.mean()),
            genes_outside=float(part.genes_outside_N.mean()),
            codes_outside=float(part.codes_outside_N.mean()),
            matched=matched,
            directions=directions,
            ridge_D=ridge_D,
        )

    def _controls(
        self, matched: list[tuple[int, ...]], part: Part
    ) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Mean changes by other genes at the same dose, and by random directions of the same length."""
        fitted = self.draw.model.fitted
        conditioner = fitted.fitted_conditioner()
        codes = [
            conditions(fitted, edited(self.profiles, self.scaler, columns, self.doses.kind, part.level))
            for columns in matched
        ]
        # Without a projection behind it, the depth has a column of its own, the last one: it is held.
        plain = conditioner.cond_dim == conditioner.input_dim
        still = [conditioner.cond_dim - 1] if plain and conditioner.config.depth else []
        ways = random_directions(conditioner.cond_dim, self.controls, seed=self.draw.seed, still=still)
        turned = [self.measured.code_NZ + part.code_change_N[:, None] * way_Z for way_Z in ways]
        first, second = (tuple(self._mean_change(code_NZ) for code_NZ in some) for some in (codes, turned))
        return first, second

    def _matched(self, own: GeneSet) -> list[tuple[int, ...]]:
        logs_NU = self.scaler.logs(self.profiles, self.draw.model.fitted.fitted_conditioner().config)
        return matched_sets(logs_NU, own.columns, self.controls, seed=self.draw.seed, name=own.name)

    def _mean_change(self, code_NZ: NDArray[np.float32]) -> Floats:
        mean_ND = self.draw.by_row(self._statistics(self.draw.of(code_NZ)))
        mean_D: Floats = (mean_ND - self.measured.mean_ND).mean(axis=0)
        return mean_D

    def _statistics(self, rows: Any) -> Floats:
        return self.measured.standard.measure(rows.obsm[Obsm.image(self.draw.key)])
