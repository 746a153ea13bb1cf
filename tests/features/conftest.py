"""A small network with random weights, saved as a user would have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from genviz._torchvision import guard_torchvision

ARCHITECTURE, SIZE_PX = "test_vit", 160


@dataclass
class SavedNetwork:
    """A checkpoint and the network it was saved from."""

    path: Path
    architecture: str
    size_px: int
    network: Any


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> SavedNetwork:
    """A vision transformer of 0.4 million weights in a safetensors file, classifier included."""
    guard_torchvision()
    timm = pytest.importorskip("timm", reason="the extra 'encoders' is not installed")
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=7)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file(network.state_dict(), path)
    return SavedNetwork(path, ARCHITECTURE, SIZE_PX, network.eval())
