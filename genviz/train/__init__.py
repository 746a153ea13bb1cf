"""Training by Lightning: device choice, batches in a keyed order, callbacks, one fit function for every network."""

from __future__ import annotations

from genviz._lazy import attach
from genviz._torchvision import guard_torchvision

guard_torchvision()  # before any submodule imports lightning

_NAMES = {
    "KeyedBatches": "genviz.train.batches",
    "FitOptions": "genviz.train.fitting",
    "fit_network": "genviz.train.fitting",
    "resolve_device": "genviz.train.device",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
