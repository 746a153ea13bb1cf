"""Tiles of codes and of the measured profiles, all with the random numbers of the rows.

Shape legend: N rows, M tiles (n of each row), Z width of the code, D statistics.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.io.library import library_of_rows
from genviz.metrics.tiles.tissue import TissueStandard
from genviz.models.chunks import rows_at_once

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GeneVAR
    from genviz.models.genevar.prior.rule import SampleRule

Floats = NDArray[np.float64]
Codes = NDArray[np.float32]

_KEY = "genevar"  # of rows that nobody keeps
_MANY = 1 << 20
_BATCHES_ELSEWHERE = 16


@dataclass(frozen=True)
class Tiles:
    """Generated tiles and their tokens, M of them, the draws of a row one after the other."""

    images_MHW3: NDArray[np.uint8]
    tokens_ML: NDArray[np.int32]

    def take(self, index: NDArray[np.intp]) -> Tiles:
        """Some of them."""
        return Tiles(self.images_MHW3[index], self.tokens_ML[index])

    @staticmethod
    def joined(parts: Sequence[Tiles]) -> Tiles:
        """One after the other."""
        return Tiles(
            np.concatenate([part.images_MHW3 for part in parts]),
            np.concatenate([part.tokens_ML for part in parts]),
        )


@dataclass(frozen=True)
class Draw:
    """How tiles are drawn; see `perturb`. Small enough to travel to other machines.

    Attributes
    ----------
    model
        The model.
    names
        Rows by name and section alone, from `names_of`.
    n, seed, rule, batch_size
        See `GeneVAR.generate`.
    """

    model: GeneVAR
    names: AnnData
    n: int
    seed: int
    rule: str | SampleRule | None
    batch_size: int | None

    def of(self, rows: slice, code_BZ: Codes, n: int) -> Tiles:
        """`n` tiles of each code.

        Parameters
        ----------
        rows
            Whose random numbers.
        code_BZ
            Their codes.
        n
            Draws of each.
        """
        made = self.model.generate_from_code(
            self.names[rows],
            code_BZ,
            n,
            self.seed,
            rule=self.rule,
            batch_size=self.batch_size,
            key_added=_KEY,
        )
        return Tiles(np.asarray(made.obsm[Obsm.image(_KEY)]), np.asarray(made.obsm[Obsm.tokens(_KEY)]))

    def pieces(self, n: int, *, first_alone: bool = False) -> list[slice]:
        """Rows to draw at once: a batch of tiles on a processor, more on an accelerator.

        Parameters
        ----------
        n
            Draws of each.
        first_alone
            Whether somebody waits for the first row.
        """
        device = self.model._ready().device
        tiles = self.batch_size or rows_at_once(device, _MANY)
        step = max(1, tiles * (1 if device.type == "cpu" else _BATCHES_ELSEWHERE) // n)
        starts = [0, *range(1 if first_alone else step, self.names.n_obs, step)]
        return [
            slice(start, stop) for start, stop in zip(starts, [*starts[1:], self.names.n_obs], strict=True)
        ]

    def by_row(self, values_MD: Floats) -> Floats:
        """Mean over the draws of each row, (N, D).

        Parameters
        ----------
        values_MD
            Of `n` draws a row.
        """
        mean_ND: Floats = values_MD.reshape(-1, self.n, values_MD.shape[1]).mean(axis=1)
        return mean_ND


def names_of(adata: AnnData) -> AnnData:
    """Rows with nothing but what their random numbers depend on.

    Parameters
    ----------
    adata
        Rows.
    """
    names = ad.AnnData(obs=pd.DataFrame(index=adata.obs_names.astype(str)))
    with contextlib.suppress(MissingKeyError):  # rows that lie on no section
        names.obs[Obs.LIBRARY] = library_of_rows(adata)
    return names


@dataclass(frozen=True)
class Measured:
    """The profiles as they were measured.

    Attributes
    ----------
    tiles, code_NZ
        n for each row, and the rows' codes.
    standard
        Of the statistics.
    statistics_MD, mean_ND
        Of their tiles, and by row.
    other_ND
        By row, of as many tiles with other random numbers.
    """

    tiles: Tiles
    code_NZ: Codes
    standard: TissueStandard
    statistics_MD: Floats
    mean_ND: Floats
    other_ND: Floats

    @classmethod
    def of(cls, draw: Draw, code_NZ: Codes, both: Tiles, standard: TissueStandard | None) -> Measured:
        """Measure them.

        Parameters
        ----------
        draw
            How they were drawn.
        code_NZ
            Codes.
        both
            Twice the draws: the second half of each row has other random numbers.
        standard
            Of the statistics; None: of these tiles.
        """
        at_N2 = np.arange(2 * draw.n * len(code_NZ)).reshape(-1, 2 * draw.n)
        standard = TissueStandard.of(both.images_MHW3) if standard is None else standard
        values_MD = standard.measure(both.images_MHW3)
        first, second = at_N2[:, : draw.n].ravel(), at_N2[:, draw.n :].ravel()
        return cls(
            both.take(first),
            code_NZ,
            standard,
            values_MD[first],
            draw.by_row(values_MD[first]),
            draw.by_row(values_MD[second]),
        )
