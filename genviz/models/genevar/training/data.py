"""What GeneVAR is trained on, in memory: profiles, windows of pixels, and windows without profiles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genviz._errors import DataError
from genviz._keys import Obs
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.rows import profiles_of
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.tile_windows import TileWindows, joined, windows_of
from genviz.train.run_folder import array_digest

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on.

    Attributes
    ----------
    genes
        Names of the profiles' columns.
    profiles, windows
        The same rows in the same order.
    unpaired
        Windows without profiles; None: there are none.
    groups
        Patient (or slide) of each paired row: the autoencoder of profiles holds some out.
    validation
        Other rows, by which the prior's best epoch is chosen; None: the last one is kept.

    Raises
    ------
    DataError
        When profiles and windows are of other rows.
    """

    genes: tuple[str, ...]
    profiles: Profiles
    windows: TileWindows
    unpaired: TileWindows | None = None
    groups: tuple[str, ...] = field(default=())
    validation: TrainingData | None = None

    def __post_init__(self) -> None:
        if self.profiles.names != self.windows.names:
            raise DataError("Expected profiles and windows of the same rows in the same order; they differ.")

    @property
    def all_windows(self) -> TileWindows:
        """Windows of both kinds."""
        return self.windows if self.unpaired is None else joined([self.windows, self.unpaired])

    def profiles_digest(self) -> str:
        """SHA-256 of genes and profiles."""
        matrix = self.profiles.matrix
        parts = [array_digest(part) for part in (matrix.data, matrix.indices, matrix.indptr)]
        told = [*self.genes, *self.profiles.names, *self.profiles.libraries, *(self.profiles.labels or ())]
        return hashlib.sha256("\n".join([*parts, *told]).encode()).hexdigest()

    def digest(self) -> str:
        """SHA-256 of all training rows."""
        unpaired = "" if self.unpaired is None else self.unpaired.digest()
        return hashlib.sha256(
            (self.profiles_digest() + self.windows.digest() + unpaired).encode()
        ).hexdigest()


def training_data(
    adata: AnnData,
    genes: Sequence[str],
    config: GeneVARConfig,
    *,
    mpp: float | None = None,
    label_key: str = Obs.PROJECT,
    slide_key: str | None = None,
    group_key: str | None = None,
    unpaired: AnnData | None = None,
    validation: AnnData | None = None,
) -> TrainingData:
    """Read training rows into memory.

    Parameters
    ----------
    adata
        Paired rows: counts and tiles.
    genes
        Genes of the model.
    config
        Sizes and units.
    mpp
        Micrometres per pixel of the tiles; None: the recipe's.
    label_key, slide_key, group_key
        Columns with the class, the slide (None: the section) and the patient (None: the slide).
    unpaired
        Rows of which only tiles are read.
    validation
        Paired rows to choose the prior by.

    Raises
    ------
    MissingKeyError, DataError
        For rows that do not hold what is needed.
    """

    def windows(rows: AnnData, slide_key: str | None) -> TileWindows:
        return windows_of(
            rows, config.tokenizer.size_px, mpp=mpp, margin_px=config.views.margin_px, slide_key=slide_key
        )

    own = windows(adata, slide_key)
    groups = own.slides if group_key is None else tuple(map(str, adata.obs[group_key]))
    return TrainingData(
        tuple(genes),
        profiles_of(adata, genes, config.condition, label_key=label_key),
        own,
        None if unpaired is None or not unpaired.n_obs else windows(unpaired, None),
        groups,
        None
        if validation is None or not validation.n_obs
        else TrainingData(
            tuple(genes),
            profiles_of(validation, genes, config.condition, label_key=label_key),
            windows(validation, slide_key),
        ),
    )
