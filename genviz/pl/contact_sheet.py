"""Strips of tiles under one another, each with a caption that says what it is and whether it is synthetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_MARGIN, _GAP = 210, 6
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
    height = strips[0][1].shape[0] + _GAP
    width = max(pixels.shape[1] for _, pixels in strips)
    canvas = Image.new("RGB", (_MARGIN + width, height * len(strips)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for k, (caption, pixels) in enumerate(strips):
        canvas.paste(Image.fromarray(pixels), (_MARGIN, k * height))
        real = caption.startswith(measured)
        draw.multiline_text(
            (_MARGIN - 10, k * height + height // 2),
            caption if real else f"{caption}\n(synthetic)",
            fill="black" if real else _BROWN,
            font=font,
            anchor="rm",
            align="right",
        )
    return canvas
