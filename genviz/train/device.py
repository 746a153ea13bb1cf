"""Which device to compute on."""

from __future__ import annotations

import warnings

import torch

from genviz._errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> torch.device:
    """Turn a user's word into a device.

    Parameters
    ----------
    name
        ``auto`` (CUDA if there is one, else the CPU), ``cpu``, ``cuda`` or ``mps`` (untested).

    Raises
    ------
    UsageError
        Unknown name, or an accelerator that is not there.
    """
    if name not in DEVICES:
        raise UsageError(f"Expected a device of {', '.join(DEVICES)}; got {name!r}.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("Expected a CUDA device; torch sees none. Use --device cpu, or see `genviz doctor`.")
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("Expected Apple's mps; torch sees none. Use --device cpu.")
        warnings.warn(
            "genviz is untested on mps; compare with device='cpu' before trusting results.", stacklevel=2
        )
    return torch.device(name)


def accelerator_status() -> str:
    """One line for people: what computes here, and how much of its memory is in use."""
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        return f"CUDA: {torch.cuda.get_device_name(0)}, {(total - free) / 2**30:.1f} of {total / 2**30:.0f} GB in use"
    n = torch.get_num_threads()
    return f"CPU, {n} thread{'s' if n > 1 else ''}; no accelerator"
