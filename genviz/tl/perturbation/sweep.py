"""One model, some rows, one grid of doses: what each set of genes does at each dose, and what its controls do.

Shape legend: N rows, M tiles (n of each row), U genes that the condition uses, Z width of the code, D statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz.models.genevar.condition.profile_range import ProfileRange
from genviz.models.genevar.conditions import conditions
from genviz.tl.perturbation.controls import matched_sets, random_directions
from genviz.tl.perturbation.draws import Codes, Draw, Floats, Measured, Tiles
from genviz.tl.perturbation.gene_edits import Doses, GeneSet, edited
from genviz.tl.perturbation.paired_tests import rms
from genviz.tl.perturbation.rows import Part
from genviz.tl.perturbation.tables import Changes
from genviz.tl.ridge import Ridge

if TYPE_CHECKING:
    from genviz.models.genevar.condition.profiles import Profiles
    from genviz.models.genevar.condition.scaler import ProfileScaler

RANGE_UNKNOWN = "the rows themselves (the model does not keep that of its training rows)"

Rivals = tuple[tuple[Floats, ...], tuple[Floats, ...]]


@dataclass(frozen=True)
class Edit:
    """One set at one dose, before anything is drawn.

    Attributes
    ----------
    own, level, measured
        The set; the dose, and whether it is the measured one.
    code_NZ, change_NZ
        The rows' codes, and their changes.
    genes_outside_N, codes_outside_N
        Rows outside the range.
    """

    own: GeneSet
    level: float
    measured: bool
    code_NZ: Codes
    change_NZ: Codes
    genes_outside_N: NDArray[np.bool_]
    codes_outside_N: NDArray[np.bool_]


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

    def edits(self, sets: Sequence[GeneSet]) -> list[Edit]:
        """All sets at all doses, in order, the measured dose of each among them.

        Parameters
        ----------
        sets
            Genes.
        """
        return [
            self._edit(own, level, measured=k == self.doses.reference)
            for own in sets
            for k, level in enumerate(self.doses.levels)
        ]

    def part(self, edit: Edit, tiles: Tiles) -> Part:
        """Rows of an edit.

        Parameters
        ----------
        edit
            The edit.
        tiles
            n of each row.
        """
        return Part(
            gene=edit.own.name,
            dose=self.doses.label(edit.level),
            level=edit.level,
            tiles=tiles,
            code_NZ=edit.code_NZ,
            statistics_MD=self.measured.statistics_MD if edit.measured else self._statistics(tiles),
            code_change_N=np.linalg.norm(edit.change_NZ, axis=1),
            genes_outside_N=edit.genes_outside_N,
            codes_outside_N=edit.codes_outside_N,
        )

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
                "rows": self.draw.names.n_obs,
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
            "range": {
                "of": self.span.of,
                "rows": self.span.n_rows,
                "of_training": self.span.of != RANGE_UNKNOWN,
                "code_length_99": self.span.length,
            },
            "ridge": ridge,
            "seed_noise_rms": rms((self.measured.other_ND - self.measured.mean_ND).mean(axis=0)),
            "standard": self.measured.standard.to_dict(),
        }

    def changes(self, edit: Edit, part: Part, rivals: Rivals = ((), ())) -> Changes:
        """What an edit did, beside what its controls did.

        Parameters
        ----------
        edit, part
            The edit and its rows.
        rivals
            Mean changes (D,) by other genes, and by random directions.
        """
        mean_ND = self.draw.by_row(part.statistics_MD)
        ridge_D = None if self.ridge is None else edit.change_NZ.mean(axis=0) @ self.ridge.weights_ZS
        return Changes(
            gene=part.gene,
            dose=part.dose,
            level=part.level,
            n_genes=len(edit.own.genes),
            change_ND=mean_ND - self.measured.mean_ND,
            independent_ND=mean_ND - self.measured.other_ND,
            code_change=float(part.code_change_N.mean()),
            genes_outside=float(part.genes_outside_N.mean()),
            codes_outside=float(part.codes_outside_N.mean()),
            matched=rivals[0],
            directions=rivals[1],
            ridge_D=ridge_D,
        )

    def rival_codes(self, edit: Edit) -> tuple[list[Codes], list[Codes]]:
        """Codes of other genes at the same dose, and of random directions of the same length.

        Parameters
        ----------
        edit
            An edit other than the measured dose.
        """
        fitted = self.draw.model.fitted
        conditioner = fitted.fitted_conditioner()
        codes = [
            conditions(fitted, edited(self.profiles, self.scaler, columns, self.doses.kind, edit.level))
            for columns in self._matched(edit.own)
        ]
        # Without a projection behind it, the depth has a column of its own, the last one: it is held.
        plain = conditioner.cond_dim == conditioner.input_dim
        still = [conditioner.cond_dim - 1] if plain and conditioner.config.depth else []
        ways = random_directions(conditioner.cond_dim, self.controls, seed=self.draw.seed, still=still)
        length_N1 = np.linalg.norm(edit.change_NZ, axis=1)[:, None]
        return codes, [self.measured.code_NZ + length_N1 * way_Z for way_Z in ways]

    def mean_change(self, tiles: Tiles) -> Floats:
        """Mean change (D,) of the statistics.

        Parameters
        ----------
        tiles
            n of each row.
        """
        mean_D: Floats = (self.draw.by_row(self._statistics(tiles)) - self.measured.mean_ND).mean(axis=0)
        return mean_D

    def _edit(self, own: GeneSet, level: float, *, measured: bool) -> Edit:
        conditioner: Any = self.draw.model.fitted.fitted_conditioner()
        profiles = edited(self.profiles, self.scaler, own.columns, self.doses.kind, level)
        code_NZ = self.measured.code_NZ if measured else conditions(self.draw.model.fitted, profiles)
        return Edit(
            own=own,
            level=level,
            measured=measured,
            code_NZ=code_NZ,
            change_NZ=code_NZ - self.measured.code_NZ,
            genes_outside_N=self.span.genes_outside(profiles, self.scaler, conditioner.config, own.columns),
            codes_outside_N=self.span.codes_outside(code_NZ),
        )

    def _matched(self, own: GeneSet) -> list[tuple[int, ...]]:
        logs_NU = self.scaler.logs(self.profiles, self.draw.model.fitted.fitted_conditioner().config)
        return matched_sets(logs_NU, own.columns, self.controls, seed=self.draw.seed, name=own.name)

    def _statistics(self, tiles: Tiles) -> Floats:
        return self.measured.standard.measure(tiles.images_MHW3)
