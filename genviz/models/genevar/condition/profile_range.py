"""What profiles span: each gene's values and the lengths of codes.

Shape legend: N rows, U genes that the condition uses, Z width of the code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from genviz.models.genevar.condition.config import ConditionConfig
    from genviz.models.genevar.condition.profiles import Profiles
    from genviz.models.genevar.condition.scaler import ProfileScaler

Floats = NDArray[np.float32]

_QUANTILE = 0.99
_SLACK = 1e-5
_DIGITS = 4  # of what a file keeps, rounded outwards: no row of its own lies outside


@dataclass(frozen=True)
class ProfileRange:
    """What some rows span, measured on these rows.

    Means and deviations, which a condition keeps anyway, cannot stand in: logarithms of sparse genes and codes of spots
    have long tails. Of the shipped model mean and 3 deviations call 5 % of the training rows' own detections outside,
    and lie above the largest value of 7 % of the genes; codes of 1 % of its training rows are longer than 12.4, where a
    normal code of that width has 5.8.

    Attributes
    ----------
    of
        Whose range it is, in words.
    n_rows
        How many rows were measured.
    low_U, high_U
        Of the logarithms of each gene, as the condition takes them.
    centre_Z, length
        Mean code, and the 99 % quantile of the distances from it.
    """

    of: str
    n_rows: int
    low_U: Floats
    high_U: Floats
    centre_Z: Floats
    length: float

    @classmethod
    def of_rows(cls, of: str, logs_NU: Floats, code_NZ: Floats) -> ProfileRange:
        """Measure rows.

        Parameters
        ----------
        of
            Whose range it is.
        logs_NU
            Logarithms of their genes, as the condition takes them.
        code_NZ
            Their codes.
        """
        centre_Z = code_NZ.mean(axis=0)
        length = float(np.quantile(np.linalg.norm(code_NZ - centre_Z, axis=1), _QUANTILE))
        return cls(of, len(code_NZ), logs_NU.min(axis=0), logs_NU.max(axis=0), centre_Z, length)

    def genes_outside(
        self, profiles: Profiles, scaler: ProfileScaler, config: ConditionConfig, columns: Sequence[int]
    ) -> NDArray[np.bool_]:
        """Rows of which any edited gene lies outside, (N,).

        Parameters
        ----------
        profiles
            Edited ones.
        scaler, config
            Of the condition.
        columns
            Edited genes, by their places among the used ones.
        """
        own = list(columns)
        values = scaler.logs(profiles, config)[:, own]
        outside = (values > self.high_U[own] + _SLACK) | (values < self.low_U[own] - _SLACK)
        return np.asarray(outside.any(axis=1))

    def codes_outside(self, code_NZ: Floats) -> NDArray[np.bool_]:
        """Rows whose code lies further out than 99 % do, (N,).

        Parameters
        ----------
        code_NZ
            Codes.
        """
        return np.asarray(np.linalg.norm(code_NZ - self.centre_Z, axis=1) > self.length + _SLACK)

    def to_json(self) -> str:
        """Text of a file: numbers with four digits, the gene's least value down and the largest up."""
        values = {
            "of": self.of,
            "rows": self.n_rows,
            "low": _plain(np.floor(_scaled(self.low_U))),
            "high": _plain(np.ceil(_scaled(self.high_U))),
            "code_centre": _plain(np.rint(_scaled(self.centre_Z))),
            "code_length_99": _plain(np.ceil(_scaled([self.length])))[0],
        }
        return json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, n_genes: int, width: int) -> ProfileRange:
        """Read it back.

        Parameters
        ----------
        text
            From `to_json`.
        n_genes, width
            U and Z of the model that it goes with.

        Raises
        ------
        ValueError, KeyError, TypeError
            For a text of another origin, or another model's.
        """
        values: Mapping[str, Any] = json.loads(text)
        low_U, high_U, centre_Z = (np.asarray(values[name], np.float32) for name in _ARRAYS)
        if (low_U.shape, high_U.shape, centre_Z.shape) != ((n_genes,), (n_genes,), (width,)):
            raise ValueError(
                f"the range is of {len(low_U)} genes and a code of width {len(centre_Z)}, the condition of {n_genes} "
                f"and {width}"
            )
        length = float(values["code_length_99"])
        return cls(str(values["of"]), int(values["rows"]), low_U, high_U, centre_Z, length)


_ARRAYS = ("low", "high", "code_centre")


def _scaled(values: Any) -> NDArray[np.float64]:
    # Rounded first: 0.3 times 10,000 is a little less than 3,000 in floating point.
    return np.round(np.asarray(values, np.float64) * 10**_DIGITS, 3)


def _plain(scaled: NDArray[np.float64]) -> list[float | int]:
    """Whole numbers without a point: most genes' least value is 0."""
    values = np.round(scaled / 10**_DIGITS, _DIGITS).tolist()
    return [int(value) if value == int(value) else value for value in values]
