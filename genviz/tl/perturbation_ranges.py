"""Whether an edited profile is one that training could have shown: each gene's value, and the length of the code.

Shape legend: N rows, U genes that the condition uses, Z width of the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz.models.genevar.conditions import conditions

if TYPE_CHECKING:
    from genviz.models.genevar.condition.config import ConditionConfig
    from genviz.models.genevar.condition.profiles import Profiles
    from genviz.models.genevar.condition.scaler import ProfileScaler
    from genviz.models.genevar.fitted import Fitted

Floats = NDArray[np.float32]

_QUANTILE = 0.99
_SLACK = 1e-5


@dataclass(frozen=True)
class ProfileRange:
    """What some rows span, measured on rows at hand.

    A checkpoint does not keep it, and the means and deviations that it keeps cannot stand in: logarithms of sparse
    genes and codes of spots have long tails. Of the shipped model mean and 3 deviations call 5 % of the training rows'
    own detections outside, and lie above the largest value of 7 % of the genes; codes of 1 % of its training rows are
    longer than 12.4, where a normal code of that width has 5.8.

    Attributes
    ----------
    of
        Whose range it is, in words.
    low_U, high_U
        Of the logarithms of each gene.
    centre_Z, length
        Mean code, and the 99 % quantile of the distances from it.
    """

    of: str
    low_U: Floats
    high_U: Floats
    centre_Z: Floats
    length: float

    @classmethod
    def of_rows(cls, fitted: Fitted, of: str, profiles: Profiles) -> ProfileRange:
        """Measure rows.

        Parameters
        ----------
        fitted
            The model.
        of
            Whose range it is.
        profiles
            Theirs.
        """
        conditioner: Any = fitted.fitted_conditioner()
        logs_NU, code_NZ = conditioner.scaler.logs(profiles, conditioner.config), conditions(fitted, profiles)
        centre_Z = code_NZ.mean(axis=0)
        length = float(np.quantile(np.linalg.norm(code_NZ - centre_Z, axis=1), _QUANTILE))
        return cls(of, logs_NU.min(axis=0), logs_NU.max(axis=0), centre_Z, length)

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
