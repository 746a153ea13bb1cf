"""Whether a run folder's checkpoint can be gone on from, asked before the trainer opens it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from genviz._errors import CheckpointError

_PARTS = {"state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "epoch"}


def check_resumable(file: Path, module: nn.Module) -> None:
    """Insist that a file holds a trainer's whole state for this module, and nothing but tensors and values.

    Parameters
    ----------
    file
        Written by `callbacks.EpochCheckpoint`.
    module
        The module to go on with.

    Raises
    ------
    CheckpointError
        For a damaged file, one that would run code on opening, or one of another network.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        absent = sorted(_PARTS - set(state))
        stored = {} if absent else {name: tuple(value.shape) for name, value in state["state_dict"].items()}
    except Exception as err:  # a damaged zip raises whatever it met first
        raise _unusable(file, "it is damaged or of another kind") from err
    if absent:
        raise _unusable(file, f"it has no {', '.join(absent)}")
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    differing = sorted(
        name for name in expected.keys() | stored.keys() if expected.get(name) != stored.get(name)
    )
    if differing:
        shown = ", ".join(
            f"{name} {stored.get(name, 'absent')} for {expected.get(name, 'none')}" for name in differing[:3]
        )
        raise _unusable(file, f"{len(differing)} tensors differ: {shown}")


def _unusable(file: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"Expected a checkpoint of this network in {file}; it cannot be used ({reason}). "
        "Train without resume into a new folder, or with the options it was made with."
    )
