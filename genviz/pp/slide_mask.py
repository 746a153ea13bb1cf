"""What of a slide's thumbnail is stained tissue, and what is felt pen on the glass.

Shapes: H, W rows and columns; 3 RGB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz.io.tissue import otsu

Mask = NDArray[np.bool_]

# Largest minus smallest channel, levels of 255. Otsu finds glass against tissue where there is both; on a slide without
# one of them it would part pale tissue from dark, or dust from glass: it is held between these. Pink glass is at 17.
_CHROMA = (12.0, 25.0)
# Eosin that has run colours glass as strongly as pale stroma (HER2ST: chroma 25 to 45), but hardly darkens it (13 to 15
# levels) and is smooth (deviation below 2.5; tissue from 10).
_DARKER = 30.0
_TEXTURE = 4.0
_GLASS = 0.95  # quantile of brightness
_TEXTURE_WINDOW = 5
_WHITE = 255
# In H&E green is the smallest channel, or as large as red in the darkest nuclei; ink in green and blue is not bound to
# that. Blood is red, but not as pure as red ink; black ink has no colour, folds of tissue do.
_GREENER_THAN_RED = 25
_BLUER = 80
_REDDER = 120
_BLACK, _COLOURLESS = 75, 30
_LEAST_PEN = 9  # pixels of the thumbnail that hang together; less is dust or pigment


def pen_mask(rgb_HW3: NDArray[np.uint8]) -> Mask:
    """Felt pen in green, blue, red and black, and one pixel around it: bool (H, W).

    Parameters
    ----------
    rgb_HW3
        Thumbnail, uint8 (H, W, 3).
    """
    r, g, b = (rgb_HW3[..., c].astype(np.int16) for c in range(3))
    high, low = rgb_HW3.max(axis=2).astype(np.int16), rgb_HW3.min(axis=2).astype(np.int16)
    green_or_blue = g - r > _GREENER_THAN_RED
    blue = (b - np.maximum(r, g) > _BLUER) & (g >= r - 5)
    red = r - np.maximum(g, b) > _REDDER
    black = (high < _BLACK) & (high - low < _COLOURLESS)
    ink = green_or_blue | blue | red | black
    parts, n = ndimage.label(ink, np.ones((3, 3)))
    if n:
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        ink = sizes[parts] >= _LEAST_PEN
    return np.asarray(ndimage.binary_dilation(ink, np.ones((3, 3))))


def stained_mask(rgb_HW3: NDArray[np.uint8], pen_HW: Mask, window: int) -> Mask:
    """What has colour, and is darker than glass or not smooth, over some pixels; ink counts as glass. bool (H, W).

    Parameters
    ----------
    rgb_HW3
        Thumbnail, uint8 (H, W, 3).
    pen_HW
        From `pen_mask`: its colours are the strongest of the slide, and would move the threshold.
    window
        Pixels over which fat and lumens are filled up.
    """
    rgb = np.where(pen_HW[..., None], _WHITE, rgb_HW3).astype(np.float32)
    chroma = ndimage.uniform_filter(rgb.max(axis=2) - rgb.min(axis=2), max(1, window))
    coloured = chroma > float(np.clip(otsu(chroma), *_CHROMA))
    grey = rgb.mean(axis=2)
    dark = ndimage.uniform_filter(grey, max(1, window)) < np.quantile(grey, _GLASS) - _DARKER
    return np.asarray(coloured & (dark | (_deviation(grey) > _TEXTURE)) & ~pen_HW)


def _deviation(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation of the pixels around each."""
    mean = ndimage.uniform_filter(grey, _TEXTURE_WINDOW)
    square = ndimage.uniform_filter(grey * grey, _TEXTURE_WINDOW)
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)))
