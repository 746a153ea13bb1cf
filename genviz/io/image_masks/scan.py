"""First look at every image and mask of a set: sizes, numbers of nuclei, and what cannot be meant."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz._errors import DataError
from genviz._settings import settings
from genviz.core.instances import connected_instances, relabel
from genviz.io.image_masks.pixels import as_rgb
from genviz.io.image_masks.rows import ImageFile, PairRow, PixelSource

MAX_INSTANCES = 65_535  # what 16 bits can number beside the background
_BINARY_VALUES = (1, 255, 65_535)


@dataclass(frozen=True)
class Look:
    """What was seen of one pair.

    Attributes
    ----------
    height, width
        Pixels.
    n_labels
        Different values of the mask beside 0.
    largest
        Largest value of the mask.
    n_parts
        Connected parts, counted where the mask may be binary; else 0.
    deep
        Whether the image has 16 bits a channel in its file, of which 8 are kept.
    """

    height: int
    width: int
    n_labels: int
    largest: int
    n_parts: int
    deep: bool = False


def look_at_all(rows: Sequence[PairRow]) -> list[Look]:
    """Decode every pair once, a few at a time, and keep only what `Look` says.

    Parameters
    ----------
    rows
        The set.

    Raises
    ------
    FileFormatError
        For files that cannot be decoded.
    DataError
        For pairs of different sizes, masks that are none, and more instances than 16 bits can number.
    """
    with ThreadPoolExecutor(max(1, min(len(rows), settings.n_workers))) as pool:
        seen = pool.map(_look, rows)
        return list(tqdm(seen, "images", len(rows), unit="image", disable=not settings.progress))


def _look(row: PairRow) -> Look:
    image, deep = _image(row.image)
    mask = row.mask.read()
    if image.shape[:2] != mask.shape:
        raise DataError(
            f"Expected a mask of {row.name!r} as large as its image; the image is {_size(image.shape)}, the mask "
            f"{_size(mask.shape)} (width x height; {row.mask.where}). Cut or resize neither by guess: find the "
            "right file."
        )
    values = np.unique(mask)
    values = values[values != 0]
    largest = int(values.max(initial=0))
    binary = len(values) == 1 and largest in _BINARY_VALUES
    parts = int(connected_instances(mask).max(initial=0)) if binary else 0
    if max(len(values), parts) > MAX_INSTANCES:
        raise DataError(
            f"Expected at most {MAX_INSTANCES:,} instances in a mask; {row.mask.where} has "
            f"{max(len(values), parts):,}. Is it a mask of instances? Cut larger fields into tiles."
        )
    return Look(image.shape[0], image.shape[1], len(values), largest, parts, deep)


def _image(source: PixelSource) -> tuple[NDArray[Any], bool]:
    """An image, and whether it was cut to 8 bits."""
    if not isinstance(source, ImageFile):
        return source.read(), False
    stored = source.stored()
    return as_rgb(stored, source.where), stored.dtype.itemsize > 1


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"


def are_binary(looks: Sequence[Look]) -> bool:
    """Whether the masks of a set only tell nuclei from background: one value throughout, 1, 255 or 65,535.

    Parameters
    ----------
    looks
        All of the set.
    """
    values = {look.largest for look in looks if look.n_labels}
    return len(values) == 1 and values <= set(_BINARY_VALUES) and all(look.n_labels <= 1 for look in looks)


def instance_map(labels_HW: NDArray[Any], *, binary: bool) -> NDArray[np.uint16]:
    """Instance labels in 16 bits: as they are where they fit, renumbered where not.

    Parameters
    ----------
    labels_HW
        Whole numbers (H, W).
    binary
        Whether connected parts are the instances.

    Returns
    -------
    uint16 (H, W), 0 = background.
    """
    if binary:
        labels_HW = connected_instances(labels_HW)
    elif labels_HW.max(initial=0) > MAX_INSTANCES:
        labels_HW = relabel(labels_HW)
    return labels_HW.astype(np.uint16, copy=False)
