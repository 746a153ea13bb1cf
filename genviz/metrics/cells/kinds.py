"""Which kinds of nuclei a tile holds: what a model of nuclei must be able to do, and how it is asked.

Shape legend: N tiles; H, W pixel rows and columns; 3 RGB; n nuclei of a tile; K kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError
from genviz.core.instances import relabel
from genviz.metrics.tiles.tissue import tiles_of

Tiles = NDArray[np.uint8]
Instances = NDArray[Any]
Kinds = NDArray[np.intp]

_CHUNK = 32


class NucleusSegmenter(Protocol):
    """Finds nuclei: tiles uint8 (N, H, W, 3) to instance labels (N, H, W), integers, 0 = background."""

    def __call__(self, tiles_NHW3: Tiles, /) -> Instances:
        """Instance labels of each tile."""


class NucleusClassifier(Protocol):
    """Tells the kind of each nucleus.

    Attributes
    ----------
    names
        Of the K kinds.
    """

    @property
    def names(self) -> Sequence[str]:
        """Of the K kinds."""

    def __call__(self, tiles_NHW3: Tiles, labels_NHW: Instances, /) -> Sequence[ArrayLike]:
        """For each tile the kinds (n,), 0 to K - 1, of its labels 1 to n in order."""


class CellTyper(Protocol):
    """Counts nuclei by kind; what `cell_composition` takes.

    Attributes
    ----------
    names
        Of the K kinds.
    """

    @property
    def names(self) -> Sequence[str]:
        """Of the K kinds."""

    def counts(self, tiles_NHW3: Tiles, /) -> NDArray[Any]:
        """Nuclei of each kind in each tile, (N, K).

        Parameters
        ----------
        tiles_NHW3
            uint8.
        """


@dataclass(frozen=True)
class SegmentThenClassify:
    """A segmenter and a classifier as one `CellTyper`.

    Attributes
    ----------
    segment, classify
        See `NucleusSegmenter`, `NucleusClassifier`.
    """

    segment: NucleusSegmenter
    classify: NucleusClassifier

    @property
    def names(self) -> tuple[str, ...]:
        """The classifier's kinds."""
        return tuple(self.classify.names)

    def counts(self, tiles_NHW3: Tiles, /) -> NDArray[np.int64]:
        """Nuclei of each kind in each tile, (N, K).

        Parameters
        ----------
        tiles_NHW3
            uint8.

        Raises
        ------
        DataError
            For labels of another shape, or not one kind a nucleus.
        """
        found = np.asarray(self.segment(tiles_NHW3))
        if found.shape != tiles_NHW3.shape[:3]:
            raise DataError(f"Expected instance labels {tiles_NHW3.shape[:3]}; got {found.shape}.")
        labels = np.stack([relabel(one) for one in found]) if len(found) else found
        kinds = self.classify(tiles_NHW3, labels)
        table = np.zeros((len(labels), len(self.names)), np.int64)
        for row, (one, kind) in enumerate(zip(labels, kinds, strict=True)):
            table[row] = _counted(np.asarray(kind), int(one.max(initial=0)), self.names)
        return table


@dataclass(frozen=True)
class TypeMapModel:
    """An external model that segments and classifies in one pass (HoVer-Net and its kin), as a `CellTyper`.

    Attributes
    ----------
    run
        Tiles uint8 (N, H, W, 3) to instance labels (N, H, W) and a map of types (N, H, W): integers, 0 = none,
        1 to K the names in order. It brings its own weights, licence and resolution.
    names
        Of the K types.
    """

    run: Callable[[Tiles], tuple[ArrayLike, ArrayLike]]
    names: tuple[str, ...] = field(default=("neoplastic", "inflammatory", "connective", "dead", "epithelial"))

    def counts(self, tiles_NHW3: Tiles, /) -> NDArray[np.int64]:
        """Nuclei of each type, a nucleus having the type of most of its typed pixels; untyped ones are left out.

        Parameters
        ----------
        tiles_NHW3
            uint8.

        Raises
        ------
        DataError
            For maps of other shapes, or types beyond the names.
        """
        labels, types = (np.asarray(part) for part in self.run(tiles_NHW3))
        if not labels.shape == types.shape == tiles_NHW3.shape[:3]:
            raise DataError(
                f"Expected two maps {tiles_NHW3.shape[:3]}; got {labels.shape} and {types.shape}."
            )
        n_types = len(self.names)
        if types.size and not 0 <= types.min() <= types.max() <= n_types:
            raise DataError(f"Expected types 0 to {n_types}; got {types.min()} to {types.max()}.")
        table = np.zeros((len(labels), n_types), np.int64)
        for row, (one, type_HW) in enumerate(zip(labels, types, strict=True)):
            code = relabel(one)
            votes = np.zeros((int(code.max(initial=0)) + 1, n_types + 1), np.int64)
            np.add.at(votes, (code.ravel(), type_HW.ravel().astype(np.intp)), 1)
            typed = votes[1:, 1:]
            typed = typed[typed.any(axis=1)]
            table[row] = np.bincount(typed.argmax(axis=1), minlength=n_types)
        return table


def count_kinds(typer: CellTyper, tiles: ArrayLike) -> NDArray[np.float64]:
    """Nuclei of each kind in each tile, (N, K), a few tiles at a time.

    Parameters
    ----------
    typer
        See `CellTyper`.
    tiles
        uint8 (N, H, W, 3).

    Raises
    ------
    DataError
        For counts of another shape.
    """
    images = tiles_of(tiles)
    found = np.zeros((len(images), len(typer.names)))
    for start in range(0, len(images), _CHUNK):
        part = np.asarray(typer.counts(images[start : start + _CHUNK]), float)
        if part.shape != found[start : start + _CHUNK].shape or not (part >= 0).all():
            raise DataError(f"Expected counts of {len(typer.names)} kinds for each tile; got {part.shape}.")
        found[start : start + len(part)] = part
    return found


def _counted(kinds_n: NDArray[Any], n: int, names: Sequence[str]) -> NDArray[np.int64]:
    if kinds_n.shape != (n,):
        raise DataError(f"Expected a kind for each of {n} nuclei; got {kinds_n.shape}.")
    if n and (kinds_n.min() < 0 or kinds_n.max() >= len(names)):
        raise DataError(f"Expected kinds 0 to {len(names) - 1}; got {kinds_n.min()} to {kinds_n.max()}.")
    return np.bincount(kinds_n.astype(np.intp), minlength=len(names))
