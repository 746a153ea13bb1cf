"""Networks and their weights, from the Hugging Face Hub by way of timm or from a local file.

Each way ends in a network in evaluation mode that takes standardised tiles and gives a row of numbers a tile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from genviz._errors import CheckpointError, MissingDependencyError, UsageError
from genviz._torchvision import guard_torchvision
from genviz.features import conch
from genviz.features.hub_errors import explained
from genviz.features.timm_models import TimmModel

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Loaded:
    """A network with what is known about it.

    Attributes
    ----------
    network
        In evaluation mode, on the CPU.
    mean, std
        Of the RGB channels (0..1) that its input is standardised with.
    sha256
        Of the local file; of all tensors in the order of their names, for weights from a hub.
    """

    network: nn.Module
    mean: Colour
    std: Colour
    sha256: str


class ClassAndPatches(nn.Module):
    """The class token of a vision transformer, then the mean of its patch tokens.

    Parameters
    ----------
    network
        Gives all tokens (B, L, D), those that stand for no patch first.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles_B3HW: Tensor) -> Tensor:
        """(B, 2 D) of standardised tiles (B, 3, H, W)."""
        tokens_BLD = self.network(tiles_B3HW)
        patches_BLD = tokens_BLD[:, self.network.num_prefix_tokens :]
        return torch.cat([tokens_BLD[:, 0], patches_BLD.mean(dim=1)], dim=1)


def load_released(name: str, model: TimmModel) -> Loaded:
    """Get a network with its released weights.

    Raises
    ------
    MissingDependencyError
        Without timm, or without the package that CONCH needs.
    GenvizError
        When the authors ask for an agreement first.
    DownloadError
        When the weights are not on this computer and cannot be had.
    """
    if model.package:
        network = conch.load_conch(name, model).eval()
        return Loaded(network, conch.MEAN, conch.STD, tensors_digest(network.state_dict()))
    timm = _timm(name)
    layers = {argument: getattr(timm.layers, layer) for argument, layer in model.layers}
    with explained(name, model):
        network = timm.create_model(
            model.hub, pretrained=True, num_classes=0, **dict(model.options), **layers
        ).eval()
    colours, digest = _colours(timm, network), tensors_digest(network.state_dict())
    return Loaded(ClassAndPatches(network).eval() if model.with_patches else network, *colours, digest)


def load_local(
    path: Path, architecture: str, name: str, options: Mapping[str, Any], sha256: str | None = None
) -> Loaded:
    """Get a network of a timm architecture with weights from a safetensors file.

    Raises
    ------
    UsageError
        For a file that is absent or a pickle, and for an architecture that timm does not know.
    CheckpointError
        For a damaged file, weights of another architecture, or another checksum than expected.
    """
    _check_kind(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise CheckpointError(
            f"Expected the file with sha256 {sha256} at {path}; its bytes have {found}. Copy the right file "
            "there, or leave sha256 out to go on unverified."
        )
    timm = _timm(name)
    if not timm.is_model(architecture.split(".")[0]):
        raise UsageError(
            f"Expected the name of a timm architecture; got {architecture!r}. timm.list_models() lists them."
        )
    network = timm.create_model(architecture, pretrained=False, num_classes=0, **options).eval()
    try:
        tensors = load_file(path)
    except SafetensorError as err:
        raise CheckpointError(
            f"Expected a safetensors file in {path}; it is damaged or of another kind ({err}). Copy it again."
        ) from err
    _fill(network, tensors, path, architecture)
    return Loaded(network, *_colours(timm, network), found)


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all tensors in the order of their names, whatever file they came in."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _timm(name: str) -> Any:
    guard_torchvision()
    try:
        import timm
    except ImportError as err:
        raise MissingDependencyError(
            f"Expected the package timm for encoder {name!r}; importing it failed ({err}). "
            'Run `pip install "genviz[encoders]"`, or use encoder="morphology".'
        ) from err
    return timm


def _colours(timm: Any, network: nn.Module) -> tuple[Colour, Colour]:
    wanted = timm.data.resolve_model_data_config(network)
    return tuple(wanted["mean"]), tuple(wanted["std"])


def _check_kind(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"Expected a file of weights at {path}; there is none. Check the path.")
    if path.suffix != ".safetensors":
        raise UsageError(
            f"Expected weights in a .safetensors file; got {path.name}. Pickles (.bin, .pth, .pt, .ckpt) "
            "can run code of a stranger and are not opened. Convert a file that you trust with "
            "safetensors.torch.save_file(torch.load(file, weights_only=True), 'weights.safetensors')."
        )


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path, architecture: str) -> None:
    """Load all tensors; those of a classifier, which was left out of the network, may be there."""
    heads = getattr(network, "pretrained_cfg", {}).get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    tensors = {k: v for k, v in tensors.items() if not k.startswith(tuple(f"{head}." for head in heads))}
    wanted = network.state_dict()
    wrong = [f"{key} is missing" for key in wanted if key not in tensors]
    wrong += [f"{key} is not part of it" for key in tensors if key not in wanted]
    wrong += [
        f"{key} has shape {tuple(tensors[key].shape)} and not {tuple(wanted[key].shape)}"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"Expected the weights of {architecture} in {path}; {'; '.join(wrong[:3])}{more}. "
            "Name the architecture (and options) that the file was saved from."
        )
    network.load_state_dict(tensors)
