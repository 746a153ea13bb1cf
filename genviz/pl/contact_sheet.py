"""Strips of tiles under one another, each with a caption that says what it is and whether it is synthetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_PAD, _GAP = 10, 6
_BROWN = (150, 84, 0)

Strip = tuple[str, NDArray[np.uint8]]


def contact_sheet(strips: Sequence[Strip], *, measured: str = "real") -> Image.Image:
    """Put strips under one another, captions to their left.

    Parameters
    ----------
    strips
        Caption and pixels, uint8 (H, W, 3), H the same for all.
    measured
        Captions that begin with this word are of measured tiles; all others are marked synthetic.

    Returns
    -------
    The sheet.
    """
    font = ImageFont.load_default(12)
    are_real = [caption.startswith(measured) for caption, _ in strips]
    captions = [
        caption if real else f"{caption}\n(synthetic)"
        for (caption, _), real in zip(strips, are_real, strict=True)
    ]
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    left = (
        math.ceil(max(ruler.multiline_textbbox((0, 0), text, font=font)[2] for text in captions)) + 2 * _PAD
    )
    height = strips[0][1].shape[0] + _GAP
    width = max(pixels.shape[1] for _, pixels in strips)
    canvas = Image.new("RGB", (left + width, height * len(strips)), "white")
    draw = ImageDraw.Draw(canvas)
    for k, (text, real, (_, pixels)) in enumerate(zip(captions, are_real, strips, strict=True)):
        canvas.paste(Image.fromarray(pixels), (left, k * height))
        draw.multiline_text(
            (left - _PAD, k * height + height // 2),
            text,
            fill="black" if real else _BROWN,
            font=font,
            anchor="rm",
            align="right",
        )
    return canvas
