"""Profiles as the conditioners take them: a matrix in known units, the depth, names that randomness is keyed by.

Shape legend: N rows, G genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import DataError
from genviz.core.counts import first_names
from genviz.core.keyed import row_generator


@dataclass(frozen=True)
class Profiles:
    """Some rows.

    Attributes
    ----------
    matrix
        CSR (N, G), raw counts or TPM.
    names, libraries
        Row and section of each ("" for bulk), which key their randomness.
    depth_N
        All reads of each row, float64; more than the sum of the matrix when that holds some genes only.
    labels
        Class of each row, for the condition "class"; else None.
    """

    matrix: sparse.csr_matrix
    names: tuple[str, ...]
    libraries: tuple[str, ...]
    depth_N: NDArray[np.float64]
    labels: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        matrix: Any,
        *,
        depth_N: NDArray[Any] | None = None,
        names: Sequence[str] | None = None,
        libraries: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
    ) -> Profiles:
        """Put together and check.

        Parameters
        ----------
        matrix
            (N, G), dense or sparse.
        depth_N
            By default the sums of the rows.
        names, libraries
            By default row numbers and "".
        labels
            Where there are any.

        Raises
        ------
        DataError
            For values that are negative or not finite, rows without depth (all zeros), or columns of other lengths.
        """
        csr = sparse.csr_matrix(matrix)
        n = csr.shape[0]
        named = tuple(str(i) for i in range(n)) if names is None else tuple(map(str, names))
        depths = np.asarray(csr.sum(axis=1)).ravel() if depth_N is None else np.asarray(depth_N)
        found = cls(
            csr,
            named,
            ("",) * n if libraries is None else tuple(map(str, libraries)),
            depths.astype(np.float64),
            None if labels is None else tuple(map(str, labels)),
        )
        lengths = [len(part) for part in (found.names, found.libraries, found.depth_N, found.labels or named)]
        if set(lengths) != {n}:
            raise DataError(f"Expected {n} names, libraries, depths and labels; got {lengths}.")
        if not np.isfinite(csr.data).all() or (csr.data < 0).any():
            raise DataError("Expected profiles of finite values from 0; some are not. Give counts or TPM.")
        empty = [name for name, depth in zip(named, found.depth_N, strict=True) if not depth > 0]
        if empty:
            raise DataError(
                f"Expected reads in every row; {len(empty)} have none: {first_names(empty)}. Leave those rows out."
            )
        return found

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[Any]) -> Profiles:
        """Some rows, by number or mask.

        Parameters
        ----------
        rows
            Numbers or bool mask.
        """
        at = np.arange(len(self))[rows]
        return Profiles(
            self.matrix[at],
            tuple(self.names[i] for i in at),
            tuple(self.libraries[i] for i in at),
            self.depth_N[at],
            None if self.labels is None else tuple(self.labels[i] for i in at),
        )

    def generator(self, row: int, seed: int, stream: str) -> np.random.Generator:
        """Randomness of one row for one purpose.

        Parameters
        ----------
        row
            Its number.
        seed
            Seed of the run.
        stream
            The purpose.
        """
        return row_generator(seed, self.libraries[row], self.names[row], stream)


def thinned(profiles: Profiles, *, thin_from: float, seed: int, view: int) -> Profiles:
    """A training view: of each row a share of its counts, drawn at random, as a shallower sequencing would give.

    The share is uniform between `thin_from` and 1, each read is kept with it (binomial). A row that would lose all its
    reads stays as it is. Draws are keyed by (seed, library, row, view), whatever other rows there are.

    Parameters
    ----------
    profiles
        Counts.
    thin_from
        Least share.
    seed
        Seed of the run.
    view
        Number of the view.

    Raises
    ------
    DataError
        For values that are no counts.
    """
    matrix = profiles.matrix
    if (matrix.data != np.floor(matrix.data)).any():
        raise DataError("Expected raw counts to thin; some are fractions. Give counts, or set thin_from=1.")
    if thin_from == 1:
        return profiles
    kept = matrix.data.astype(np.int64)
    depth_N = profiles.depth_N.copy()
    for row, (start, stop) in enumerate(zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)):
        rng = profiles.generator(row, seed, f"thin {view}")
        share = rng.uniform(thin_from, 1)
        counts = kept[start:stop]
        drawn = rng.binomial(counts, share)
        # Reads of genes that are not in the matrix are thinned too, so that shares stay what they are.
        rest = rng.binomial(max(0, round(float(depth_N[row] - counts.sum()))), share)
        if drawn.sum():
            kept[start:stop] = drawn
            depth_N[row] = drawn.sum() + rest
    thin = sparse.csr_matrix((kept.astype(matrix.dtype), matrix.indices, matrix.indptr), shape=matrix.shape)
    return replace(profiles, matrix=thin, depth_N=depth_N)
