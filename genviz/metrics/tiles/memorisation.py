"""Whether generated tiles are copies of training tiles.

Shape legend: N rows, M training rows, D pixels of a thumbnail; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.core.resample import area_matrix
from genviz.metrics.image_set import Tiles, image_set
from genviz.metrics.row_means import mean_score
from genviz.metrics.score import Score

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_THUMB_PX = 16
_FLAT = 4 / 255  # added to a tile's sd: flat tiles must not all look alike through their noise


@dataclass(frozen=True, eq=False)
class Nearest:
    """The training tile nearest to each tile.

    Attributes
    ----------
    row
        (N,) position in the training set.
    turn
        (N,) which of the eight turns of the training tile: quarter turns 0 to 3, plus 4 when mirrored first.
    distance
        (N,) Euclidean distance of the normalised 16 x 16 thumbnails (channel means 0, sd 1; two unrelated ones
        are about 39 apart).
    correlation
        (N,) of all pixels, channel means taken off, with that training tile in that turn; 1 is a copy.
    scores
        Summary, beside it the same of held-out real tiles.
    """

    row: NDArray[np.intp]
    turn: NDArray[np.intp]
    distance: Floats
    correlation: Floats
    scores: dict[str, Score]


def nearest_training(fake: Any, train: Any, *, held_out: Any = None, key: str = "", seed: int = 0) -> Nearest:
    """Find the nearest training tile of each generated one, over eight turns: a look for copies.

    ``nearest_distance`` (median), ``nearest_distance_min``, ``nearest_correlation`` (median) and
    ``nearest_correlation_max``; beside each stands that of `held_out` real tiles, which cannot be copies. Generated
    tiles that are nearer than held-out ones ever are deserve a look. It is a weak test: near-flat tiles are near
    to many.

    Parameters
    ----------
    fake, key
        Generated tiles, as `images` takes them.
    train
        The tiles the model was trained on, all crops that it may have seen if possible; square.
    held_out
        Real tiles that the model has not seen.
    seed
        Of the bootstrap.

    Raises
    ------
    DataError
        For tiles of different sizes, or not square.
    """
    known = image_set(train).tiles
    row, turn, distance, correlation = _search(image_set(fake, key).tiles, known)
    beside = None if held_out is None else _search(image_set(held_out).tiles, known)[2:]
    scores = {}
    for index, (name, values) in enumerate(
        (("nearest_distance", distance), ("nearest_correlation", correlation))
    ):
        extreme, word = (np.min, "min") if index == 0 else (np.max, "max")
        base = None if beside is None else beside[index]
        median = None if base is None else float(np.median(base))
        scores[name] = mean_score(
            values, seed=seed, statistic=np.median, baseline=median, note=f"{len(known)} training tiles"
        )
        scores[f"{name}_{word}"] = Score(
            float(extreme(values)), None, len(values), None if base is None else float(extreme(base))
        )
    return Nearest(row, turn, distance, correlation, scores)


def _search(tiles: Tiles, train: Tiles) -> tuple[Rows, Rows, Floats, Floats]:
    if tiles.shape[1:] != train.shape[1:] or tiles.shape[1] != tiles.shape[2] or not len(train):
        raise DataError(
            f"Expected square tiles of one size; got {tiles.shape[1:3]} and, for training, {train.shape[1:3]}."
        )
    own_ND = _normalised(_thumbs(tiles))
    thumbs = _thumbs(train)
    best = np.full(len(tiles), -np.inf)
    row, turn = np.zeros(len(tiles), np.intp), np.zeros(len(tiles), np.intp)
    for t in range(8):
        product_NM = own_ND @ _normalised(np.stack([_turn(thumb, t) for thumb in thumbs])).T
        at = product_NM.argmax(axis=1)
        value = product_NM[np.arange(len(tiles)), at]
        better = value > best
        best[better], row[better], turn[better] = value[better], at[better], t
    other_ND = _normalised(np.stack([_turn(thumbs[r], t) for r, t in zip(row, turn, strict=True)]))
    distance = np.sqrt(((own_ND - other_ND) ** 2).sum(axis=1))
    whole = [_correlation(tile, _turn(train[r], t)) for tile, r, t in zip(tiles, row, turn, strict=True)]
    return row, turn, distance, np.array(whole, np.float64)


def _thumbs(tiles_NHW3: Tiles) -> NDArray[np.float32]:
    weights = np.asarray(area_matrix(tiles_NHW3.shape[1], _THUMB_PX).todense())
    return np.stack(
        [np.einsum("ih,jw,hwc->ijc", weights, weights, tile / 255.0, optimize=True) for tile in tiles_NHW3]
    ).astype(np.float32)


def _normalised(images: NDArray[Any]) -> Floats:
    """Each channel's mean 0, each image's sd 1, flattened; flat images stay small.

    Channels are centred one by one: else all tiles of one stain would be alike.
    """
    centred = images.astype(np.float64) - images.mean(axis=(1, 2), keepdims=True)
    flat_ND = centred.reshape(len(images), -1)
    return np.asarray(flat_ND / (flat_ND.std(axis=1, keepdims=True) + _FLAT), np.float64)


def _turn(image: NDArray[Any], t: np.intp | int) -> NDArray[Any]:
    return np.rot90(image[:, ::-1] if t >= 4 else image, int(t) % 4)


def _correlation(a: Tiles, b: Tiles) -> float:
    x, y = ((v.astype(np.float64) - v.mean(axis=(0, 1))).ravel() for v in (a, b))
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0
