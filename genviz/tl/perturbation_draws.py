"""Tiles of codes and of the measured profiles, all with the random numbers of the rows.

Shape legend: N rows, M tiles (n of each row), Z width of the code, D statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._keys import Obsm
from genviz.metrics.tissue import TissueStandard

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GeneVAR
    from genviz.models.genevar.prior.rule import SampleRule

Floats = NDArray[np.float64]
Codes = NDArray[np.float32]


@dataclass(frozen=True)
class Draw:
    """How tiles are drawn; see `perturb`.

    Attributes
    ----------
    model, adata
        Model and rows.
    n, seed, rule, batch_size, key
        See `GeneVAR.generate`.
    """

    model: GeneVAR
    adata: AnnData
    n: int
    seed: int
    rule: str | SampleRule | None
    batch_size: int | None
    key: str

    def of(self, code_NZ: Codes) -> AnnData:
        """Rows with `n` tiles of each code.

        Parameters
        ----------
        code_NZ
            Codes.
        """
        return self.model.generate_from_code(
            self.adata,
            code_NZ,
            self.n,
            self.seed,
            rule=self.rule,
            batch_size=self.batch_size,
            key_added=self.key,
        )

    def by_row(self, values_MD: Floats) -> Floats:
        """Mean over the draws of each row, (N, D).

        Parameters
        ----------
        values_MD
            Of `n` draws a row.
        """
        mean_ND: Floats = values_MD.reshape(-1, self.n, values_MD.shape[1]).mean(axis=1)
        return mean_ND


@dataclass(frozen=True)
class Measured:
    """The profiles as they were measured.

    Attributes
    ----------
    rows, code_NZ
        Generated rows, n for each row, and the rows' codes.
    standard
        Of the statistics.
    statistics_MD, mean_ND
        Of their tiles, and by row.
    other_ND
        By row, of as many tiles with other random numbers.
    """

    rows: AnnData
    code_NZ: Codes
    standard: TissueStandard
    statistics_MD: Floats
    mean_ND: Floats
    other_ND: Floats

    @classmethod
    def of(
        cls,
        draw: Draw,
        standard: TissueStandard | None,
        *,
        depth: ArrayLike | str | None,
        impute_missing: bool,
    ) -> Measured:
        """Generate and measure them.

        Parameters
        ----------
        draw
            How.
        standard
            Of the statistics; None: of these tiles.
        depth, impute_missing
            See `GeneVAR.generate`.
        """
        n = draw.n
        # Twice the draws: the second half of each row has other random numbers.
        both = draw.model.generate(
            draw.adata, 2 * n, draw.seed, depth=depth, impute_missing=impute_missing, rule=draw.rule,
            batch_size=draw.batch_size, key_added=draw.key,
        )  # fmt: skip
        at_N2 = np.arange(both.n_obs).reshape(-1, 2 * n)
        tiles = np.asarray(both.obsm[Obsm.image(draw.key)])
        standard = TissueStandard.of(tiles) if standard is None else standard
        values_MD = standard.measure(tiles)
        first, second = at_N2[:, :n].ravel(), at_N2[:, n:].ravel()
        return cls(
            both[first].copy(),
            np.asarray(both.obsm[Obsm.RNA])[at_N2[:, 0]],
            standard,
            values_MD[first],
            draw.by_row(values_MD[first]),
            draw.by_row(values_MD[second]),
        )
