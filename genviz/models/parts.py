"""A model of several networks as one checkpoint: tensors under prefixes, the split, and what must hold of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from genviz._errors import CheckpointError, GenvizError

SPLIT, CARD = "split.json", "card.md"

Network = TypeVar("Network", bound=nn.Module)


def named(prefix: str, network: nn.Module | None, *, half: bool) -> dict[str, Tensor]:
    """Tensors of a network as they are stored; none of none.

    Parameters
    ----------
    prefix
        Put before their names.
    network
        Any.
    half
        In float16.
    """
    if network is None:
        return {}
    return {prefix + name: _stored(value, half) for name, value in network.state_dict().items()}


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors under a prefix, without it.

    Parameters
    ----------
    tensors
        Of all networks.
    prefix
        Of one.
    """
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def filled(network: Network, tensors: Mapping[str, Tensor], prefix: str) -> Network:
    """A network with the stored weights, float32, in evaluation mode.

    Parameters
    ----------
    network
        Of the right sizes; changed in place.
    tensors
        Of all networks.
    prefix
        Of this one.
    """
    weights = part(tensors, prefix)
    network.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in weights.items()})
    return network.eval()


def split_digest(training_rows: Sequence[str]) -> str:
    """SHA-256 of the names of the rows trained on, in whatever order."""
    return hashlib.sha256(json.dumps(sorted(training_rows)).encode()).hexdigest()


def split_text(training_rows: Sequence[str]) -> str:
    """Text of ``split.json``."""
    return json.dumps({"train": list(training_rows), "sha256": split_digest(training_rows)}, indent=1)


def rows_of_split(text: str) -> list[str]:
    """Names of the rows trained on, of `split_text`."""
    return [str(name) for name in json.loads(text)["train"]]


@contextmanager
def fitting_together(model: str, folder: str | Path) -> Iterator[None]:
    """Say what to do when the parts of a checkpoint do not fit together.

    Parameters
    ----------
    model
        What it is a checkpoint of.
    folder
        Where it is.

    Raises
    ------
    CheckpointError
        For whatever went wrong in rebuilding the model.
    """
    try:
        yield
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError, GenvizError) as err:
        raise CheckpointError(
            f"Expected a complete {model} checkpoint in {folder}; its parts do not fit together ({str(err)[:200]}). "
            "Save the model again, or fetch the checkpoint anew."
        ) from err


def check_finite(tensors: Mapping[str, Tensor], folder: str | Path) -> None:
    """Insist on finite weights.

    Parameters
    ----------
    tensors
        Of all networks.
    folder
        Where they are from.

    Raises
    ------
    CheckpointError
        For others.
    """
    if not all(torch.isfinite(value).all() for value in tensors.values()):
        raise CheckpointError(f"Expected trained networks in {folder}; found weights that are not finite.")


def _stored(value: Tensor, half: bool) -> Tensor:
    """In float16 if asked for, where its range is wide enough: sums of a codebook may leave it."""
    if not (half and value.is_floating_point()):
        return value
    small = value.half()
    return small if bool(torch.isfinite(small).all()) else value
