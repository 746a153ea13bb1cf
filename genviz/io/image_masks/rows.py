"""One row of an image + mask set before its pixels are read, and what a list of rows must satisfy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.core.counts import first_names
from genviz.io.image_masks.pixels import SUFFIXES, as_labels, as_rgb, read_pixels

_MASK_ENDINGS = ("_masks", "_mask", "_labels", "_label")


class PixelSource(Protocol):
    """Where the pixels of one image or one mask are."""

    @property
    def where(self) -> str:
        """File, and place in it, for messages."""
        ...

    def read(self) -> NDArray[Any]:
        """uint8 (H, W, 3) of an image, whole numbers (H, W) of a mask."""
        ...


@dataclass(frozen=True)
class ImageFile:
    """An image in a file of its own."""

    path: str

    @property
    def where(self) -> str:
        """The path."""
        return self.path

    def read(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3)."""
        return as_rgb(self.stored(), self.path)

    def stored(self) -> NDArray[Any]:
        """Pixels as the file has them, of any numeric type."""
        return read_pixels(Path(self.path), "an image")


@dataclass(frozen=True)
class MaskFile:
    """A mask in a file of its own."""

    path: str

    @property
    def where(self) -> str:
        """The path."""
        return self.path

    def read(self) -> NDArray[Any]:
        """Whole numbers (H, W)."""
        return as_labels(read_pixels(Path(self.path), "a mask", palette=True), self.path)


@dataclass(frozen=True)
class PairRow:
    """An image with its mask and what is known about it; "" is not known.

    Attributes
    ----------
    name
        Row name.
    image, mask
        Where the pixels are.
    label, scene, split, subtype, organ
        What the set says.
    """

    name: str
    image: PixelSource
    mask: PixelSource
    label: str = ""
    scene: str = ""
    split: str = ""
    subtype: str = ""
    organ: str = ""


def check_rows(rows: Sequence[PairRow], where: str) -> None:
    """Refuse empty sets, repeated names, and scenes on both sides of a split.

    Parameters
    ----------
    rows
        The set.
    where
        What was read, for messages.

    Raises
    ------
    DataError
        Naming the first names or scenes.
    """
    if not rows:
        raise DataError(
            f"Expected images with masks in {where}; there are none. Give an index.csv, or a folder with "
            "images/ and masks/."
        )
    repeated = [name for name, n in Counter(row.name for row in rows).items() if n > 1]
    if repeated:
        raise DataError(
            f"Expected each image once in {where}; {len(repeated)} occur more than once: "
            f"{first_names(repeated)}. Remove or rename them."
        )
    sides: dict[str, set[str]] = {}
    for row in rows:
        if row.scene and row.split:
            sides.setdefault(row.scene, set()).add(row.split)
    torn = [f"{scene} ({', '.join(sorted(s))})" for scene, s in sides.items() if len(s) > 1]
    if torn:
        raise DataError(
            f"Expected each scene on one side of the split in {where}; {len(torn)} straddle it: "
            f"{first_names(torn)}. Fields of one scene overlap in content: put them on one side."
        )


def files_by_stem(folder: Path, *, masks: bool = False) -> dict[str, Path]:
    """Picture files of a folder by name without suffix (masks: also without a trailing ``_mask``, ``_label``).

    Parameters
    ----------
    folder
        Not searched below.
    masks
        Whether they are masks.

    Raises
    ------
    DataError
        When two files have one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        stem = path.stem
        if masks:
            ending = next((end for end in _MASK_ENDINGS if stem.lower().endswith(end)), "")
            stem = stem[: len(stem) - len(ending)]
        if stem in found:
            raise DataError(
                f"Expected one file for {stem!r} in {folder}; got {found[stem].name} and {path.name}. "
                "Remove one."
            )
        found[stem] = path
    return found


def check_partners(images: Iterable[str], masks: Iterable[str], where: Path) -> None:
    """Refuse images without mask and masks without image.

    Parameters
    ----------
    images, masks
        Names of both.
    where
        Their folder, for messages.

    Raises
    ------
    DataError
        Naming the first.
    """
    pictured, masked = set(images), set(masks)
    for alone, this, other in ((pictured - masked, "image", "mask"), (masked - pictured, "mask", "image")):
        if alone:
            raise DataError(
                f"Expected {'an' if other == 'image' else 'a'} {other} for each {this} in {where}; {len(alone)} have "
                f"none: {first_names(sorted(alone))}. Add the files, or take the {this}s away."
            )


def known_values(row: PairRow) -> Mapping[str, str]:
    """What a row says beside name and pixels, by field."""
    return {field: getattr(row, field) for field in ("label", "scene", "split", "subtype", "organ")}
