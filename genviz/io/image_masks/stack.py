"""Images, or masks, of several sizes as one array: padded with zeros at the right and the bottom.

Shapes: N rows; H, W of the frame that all fit in; 3 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from genviz.io.image_masks.rows import PixelSource
from genviz.io.image_masks.scan import instance_map


@dataclass(frozen=True)
class ImageStack:
    """Reads images when they are asked for; as much of an array as dask needs.

    Attributes
    ----------
    sources
        One an image.
    frame
        (H, W) that all are padded to.
    """

    sources: tuple[PixelSource, ...]
    frame: tuple[int, int]

    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, 3)."""
        return (len(self.sources), *self.frame, 3)

    @property
    def ndim(self) -> int:
        """Axes."""
        return len(self.shape)

    def one(self, source: PixelSource) -> NDArray[Any]:
        """The pixels of a row, at their own size."""
        return source.read()

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        numbers = np.arange(len(self.sources))[first]
        block = np.zeros((np.size(numbers), *self.shape[1:]), self.dtype)
        for number, padded in zip(np.atleast_1d(numbers), block, strict=True):
            pixels = self.one(self.sources[number])
            padded[: pixels.shape[0], : pixels.shape[1]] = pixels
        whole = block if np.ndim(numbers) else block[0]
        return whole[(slice(None),) * np.ndim(numbers) + tuple(rest)]

    def lazy(self) -> da.Array:
        """A dask array, one row a chunk."""
        array: da.Array = da.from_array(self, chunks=(1, *self.shape[1:]))
        return array

    def in_memory(self) -> NDArray[Any]:
        """All of it."""
        return self[:]


@dataclass(frozen=True)
class MaskStack(ImageStack):
    """The same for masks: instance labels (N, H, W).

    Attributes
    ----------
    binary
        Whether connected parts are the instances.
    """

    binary: bool = False

    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.uint16)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W)."""
        return (len(self.sources), *self.frame)

    def one(self, source: PixelSource) -> NDArray[Any]:
        """The labels of a row, at their own size."""
        return instance_map(source.read(), binary=self.binary)
