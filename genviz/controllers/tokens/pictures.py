"""What a card looks like: decoded at once, one tile at a time, and kept.

Shape legend: H x W pixels, N cells.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from genviz.controllers.tokens.cards import Card
from genviz.core.instances import split_instances
from genviz.models.pathar.codec import decode_foreground, decode_images
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.generating import log_prob_of
from genviz.pl.contrast import stretch_factor

_KEPT = 256
THUMB_PX = 64


@dataclass(frozen=True)
class Picture:
    """A decoded card; synthetic, whatever its tokens came from.

    Attributes
    ----------
    image_HW3
        uint8.
    mask_HW
        Instances uint16, 0 = background; empty (0, 0) for a model of one stream.
    grey_N, grey_HW
        bool, cells and pixels of labels whose images are grey.
    brighter
        Factor that makes the grey cells bright enough to be looked at; 1 where there are none.
    ms
        Milliseconds that each part took.
    """

    image_HW3: NDArray[np.uint8]
    mask_HW: NDArray[np.uint16]
    grey_N: NDArray[np.bool_]
    grey_HW: NDArray[np.bool_]
    brighter: float
    ms: dict[str, float] = field(default_factory=dict)

    @property
    def n_nuclei(self) -> int:
        """Instances of the mask."""
        return int(self.mask_HW.max(initial=0))

    def shown(self) -> NDArray[np.uint8]:
        """The image to look at: grey cells brightened."""
        bright_HW3 = np.minimum(self.image_HW3 * np.float32(self.brighter), 255).round().astype(np.uint8)
        shown: NDArray[np.uint8] = np.where(self.grey_HW[..., None], bright_HW3, self.image_HW3)
        return shown

    def thumb(self) -> NDArray[np.uint8]:
        """A small copy of `shown`."""
        image_HW3 = self.shown()
        step = max(1, image_HW3.shape[0] // THUMB_PX)
        side = image_HW3.shape[0] // step * step, image_HW3.shape[1] // step * step
        parts = image_HW3[: side[0], : side[1]].reshape(side[0] // step, step, side[1] // step, step, 3)
        small: NDArray[np.uint8] = parts.mean(axis=(1, 3)).round().astype(np.uint8)
        return small


class Pictures:
    """Decodes cards; the newest few hundred are kept.

    Parameters
    ----------
    fitted
        The model, where it computes.
    grid
        Rows and columns of cells.
    """

    def __init__(self, fitted: Fitted, grid: tuple[int, int]) -> None:
        self.fitted, self.grid = fitted, grid
        self._pictures: OrderedDict[tuple[bytes, ...], Picture] = OrderedDict()
        self._surprises: OrderedDict[tuple[bytes, ...], tuple[NDArray[np.float32], NDArray[np.float32]]] = (
            OrderedDict()
        )

    def of(self, card: Card) -> Picture:
        """The picture of a card."""
        key = (card.structure_N.tobytes(), card.appearance_N.tobytes(), card.labels_N.tobytes())
        if key not in self._pictures:
            self._pictures[key] = self._decoded(card)
            _shorten(self._pictures)
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def surprise(self, card: Card) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How unexpected each token is given those before it, ``-log p`` in nats: structure (N,), appearance (N,).

        Structure is empty where the prior does not model it.
        """
        key = (card.structure_N.tobytes(), card.appearance_N.tobytes(), card.label(self.fitted).encode())
        if key not in self._surprises:
            found = log_prob_of(self.fitted, card.tokens(self.grid), card.conditions(self.fitted), at_once=1)
            self._surprises[key] = (-found[0][0], -found[1][0])
            _shorten(self._surprises)
        return self._surprises[key]

    def _decoded(self, card: Card) -> Picture:
        tokens, ms = card.tokens(self.grid), {}
        begun = time.perf_counter()
        # No label: grey is taken cell by cell below, so that a tile may be grey in part.
        image_HW3 = decode_images(self.fitted, tokens, [""], at_once=1)[0]
        grey_N = np.isin(card.labels_N, self._grey_labels())
        grey_HW = _pixels(grey_N, self.grid, image_HW3.shape)
        image_HW3[grey_HW] = image_HW3[grey_HW].mean(axis=-1, keepdims=True).round().astype(np.uint8)
        painted = time.perf_counter()
        ms["image"] = 1e3 * (painted - begun)
        mask_HW = np.zeros((0, 0), np.uint16)
        if self.fitted.tokenizer.dual:
            foreground_HW = decode_foreground(self.fitted, tokens, at_once=1)[0]
            masked = time.perf_counter()
            mask_HW = split_instances(foreground_HW).astype(np.uint16)
            ms |= {"mask": 1e3 * (masked - painted), "nuclei": 1e3 * (time.perf_counter() - masked)}
        brighter = stretch_factor(image_HW3[grey_HW]) if grey_N.any() else 1.0
        return Picture(image_HW3, mask_HW, grey_N, grey_HW, brighter, ms)

    def _grey_labels(self) -> list[int]:
        grey = self.fitted.facts.get("grey_labels", [])
        return [k for k, label in enumerate(self.fitted.labels) if label in grey]


def _pixels(cells_N: NDArray[np.bool_], grid: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Cells as pixels."""
    side = shape[0] // grid[0], shape[1] // grid[1]
    pixels: NDArray[np.bool_] = np.kron(cells_N.reshape(grid), np.ones(side, bool))
    return pixels


def _shorten(kept: OrderedDict) -> None:  # type: ignore[type-arg]
    while len(kept) > _KEPT:
        kept.popitem(last=False)
