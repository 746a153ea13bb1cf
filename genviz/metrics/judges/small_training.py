"""One short training loop for the small networks that scores need, with keyed randomness.

Shape legend: B rows of a batch, N rows, C channels, H and W pixel rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from genviz._errors import DataError
from genviz._settings import settings
from genviz.core.keyed import row_generator, row_key
from genviz.metrics.image_set import Labels, Tiles

Batch = Callable[[np.random.Generator], tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Floats = NDArray[np.float64]

_CONSTANT = 0.5  # share of the steps before the learning rate falls, linearly to 0
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True, kw_only=True)
class SmallFit:
    """How a small network is trained.

    Attributes
    ----------
    steps, batch_size
        How many batches, and rows of each.
    learning_rate
        Of AdamW: constant for half of the steps, then falling linearly to 0.
    seed, purpose
        Key of every draw.
    device
        Where to compute.
    """

    steps: int
    batch_size: int
    learning_rate: float
    seed: int
    purpose: str
    device: torch.device


@contextmanager
def keyed_weights(seed: int, purpose: str) -> Iterator[None]:
    """Initialise networks from a seed, and leave torch's own generator as it was.

    Parameters
    ----------
    seed, purpose
        Equal ones give equal weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(row_key(seed, "", "", purpose) % 2**63)
        yield


def fit_small(
    network: nn.Module, batch: Batch, loss: Loss, fit: SmallFit, *, mixed: bool = True
) -> list[float]:
    """Train with AdamW, bfloat16 autocast; the loss is computed in float32.

    Parameters
    ----------
    network
        Trained in place, left in eval mode.
    batch
        Draws (input, target) with the step's own generator.
    loss
        Of the network's output in float32 and the target.
    fit
        How long and where; the size of a batch is for `batch` to keep.
    mixed
        Whether products are computed in bfloat16; else all in float32.

    Returns
    -------
    The loss of every step.

    Raises
    ------
    DataError
        When the loss is no longer finite.
    """
    steps, device, purpose = fit.steps, fit.device, fit.purpose
    network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), fit.learning_rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (steps - step) / max(steps * (1 - _CONSTANT), 1.0))
    )
    losses: list[float] = []
    for step in tqdm(range(steps), desc=purpose, disable=not settings.progress, leave=False):
        x, y = (part.to(device) for part in batch(row_generator(fit.seed, "", str(step), purpose)))
        images = x.to(memory_format=torch.channels_last) if x.ndim == 4 else x
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed and device.type in ("cpu", "cuda")):
            out = network(images)
        value = loss(out.float(), y)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        schedule.step()
        losses.append(value.item())
        if not np.isfinite(losses[-1]):
            raise DataError(f"Expected a finite loss; step {step} of {purpose} gave {losses[-1]}.")
    network.eval()
    return losses


def draw_rows(rng: np.random.Generator, n_rows: int, n: int, strata: Labels | None) -> NDArray[np.intp]:
    """Rows of one batch, with replacement; each stratum (label, or real and synthetic) equally often.

    Parameters
    ----------
    rng
        The step's generator.
    n_rows
        Rows to draw from.
    n
        Rows to draw.
    strata
        (n_rows,) or None.
    """
    if strata is None:
        return rng.integers(n_rows, size=n)
    names = list(dict.fromkeys(strata.tolist()))
    chosen = [names[i] for i in rng.integers(len(names), size=n)]
    return np.array([rng.choice(np.flatnonzero(strata == name)) for name in chosen], np.intp)


def turned(rng: np.random.Generator, *images: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    """One of the eight turns and mirrorings, the same for all images given (H, W, ...).

    Parameters
    ----------
    rng
        Chooses.
    images
        Square images, or ones that may change their orientation.
    """
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    found = [np.rot90(image, turns) for image in images]
    return [image[:, ::-1] if mirrored else image for image in found]


def squares(rng: np.random.Generator, tiles: Tiles, rows: NDArray[np.intp], side: int) -> Tensor:
    """A square of each of these tiles at a random place, in one of its eight turns, as `as_input` gives it.

    Parameters
    ----------
    rng
        The step's generator.
    tiles
        uint8 (N, H, W, 3).
    rows
        (B,), which tiles.
    side
        Of the squares, at most H and W.
    """
    found = []
    for row in rows:
        top, left = (int(rng.integers(whole - side + 1)) for whole in tiles.shape[1:3])
        found += turned(rng, tiles[row, top : top + side, left : left + side])
    return as_input(np.stack(found).astype(np.float32))


def as_input(tiles_BHWC: NDArray[np.floating] | NDArray[np.uint8]) -> Tensor:
    """Tiles 0..255 as float32 (B, C, H, W), about -1 to 1.

    Parameters
    ----------
    tiles_BHWC
        Pixels.
    """
    values = np.ascontiguousarray(np.moveaxis(np.asarray(tiles_BHWC, np.float32), -1, 1))
    return torch.from_numpy(values) / 127.5 - 1.0


@torch.inference_mode()
def logits_of(network: nn.Module, tiles: Tiles, device: torch.device, batch_size: int = 64) -> Floats:
    """What a classifier says about whole tiles, float64 (N, C).

    Parameters
    ----------
    network
        Put into eval mode.
    tiles
        uint8 (N, H, W, 3).
    device
        Where to compute.
    batch_size
        Tiles at a time.
    """
    network.to(device).eval()
    parts = [
        network(as_input(tiles[start : start + batch_size]).to(device)).double().cpu().numpy()
        for start in range(0, len(tiles), batch_size)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 1))


def softmax(logits_NC: Floats) -> Floats:
    """Probabilities, (N, C).

    Parameters
    ----------
    logits_NC
        Float64.
    """
    power = np.exp(logits_NC - logits_NC.max(axis=1, keepdims=True))
    return np.asarray(power / power.sum(axis=1, keepdims=True), np.float64)
