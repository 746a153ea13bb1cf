"""From tiles to the features that distances are taken of: by name, or with an encoder of your own.

Shape legend: N rows; H, W pixel rows and columns; 3 RGB; D features.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import DownloadError, UsageError
from genviz.features.encoder import Encoder
from genviz.features.registry import encoder_names, get_encoder
from genviz.features.stain import Identity
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.distances import fidelity
from genviz.metrics.tiles.tile_statistics import Standard, tint
from genviz.train.device import resolve_device

Floats = NDArray[np.float64]

UNVERIFIED = "weights unverified"
_CLIP = 4.0
_BATCH = 16
_MORPHOLOGY_MPP = 0.7  # tiles of unknown scale are measured as they are
_INCEPTION, _LAYER = "inception-v3-compat", "2048"
_SHA256_FROM = 8  # hex digits of the sha256 at the end of the file name, torch hub's convention


@dataclass(frozen=True)
class Extractor:
    """How features are made.

    Attributes
    ----------
    name
        Scores are called ``fd_<name>``, ``kid_<name>``, ...
    features
        Tiles to float64 (N, D).
    parts
        Part → its columns; a Fréchet distance of each is reported too.
    note
        What a reader should know: weights that could not be verified, a tint that is not seen.
    """

    name: str
    features: Callable[[ImageSet], Floats]
    parts: dict[str, NDArray[np.intp]]
    note: str = ""


def extractor_names() -> list[str]:
    """Names that `make_extractor` knows."""
    return ["statistics", "inception", *encoder_names()]


def make_extractor(
    chosen: str | Encoder, reference: ImageSet, *, nuclear: bool, device: str = "auto"
) -> Extractor:
    """Prepare an extractor.

    Parameters
    ----------
    chosen
        One of `extractor_names`, or an encoder (``name`` and ``encode_tiles``).
    reference
        The set whose mean and sd standardise ``"statistics"`` and ``"morphology"`` (clipped at ±4 sd).
    nuclear
        Whether all sets have masks, so that nuclei can be measured.
    device
        For networks.

    Raises
    ------
    UsageError
        For an unknown name.
    MissingDependencyError, DownloadError, GenvizError
        Without the extra it needs, or its weights.
    """
    if chosen == "statistics":
        return _statistics(reference, nuclear)
    if chosen == "inception":
        return _inception(device)
    if isinstance(chosen, str) and chosen not in encoder_names():
        raise UsageError(f"Expected an extractor of {', '.join(extractor_names())}; got {chosen!r}.")
    encoder = get_encoder(chosen, ring=None, device=device) if isinstance(chosen, str) else chosen

    def encode(tiles: ImageSet) -> Floats:
        return encoded(encoder, tiles.tiles)

    if encoder.name != "morphology":
        said = "" if getattr(encoder, "verified", False) else UNVERIFIED
        return Extractor(encoder.name, encode, {}, said)
    known = encode(reference)
    mean_D, sd_D = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    return Extractor(encoder.name, lambda tiles: np.clip((encode(tiles) - mean_D) / sd_D, -_CLIP, _CLIP), {})


def encoded(encoder: Encoder, tiles_NHW3: NDArray[np.uint8]) -> Floats:
    """Features of whole tiles: a network sees each tile resized to its input, whatever its scale.

    Parameters
    ----------
    encoder
        Of `features.registry`, or one's own.
    tiles_NHW3
        uint8.
    """
    size_px = getattr(encoder, "size_px", None)
    own_mpp = getattr(encoder, "mpp", _MORPHOLOGY_MPP)
    mpp = own_mpp if size_px is None else own_mpp * size_px / min(tiles_NHW3.shape[1:3])
    _, features_ND = encoder.encode_tiles(tiles_NHW3, mpp=mpp, normaliser=Identity())
    return features_ND.astype(np.float64)


def register_extractor(name: str, encoder: Encoder) -> None:
    """Give torch-fidelity an encoder: ``torch_fidelity.calculate_metrics(..., feature_extractor=name)``.

    Its numbers are those of `images` with the same encoder. Registering a name again replaces it.

    Parameters
    ----------
    name
        Name within torch-fidelity.
    encoder
        A network of `features`, or anything with ``name`` and ``encode_tiles``.
    """
    base, registry = fidelity("feature_extractor_base"), fidelity("registry")

    class Registered(base.FeatureExtractorBase):  # type: ignore[name-defined, misc]
        """An encoder behind torch-fidelity's interface."""

        def __init__(self, name: str, features_list: list[str], **kwargs: Any) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, tiles_B3HW: torch.Tensor) -> tuple[torch.Tensor]:
            tiles_BHW3 = np.ascontiguousarray(tiles_B3HW.cpu().permute(0, 2, 3, 1).numpy())
            return (torch.from_numpy(encoded(encoder, tiles_BHW3)),)

    registry.FEATURE_EXTRACTORS_REGISTRY.pop(name, None)
    registry.register_feature_extractor(name, Registered)


def _statistics(reference: ImageSet, nuclear: bool) -> Extractor:
    standard = Standard.of(reference, nuclear=nuclear)
    said = [] if nuclear else ["without masks: no nuclear statistics"]
    if standard.grey:
        said.append(f"grey reference (tint {tint(reference):.3f}): colour is luminance only")
    return Extractor("statistics", standard.measure, standard.parts, "; ".join(said))


def _inception(device: str) -> Extractor:
    """torch-fidelity's InceptionV3, the one whose distances may be called FID."""
    utils, source = fidelity("utils"), fidelity("feature_extractor_inceptionv3")
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(source.URL_INCEPTION_V3).name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's loader, about its own arguments
            network = utils.create_feature_extractor(_INCEPTION, [_LAYER], cuda=False, verbose=False)
    except (OSError, RuntimeError, EOFError) as err:
        raise DownloadError(
            f"Expected Inception's weights at {file} or on the network; got neither ({type(err).__name__}: {err}). "
            f"Download {source.URL_INCEPTION_V3} there, or use extractor='statistics' (no weights)."
        ) from err
    place = resolve_device(device)
    network = network.to(place)

    @torch.inference_mode()
    def features(tiles: ImageSet) -> Floats:
        pixels = torch.from_numpy(np.ascontiguousarray(np.moveaxis(tiles.tiles, -1, 1)))
        parts = [network(part.to(place))[0].cpu().double() for part in pixels.split(_BATCH)]
        return np.asarray(torch.cat(parts).numpy(), np.float64)

    return Extractor("inception", features, {}, "" if _has_its_hash(file) else UNVERIFIED)


def _has_its_hash(file: Path) -> bool:
    """Whether a file's sha256 begins as its name says."""
    if not file.is_file():
        return False
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return digest.startswith(file.stem.rpartition("-")[2][:_SHA256_FROM])
