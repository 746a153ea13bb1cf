"""What is known of a training: stages, their metrics epoch by epoch, a few pictures."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz.train.observing import Pictures, StopAsked

KEPT_PICTURES = 16  # epochs of a stage of which pictures are kept
_SIDE_PX, _SHEET_PX = 128, 96
_STEP_EVERY_S = 0.5


@dataclass
class Stage:
    """One stage of a training.

    Attributes
    ----------
    name
        Unique in the record.
    n_epochs
        Asked for; 0 where unknown.
    epochs
        Numbers of the finished epochs, from 1.
    values
        Metric → one value an epoch; NaN where there was none.
    pictures
        Epoch → what the network made of some rows then.
    step, n_steps
        Batches done of the epoch that runs, and their number.
    """

    name: str
    n_epochs: int
    epochs: list[int] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)
    pictures: dict[int, Pictures] = field(default_factory=dict)
    step: int = 0
    n_steps: int = 0
    _clock: float = field(default_factory=time.monotonic)
    _first: int = 0

    def add(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Note an epoch; one that is told again is replaced, and what came after it is forgotten."""
        while self.epochs and self.epochs[-1] >= epoch:
            self.epochs.pop()
            for column in self.values.values():
                column.pop()
        n = len(self.epochs)
        for name in {**self.values, **metrics}:
            self.values.setdefault(name, [math.nan] * n).append(float(metrics.get(name, math.nan)))
        self.epochs.append(epoch)
        self.step = 0

    @property
    def seconds(self) -> float:
        """Since the stage began here."""
        return time.monotonic() - self._clock

    @property
    def seconds_left(self) -> float | None:
        """At the speed of the epochs so far; None before there are any."""
        part = self.step / self.n_steps if self.n_steps else 0.0
        done = (self.epochs[-1] if self.epochs else self._first) - self._first + part
        if done <= 0 or not self.n_epochs:
            return None
        return self.seconds / done * max(0.0, self.n_epochs - self._first - done)


class Record:
    """Notes what a training tells (an `Observer`), and can ask it to end.

    Parameters
    ----------
    every
        Pictures are made every so many epochs, and after the last; 0: never.
    """

    def __init__(self, every: int = 5) -> None:
        self.stages: list[Stage] = []
        self.every = every
        self.changed: Callable[[str], None] = lambda what: None
        self._stop = threading.Event()
        self._told = 0.0

    # ---- as an observer

    def begin(self, stage: str, epoch: int, n_epochs: int) -> None:
        """A stage begins, or one that was interrupted goes on."""
        self._check()
        known = next((one for one in self.stages if one.name == stage), None)
        if known is not None and 0 < epoch <= (known.epochs[-1] if known.epochs else 0):
            self.stages.remove(known)
            self.stages.append(known)
            known.n_epochs, known._first, known._clock = n_epochs, epoch, time.monotonic()
            while known.epochs and known.epochs[-1] > epoch:
                known.epochs.pop()
                for column in known.values.values():
                    column.pop()
        else:
            self.stages.append(Stage(self._unique(stage), n_epochs, _first=epoch))
        self.changed("begin")

    def step(self, done: int, n: int) -> None:
        """A batch is done.

        Raises
        ------
        StopAsked
            After `stop`.
        """
        self._check()
        stage = self.stages[-1]
        stage.step, stage.n_steps = done, n
        if time.monotonic() - self._told > _STEP_EVERY_S:
            self._told = time.monotonic()
            self.changed("step")

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """An epoch is done."""
        self.stages[-1].add(epoch, metrics)
        self._told = time.monotonic()
        self.changed("epoch")

    def wants_pictures(self, epoch: int) -> bool:
        """Every few epochs, after the first and after the last."""
        return self.every > 0 and (epoch % self.every == 0 or epoch in (1, self.stages[-1].n_epochs))

    def pictures(self, epoch: int, pictures: Pictures) -> None:
        """Keep pictures, small; of many epochs, those that lie closest to others are dropped."""
        kept = self.stages[-1].pictures
        kept[epoch] = {name: _small(tiles) for name, tiles in pictures.items()}
        if len(kept) > KEPT_PICTURES:
            inner = sorted(kept)[:-1]
            gaps = [
                after - before for before, after in zip([0, *inner[:-1]], [*inner[1:], epoch], strict=True)
            ]
            del kept[inner[1 + int(np.argmin(gaps[1:]))]]
        self.changed("pictures")

    # ---- for others

    def stop(self) -> None:
        """Ask the training to end at its next batch."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to."""
        return self._stop.is_set()

    def restart(self) -> None:
        """Forget that a training was asked to end; what is known of it stays."""
        self._stop.clear()

    def table(self) -> pd.DataFrame:
        """All metrics: columns ``stage``, ``epoch``, ``metric``, ``value``."""
        rows = [
            (stage.name, epoch, metric, value)
            for stage in self.stages
            for metric, column in stage.values.items()
            for epoch, value in zip(stage.epochs, column, strict=True)
            if not math.isnan(value)
        ]
        return pd.DataFrame(rows, columns=["stage", "epoch", "metric", "value"])

    def _check(self) -> None:
        if self._stop.is_set():
            raise StopAsked

    def _unique(self, name: str) -> str:
        names, n = {stage.name for stage in self.stages}, 2
        if name not in names:
            return name
        while f"{name} ({n})" in names:
            n += 1
        return f"{name} ({n})"


def sheet(pictures: Pictures) -> NDArray[np.uint8]:
    """One picture, uint8 (H, W, 3): each name's tiles in a row, small ones enlarged, with grey between tiles."""
    rows = []
    for tiles_BHW3 in pictures.values():
        times = max(1, _SHEET_PX // tiles_BHW3.shape[1])
        large = tiles_BHW3.repeat(times, axis=1).repeat(times, axis=2)
        padded = np.pad(large, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=128)
        rows.append(np.concatenate(list(padded), axis=1))
    return np.concatenate(rows, axis=0)


def _small(tiles_BHW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tiles of at most 128 pixels a side, means of squares of pixels."""
    b, height, width, _ = tiles_BHW3.shape
    n = -(-max(height, width) // _SIDE_PX)
    if n == 1:
        return tiles_BHW3
    cut = tiles_BHW3[:, : height // n * n, : width // n * n]
    return cut.reshape(b, height // n, n, width // n, n, 3).mean(axis=(2, 4)).round().astype(np.uint8)


def seconds_in_words(seconds: float) -> str:
    """Like ``1:05`` or ``2:01:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def plain(value: Any) -> float | None:
    """A number for JSON: four digits, None for what is not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
