"""What would otherwise fail only after hours of training, asked before: names of options, packages, weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from genviz._errors import UsageError
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.extractors import make_extractor

_WITHOUT_WEIGHTS = ("statistics", "morphology")


def check_names(found: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse options that nothing reads.

    Parameters
    ----------
    found, known
        Names that are there, and those that may be.
    where
        What they stand in, for the message.

    Raises
    ------
    UsageError
        For an unknown one.
    """
    if unknown := sorted(set(found) - set(known)):
        raise UsageError(
            f"Expected options out of {', '.join(sorted(known))} in {where}; got {', '.join(unknown)}."
        )


def check_extractor(name: str) -> None:
    """Refuse an extractor that is not known, or whose package or weights are not to be had.

    Parameters
    ----------
    name
        See `genviz.metrics.tiles.extractors.extractor_names`.

    Raises
    ------
    UsageError, MissingDependencyError, DownloadError, GenvizError
        See `genviz.metrics.tiles.extractors.make_extractor`.
    """
    if name not in _WITHOUT_WEIGHTS:  # networks do not look at the reference
        make_extractor(name, ImageSet(np.zeros((1, 32, 32, 3), np.uint8)), nuclear=False, device="cpu")
