"""What a baseline says of the test rows. Shape legend: M test rows, G genes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """Predictions of one baseline.

    Attributes
    ----------
    log2_MG
        Estimate of E[log2(1 + X)]; every log2 score reads it.
    mean_MG
        Estimate of E[X], raw counts.
    normalised_MG
        Direct estimate of log2(1 + 1e4 * count / library total), where the baseline makes one.
    chosen
        What was chosen on the training rows, JSON values.
    """

    log2_MG: Floats
    mean_MG: Floats
    normalised_MG: Floats | None = None
    chosen: dict[str, Any] = field(default_factory=dict)

    def clipped(self) -> Estimate:
        """The same without negative values, which neither counts nor their logarithms can have."""
        direct = None if self.normalised_MG is None else np.maximum(self.normalised_MG, 0.0)
        return Estimate(np.maximum(self.log2_MG, 0.0), np.maximum(self.mean_MG, 0.0), direct, self.chosen)
