"""From counts or TPM to standardised logarithms of the genes that vary, fitted on training rows.

Shape legend: N rows, G genes as given, U genes that are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import DataError
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.profiles import Profiles

Float = NDArray[np.float32]

_LEAST_STD = 1e-6
_NAMES = ("columns", "mean", "std", "log_depth", "n_genes_in")


@dataclass(frozen=True)
class ProfileScaler:
    """Statistics of the training rows.

    Attributes
    ----------
    columns_U
        Columns of the matrix that are used, in rising order, int64.
    mean_U, std_U
        Of their logarithms.
    log_depth
        Mean and deviation of the logarithm of the depth.
    n_genes_in
        G.
    """

    columns_U: NDArray[np.int64]
    mean_U: Float
    std_U: Float
    log_depth: tuple[float, float]
    n_genes_in: int

    @classmethod
    def fit(cls, profiles: Profiles, config: ConditionConfig) -> ProfileScaler:
        """Choose genes and measure them.

        Raises
        ------
        DataError
            For fewer than two rows, or no gene that varies.
        """
        if len(profiles) < 2:
            raise DataError(f"Expected at least 2 training profiles; got {len(profiles)}.")
        n_rows, n_genes = profiles.matrix.shape
        logs = _logs(profiles.matrix, profiles.depth_N, config)
        mean_G = np.asarray(logs.mean(axis=0)).ravel()
        variance_G = np.asarray(logs.multiply(logs).mean(axis=0)).ravel() - mean_G**2
        detected_G = np.bincount(logs.indices, minlength=n_genes) / n_rows
        eligible = (variance_G > _LEAST_STD**2) & (detected_G >= config.min_detected)
        if not eligible.any():
            raise DataError(
                f"Expected genes that vary and are detected in {config.min_detected:.0%} of {n_rows} training rows; "
                "there is none. Lower min_detected, or look at the profiles."
            )
        # Ties are broken by the column, so that the choice is the same everywhere.
        order = np.lexsort((np.arange(n_genes), -variance_G))
        best = order[eligible[order]]
        columns_U = np.sort(best[: config.n_genes] if config.n_genes else best).astype(np.int64)
        depth = np.log(profiles.depth_N)
        spread = float(depth.std())
        return cls(
            columns_U,
            mean_G[columns_U].astype(np.float32),
            np.sqrt(variance_G[columns_U]).astype(np.float32),
            (float(depth.mean()), spread if spread > _LEAST_STD else 1.0),
            n_genes,
        )

    def logs(self, profiles: Profiles, config: ConditionConfig) -> Float:
        """Logarithms of the used genes, (N, U).

        Raises
        ------
        DataError
            For a matrix with other columns than the training rows had.
        """
        if profiles.matrix.shape[1] != self.n_genes_in:
            raise DataError(
                f"Expected profiles of the {self.n_genes_in} genes of training; got {profiles.matrix.shape[1]}. Give "
                "the same genes in the same order."
            )
        used = profiles.matrix[:, self.columns_U]
        return np.asarray(_logs(used, profiles.depth_N, config).toarray(), dtype=np.float32)

    def standardised(self, profiles: Profiles, config: ConditionConfig) -> Float:
        """The same as z-scores."""
        return (self.logs(profiles, config) - self.mean_U) / self.std_U

    def depth(self, profiles: Profiles) -> Float:
        """Standardised logarithm of the depth, (N, 1)."""
        mean, std = self.log_depth
        return ((np.log(profiles.depth_N) - mean) / std).astype(np.float32)[:, None]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What `from_tensors` rebuilds it from."""
        values: tuple[NDArray[Any], ...] = (
            self.columns_U,
            self.mean_U,
            self.std_U,
            np.array(self.log_depth),
            np.array([self.n_genes_in]),
        )
        return {f"scaler.{name}": value for name, value in zip(_NAMES, values, strict=True)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Any]) -> ProfileScaler:
        """Rebuild.

        Parameters
        ----------
        tensors
            Arrays, or tensors on the CPU.
        """
        columns, mean, std, depth, n_in = (np.asarray(tensors[f"scaler.{name}"]) for name in _NAMES)
        return cls(columns, mean, std, (float(depth[0]), float(depth[1])), int(n_in[0]))


def _logs(
    matrix: sparse.csr_matrix, depth_N: NDArray[np.float64], config: ConditionConfig
) -> sparse.csr_matrix:
    """``log1p(scale x / depth)`` or ``log2(1 + x)``; zeros stay zeros, so the matrix stays sparse."""
    logs = sparse.csr_matrix(matrix, dtype=np.float64, copy=True)
    logs.eliminate_zeros()
    if config.units == "counts":
        rows = np.repeat(np.arange(logs.shape[0]), np.diff(logs.indptr))
        logs.data = np.log1p(config.scale * logs.data / depth_N[rows])
    else:
        logs.data = np.log2(1 + logs.data)
    return logs
