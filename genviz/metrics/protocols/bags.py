"""Slides as bags of tile features.

Shape legend: N bags (slides), T tiles of a bag, R tiles of all, F features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs
from genviz.core.counts import first_names
from genviz.metrics.image_set import Labels, labels_of

Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BagSet:
    """Slides, each with its tiles' features, a label and a patient.

    Attributes
    ----------
    features
        N arrays (T, F), float32, T different from slide to slide; rows in the order of the slide (TransMIL lays them
        out).
    labels
        (N,) of the slides.
    patients
        (N,) whose slide it is; of a synthetic bag: whose profile it was made from.
    names
        (N,) of the slides; numbers by default.
    """

    features: Sequence[Features]
    labels: Labels
    patients: Labels
    names: Labels = field(default_factory=lambda: np.zeros(0, object))

    def __post_init__(self) -> None:
        n = len(self.features)
        parts = [np.asarray(part, np.float32) for part in self.features]
        widths = {part.shape[1:] for part in parts}
        if not n or any(part.ndim != 2 or not len(part) for part in parts) or len(widths) != 1:
            raise DataError(
                "Expected bags (tiles, features), each of a tile or more, with the same features."
            )
        if any(not np.isfinite(part).all() for part in parts):
            raise DataError("Expected finite features; got NaN or infinity. Leave these tiles out.")
        object.__setattr__(self, "features", parts)
        for name in ("labels", "patients"):
            object.__setattr__(self, name, labels_of(getattr(self, name), n))
        given = self.names if len(self.names) else np.arange(n)
        object.__setattr__(self, "names", labels_of(given, n))

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Features]:
        return iter(self.features)

    @property
    def n_features(self) -> int:
        """F."""
        return int(self.features[0].shape[1])

    def rows(self, index: NDArray[Any]) -> BagSet:
        """Some of the bags.

        Parameters
        ----------
        index
            Positions, at least one.
        """
        parts = [self.features[int(i)] for i in np.arange(len(self))[index]]
        return BagSet(parts, self.labels[index], self.patients[index], self.names[index])


def bag_set(
    features: ArrayLike, slides: ArrayLike, labels: ArrayLike, patients: ArrayLike | None = None
) -> BagSet:
    """Bags of a table of tiles.

    Parameters
    ----------
    features
        (R, F) of the tiles.
    slides, labels, patients
        (R,) of each tile; labels and patients are equal within a slide. Without patients each slide is its own.

    Raises
    ------
    DataError
        For a slide with two labels or two patients, or features that are no finite numbers.
    """
    table = np.asarray(features, np.float32)
    slide_R = labels_of(np.asarray(slides, object), len(table))
    label_R = labels_of(np.asarray(labels, object), len(table))
    whose_R = slide_R if patients is None else labels_of(np.asarray(patients, object), len(table))
    names, first, code = np.unique(slide_R.astype(str), return_index=True, return_inverse=True)
    for what, values in (("label", label_R), ("patient", whose_R)):
        mixed = sorted(set(slide_R[values != values[first[code]]].tolist()))
        if mixed:
            raise DataError(f"Expected one {what} for a slide; {first_names(mixed)} have more.")
    parts = [table[code == i] for i in range(len(names))]
    return BagSet(parts, label_R[first], whose_R[first], np.asarray(names, object))


def bags_of(source: Any, key: str = "X_morphology", label_key: str = Obs.LABEL) -> BagSet:
    """Bags of an AnnData whose rows are tiles; a `BagSet` is handed back.

    Parameters
    ----------
    source
        With ``obs["library_id"]`` (the slide), a label, and ``obs["patient"]`` where it is known.
    key
        Features in ``obsm``.
    label_key
        Column of ``obs`` with the slides' labels.

    Raises
    ------
    MissingKeyError
        For an AnnData without them.
    """
    if isinstance(source, BagSet):
        return source
    missing = [f"obs['{name}']" for name in (Obs.LIBRARY, label_key) if name not in source.obs]
    missing += [] if key in source.obsm else [f"obsm['{key}']"]
    if missing:
        raise MissingKeyError(
            f"Expected {', '.join(missing)} of a table of tiles; add them, or give a BagSet."
        )
    patients = source.obs[Obs.PATIENT].astype(str) if Obs.PATIENT in source.obs else None
    return bag_set(
        np.asarray(source.obsm[key]), source.obs[Obs.LIBRARY].astype(str), source.obs[label_key].astype(str), patients
    )  # fmt: skip
