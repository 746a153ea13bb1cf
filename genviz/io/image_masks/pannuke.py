"""The folds of PanNuke: arrays of tiles, read memory-mapped.

PanNuke (Gamper et al. 2020) stores a fold as ``images.npy`` (n, 256, 256, 3), ``masks.npy`` (n, 256, 256, 6), five
channels of instance numbers by class and the background last, and ``types.npy``, the organ of each tile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.io.files.opening import reading
from genviz.io.image_masks.rows import PairRow

LABEL = "histology"
_CLASSES = 5
_SPLIT_OF_FOLD = {"1": "train", "2": "val", "3": "test"}


@dataclass(frozen=True)
class Fold:
    """Files of one fold and its number."""

    number: str
    images: Path
    masks: Path
    types: Path


@dataclass(frozen=True)
class FoldImage:
    """One image of a fold."""

    path: str
    index: int

    @property
    def where(self) -> str:
        """File and number."""
        return f"{self.path}[{self.index}]"

    def read(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3)."""
        pixels = np.asarray(_mapped(Path(self.path))[self.index])
        if pixels.dtype == np.uint8:
            return pixels
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 255):
            raise DataError(f"Expected pixels from 0 to 255 in {self.where}; got others. Download it again.")
        return np.rint(pixels).astype(np.uint8)


@dataclass(frozen=True)
class FoldMask:
    """The instances of one tile of a fold, classes merged."""

    path: str
    index: int

    @property
    def where(self) -> str:
        """File and number."""
        return f"{self.path}[{self.index}]"

    def read(self) -> NDArray[np.int32]:
        """Instance labels (H, W): 1, 2, ... by class, then by number; where classes overlap the first one wins."""
        stored = np.asarray(_mapped(Path(self.path))[self.index])[..., :_CLASSES]
        merged = np.zeros(stored.shape[:2], np.int32)
        n = 0
        for plane in np.moveaxis(stored, 2, 0):
            if (plane != np.floor(plane)).any() or plane.min() < 0:
                raise DataError(
                    f"Expected whole instance numbers in {self.where}; it holds others. Download it again."
                )
            numbers, inverse = np.unique(plane, return_inverse=True)
            free = (plane > 0) & (merged == 0)
            merged[free] = n + (inverse.reshape(plane.shape)[free] + (0 if numbers[0] == 0 else 1))
            n = int(merged.max())
        return merged


def fold_files(root: Path) -> list[Fold]:
    """Folds under a folder as PanNuke's archives unpack (``Fold 1/images/fold1/images.npy``); else none.

    Raises
    ------
    DataError
        When a fold has images and no masks or types.
    """
    found = []
    for images in sorted([*root.glob("*/images/*/images.npy"), *root.glob("images/*/images.npy")]):
        name = images.parent.name
        fold = Fold(
            "".join(re.findall(r"\d+", name)) or name,
            images,
            images.parents[2] / "masks" / name / "masks.npy",
            images.with_name("types.npy"),
        )
        for path in (fold.masks, fold.types):
            if not path.is_file():
                raise DataError(f"Expected {path} beside {images}; it is not there. Unpack the whole fold.")
        found.append(fold)
    return found


def pannuke_rows(folds: list[Fold], label: str | None) -> list[PairRow]:
    """Rows ``fold<k>_<index>``; split train, val, test for folds 1, 2, 3.

    Parameters
    ----------
    folds
        Of `fold_files`.
    label
        Instead of "histology".

    Raises
    ------
    FileFormatError
        When an array cannot be read.
    DataError
        When the arrays of a fold do not belong together.
    """
    rows = []
    for fold in folds:
        images, masks, organs = (_mapped(path) for path in (fold.images, fold.masks, fold.types))
        fits = images.ndim == 4 and images.shape[3] == 3 and masks.shape == (*images.shape[:3], _CLASSES + 1)
        if not fits or organs.shape != images.shape[:1]:
            raise DataError(
                f"Expected images (n, H, W, 3), masks (n, H, W, {_CLASSES + 1}) and n types in fold {fold.number}; "
                f"got {images.shape}, {masks.shape} and {organs.shape} ({fold.images})."
            )
        rows += [
            PairRow(
                f"fold{fold.number}_{i:04d}",
                FoldImage(str(fold.images), i),
                FoldMask(str(fold.masks), i),
                label=label or LABEL,
                split=_SPLIT_OF_FOLD.get(fold.number, ""),
                organ=str(organ),
            )
            for i, organ in enumerate(organs)
        ]
    return rows


def _mapped(path: Path) -> NDArray[Any]:
    with reading(path, "an array of PanNuke (.npy)"):
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array
