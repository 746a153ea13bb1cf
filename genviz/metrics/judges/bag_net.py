"""Training of a network on bags, and what it says about whole slides.

Shape legend: B bags of a batch, N bags, T tiles of a bag, F features, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz.metrics.judges.small_training import SmallFit, draw_rows, fit_small, keyed_weights, softmax
from genviz.metrics.protocols.bags import Features
from genviz.nn.bag_attention import GatedAttention, MeanPool, TransMIL

Floats = NDArray[np.float64]
MakeNet = Callable[[int, int], nn.Module]
"""Number of features and of classes to a network (B, T, F) to logits (B, C), or (B,) for two classes."""

NETWORKS = ("mean", "gated_attention", "transmil")


def bag_net(network: str | MakeNet, n_features: int, n_classes: int, width: int, seed: int) -> nn.Module:
    """A new network with keyed weights.

    Parameters
    ----------
    network
        ``mean``, ``gated_attention``, ``transmil``, or a function of the number of features and of classes, say
        ``lambda f, c: torchmil.models.DSMIL((f,))``.
    n_features, n_classes
        F, C.
    width
        Of the built-in networks; the published TransMIL has 512.
    seed
        Of the weights.

    Raises
    ------
    UsageError
        For another name.
    """
    if isinstance(network, str) and network not in NETWORKS:
        raise UsageError(f"Expected a network of {', '.join(NETWORKS)}, or a function; got {network!r}.")
    with keyed_weights(seed, f"bags {network if isinstance(network, str) else ''}"):
        if not isinstance(network, str):
            return network(n_features, n_classes)
        if network == "mean":
            return MeanPool(n_features, n_classes)
        made = GatedAttention if network == "gated_attention" else TransMIL
        return made(n_features, n_classes, width)


def train_bag_net(
    network: nn.Module,
    bags: Sequence[Features],
    target_N: NDArray[np.intp],
    fit: SmallFit,
    *,
    n_tiles: int,
    balanced: bool,
) -> list[float]:
    """Train in place on equally long bags: a keyed part of a longer one in its order, a shorter one over again.

    Parameters
    ----------
    network
        From `bag_net`.
    bags
        N arrays (T, F).
    target_N
        Classes.
    fit
        How; in float32.
    n_tiles
        Tiles of a bag in training, at most; as many as the longest has, when that is fewer.
    balanced
        Whether classes are drawn equally often.

    Returns
    -------
    The loss of every step.
    """
    length = min(n_tiles, max(len(bag) for bag in bags))
    strata = target_N if balanced else None

    def batch(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = draw_rows(rng, len(bags), fit.batch_size, strata)
        drawn = np.stack([bags[row][_places(rng, len(bags[row]), length)] for row in rows])
        return torch.from_numpy(drawn), torch.from_numpy(target_N[rows])

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(_two(logits), target)

    return fit_small(network, batch, loss, fit, mixed=False)


@torch.inference_mode()
def bag_proba(
    network: nn.Module, bags: Sequence[Features], device: torch.device, max_tiles: int = 4096
) -> Floats:
    """Probability of each class, (N, C); one bag at a time, with all its tiles.

    Parameters
    ----------
    network
        Trained.
    bags
        N arrays (T, F).
    device
        Where to compute.
    max_tiles
        Of longer bags as many, evenly spaced, are looked at.
    """
    network.to(device).eval()
    found = []
    for bag in bags:
        n = min(len(bag), max_tiles)
        places = np.linspace(0, len(bag) - 1, n).round().astype(np.intp)
        logits = _two(network(torch.from_numpy(bag[places])[None].to(device)))
        found.append(logits.double().cpu().numpy())
    return softmax(np.concatenate(found))


def _places(rng: np.random.Generator, n: int, length: int) -> NDArray[np.intp]:
    """`length` rows of `n`, in order."""
    if n >= length:
        return np.sort(rng.choice(n, length, replace=False))
    return np.arange(length) % n


def _two(logits: Tensor) -> Tensor:
    """Logits (B, 2) of a network that gives (B,), the log-odds of the second class; others as they are."""
    return torch.stack([torch.zeros_like(logits), logits], dim=1) if logits.ndim == 1 else logits
