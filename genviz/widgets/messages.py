"""What views say to each other across the kernel: questions with names, answers with numbers and pixels."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.controllers.lanes import Task

_TYPES = {"float32", "uint8", "int32", "uint16", "uint32"}


@dataclass
class Answer:
    """What a view gets back.

    Attributes
    ----------
    data
        Plain JSON: no NaN, no numpy.
    arrays
        Arrays by name, sent as raw little-endian bytes: float32, uint8, int32, uint16 or uint32.
    pictures
        Encoded pictures by name: bytes of JPEG, PNG or WebP.
    """

    data: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def packed(self) -> tuple[dict[str, Any], list[bytes]]:
        """The JSON part, in which every array and picture has its place, and the buffers in this order.

        Raises
        ------
        UsageError
            An array of a type that views do not read.
        """
        parts, buffers = [], []
        for name, array in self.arrays.items():
            if array.dtype.name not in _TYPES:
                raise UsageError(
                    f"Expected an array of {', '.join(sorted(_TYPES))} for a view; {name!r} is {array.dtype}."
                )
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            parts.append({"name": name, "type": array.dtype.name, "shape": list(array.shape)})
            buffers.append(little.tobytes())
        for name, picture in self.pictures.items():
            parts.append({"name": name, "type": "picture"})
            buffers.append(picture)
        return {"data": self.data, "parts": parts}, buffers


@dataclass(frozen=True)
class Later:
    """An answer that takes long: made in the working thread, in a lane in which only the newest question counts.

    Attributes
    ----------
    lane
        Name of the lane.
    work
        Makes the answer.
    deed
        The question changes something, so that of two displays of one view the newest counts; looking (False) is each
        display's own affair.
    partial
        The reader's Stop ends the work with what it has, see `Task`.
    """

    lane: str
    work: Callable[[Task], Answer]
    deed: bool = True
    partial: bool = False


Asked = dict[str, Any]
Handler = Callable[[Asked], Answer | Later]


def question_key(what: str, asked: Asked) -> str:
    """One string for a question, equal to what bridge.js writes for it.

    Raises
    ------
    UsageError
        For numbers with a fraction, which the two languages write differently.
    """

    def check(value: Any) -> None:
        if isinstance(value, float):
            raise UsageError(f"Expected text and whole numbers in a question of a page; got {value!r}.")
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(part)

    check(asked)
    return what + json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def jpeg(rgb_HW3: NDArray[np.uint8], quality: int = 85) -> bytes:
    """Encode pixels as JPEG: small, for tissue behind something else."""
    return _encoded(rgb_HW3, "JPEG", quality=quality)


def png(rgb_HW3: NDArray[np.uint8]) -> bytes:
    """Encode pixels as PNG: exact."""
    return _encoded(rgb_HW3, "PNG", compress_level=4)


def _encoded(rgb_HW3: NDArray[np.uint8], kind: str, **options: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb_HW3)).save(buffer, format=kind, **options)
    return buffer.getvalue()
