"""Training rows with their counts, test rows without, and the folds on which settings are chosen.

Shape legend: N training rows, M test rows, F features, G genes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz.core.counts import check_names, first_names
from genviz.io.counts import counts_of
from genviz.models.genar.rows import Rows, check_recipe, feature_recipe, rows_of
from genviz.models.genar.scaler import Scaler
from genviz.pp.panel import panel_of

if TYPE_CHECKING:
    from anndata import AnnData

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

MIN_UMI = 200  # shallower spots say little about composition
PER = 1e4
_MAX_FOLDS = 5
_MIN_ROWS = 20


@dataclass(frozen=True)
class Fold:
    """Features to fit on and to predict from, standardised by what is fitted on.

    Attributes
    ----------
    fit_NF, predict_MF
        Standardised features.
    fit_rows, predict_rows
        Which training rows they are; of the test rows themselves, ``predict_rows`` is all of them.
    """

    fit_NF: Floats
    predict_MF: Floats
    fit_rows: Index
    predict_rows: Index

    def among(self, mask_N: NDArray[np.bool_], mask_M: NDArray[np.bool_] | None = None) -> Fold:
        """The fold without the training rows outside the masks (of all training rows)."""
        fit = mask_N[self.fit_rows]
        predict = np.ones(len(self.predict_rows), bool) if mask_M is None else mask_M[self.predict_rows]
        return Fold(
            self.fit_NF[fit], self.predict_MF[predict], self.fit_rows[fit], self.predict_rows[predict]
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """All that a baseline may look at. Of the test rows that is features and sections, never counts.

    Attributes
    ----------
    genes
        The panel.
    train, test
        Features, positions, sections.
    counts_NG, library_N
        Counts of the panel, and totals over **all** genes of the training object.
    normalise
        ``"train"`` or ``"section"``, see `genviz.models.genar.scaler.Scaler`.
    seed
        Of everything random.
    """

    genes: tuple[str, ...]
    train: Rows
    test: Rows
    counts_NG: Floats
    library_N: Floats
    normalise: str
    seed: int

    @cached_property
    def log2_NG(self) -> Floats:
        """log2(1 + count)."""
        return np.log2(1.0 + self.counts_NG)

    @cached_property
    def normalised_NG(self) -> Floats:
        """log2(1 + 1e4 * count / library total)."""
        return np.log2(1.0 + PER * self.counts_NG / np.maximum(self.library_N, 1.0)[:, None])

    @property
    def has_depth(self) -> bool:
        """Whether enough training rows are deep for `deep_N`."""
        return int((self.library_N >= MIN_UMI).sum()) >= _MIN_ROWS

    @property
    def deep_N(self) -> NDArray[np.bool_]:
        """Training rows with at least 200 UMI.

        Raises
        ------
        DataError
            When there are too few to fit composition on.
        """
        deep = self.library_N >= MIN_UMI
        if not self.has_depth:
            raise DataError(
                f"Expected at least {_MIN_ROWS} training rows of {MIN_UMI} UMI or more to fit composition; "
                f"there are {int(deep.sum())} of {len(deep)}. Leave composition_ridge out of names, or train on "
                "deeper sections."
            )
        return np.asarray(deep)

    @cached_property
    def scaler(self) -> Scaler:
        """Standardisation fitted on all training rows."""
        return Scaler.fit(self.train.features_NF, self.train.libraries, self.normalise)

    @cached_property
    def whole(self) -> Fold:
        """All training rows to fit on, the test rows to predict."""
        return Fold(
            self.scaler.apply(self.train.features_NF, self.train.libraries).astype(np.float64),
            self.scaler.apply(self.test.features_NF, self.test.libraries).astype(np.float64),
            np.arange(len(self.train)),
            np.arange(len(self.test)),
        )

    @cached_property
    def fold_names_N(self) -> NDArray[np.intp]:
        """Fold of each training row: its section; with one section only, a strip of it.

        Of more than five sections several share a fold, so that work does not grow with their number.
        """
        names = list(dict.fromkeys(self.train.libraries.tolist()))
        if len(names) > 1:
            of = {name: i % _MAX_FOLDS for i, name in enumerate(names)}
            return np.array([of[name] for name in self.train.libraries], np.intp)
        xy = self.train.xy_N2
        along = xy[:, int(np.ptp(xy, axis=0).argmax())]
        n_strips = min(_MAX_FOLDS - 1, len(along))
        return (np.argsort(np.argsort(along, kind="stable")) * n_strips // len(along)).astype(np.intp)

    @property
    def fold_kind(self) -> str:
        """What a fold is, for the provenance."""
        return "sections" if len(set(self.train.libraries.tolist())) > 1 else "strips of the one section"

    def folds(self) -> Iterator[Fold]:
        """Each fold in turn predicted from the others, standardised without it."""
        features, libraries = self.train.features_NF, self.train.libraries
        by_section = self.scaler.apply(features, libraries) if self.scaler.by_section else None
        for held in np.unique(self.fold_names_N):
            out = self.fold_names_N == held
            fit, predict = np.flatnonzero(~out), np.flatnonzero(out)
            if by_section is None:
                scaler = Scaler.fit(features[fit], libraries[fit], self.normalise)
                z = scaler.apply(features, libraries)
            else:
                z = by_section
            yield Fold(z[fit].astype(np.float64), z[predict].astype(np.float64), fit, predict)


def read_problem(
    train: AnnData,
    test: AnnData,
    *,
    genes: Sequence[str] | None,
    features: str,
    normalise: str,
    seed: int,
) -> Problem:
    """Read and check what `fit_predict` was given; see there for the parameters."""
    if normalise not in ("train", "section"):
        raise UsageError(f"Expected normalise='train' or 'section'; got {normalise!r}.")
    panel = [str(gene) for gene in (panel_of(train) if genes is None else genes)]
    check_names(panel, "panel genes")
    if not panel:
        raise UsageError("Expected at least one gene to predict; got none. Leave genes= out, or name some.")
    rows, asked = rows_of(train, features), rows_of(test, features)
    check_recipe(
        feature_recipe(train, features),
        feature_recipe(test, features),
        rows.features_NF.shape[1],
        asked.features_NF.shape[1],
    )
    if len(rows) < _MIN_ROWS:
        raise DataError(f"Expected at least {_MIN_ROWS} training rows; got {len(rows)}. Add sections.")
    shared = set(zip(rows.libraries, rows.names, strict=True)) & set(
        zip(asked.libraries, asked.names, strict=True)
    )
    if shared:
        raise DataError(
            f"Expected test rows that are not trained on; {len(shared)} rows are in both: "
            f"{first_names(sorted(name for _, name in shared))}. Split the data by section first."
        )
    everything = counts_of(train)
    return Problem(
        genes=tuple(panel),
        train=rows,
        test=asked,
        counts_NG=counts_of(train, genes=panel).toarray().astype(np.float64),
        library_N=np.asarray(everything.sum(axis=1), np.float64).ravel(),
        normalise=normalise,
        seed=int(seed),
    )
