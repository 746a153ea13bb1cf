"""Networks as encoders: the tile around each centre, and around the eight places of its ring.

Shapes: N rows; B tiles of a batch; K places of a row (itself, then its ring); H, W pixel rows and columns;
3 RGB; D features of a tile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genviz._errors import DataError, UsageError
from genviz.features.encoder import RING_STEPS, RINGS, Read
from genviz.features.stain import Normaliser
from genviz.features.tile_cutting import Tiles, cut_ahead, cut_tile, fit_tiles, warn_of_small
from genviz.features.timm_loading import Colour, load_local, load_released
from genviz.features.timm_models import MODELS

Features = NDArray[np.float32]

DEVICES = ("auto", "cpu", "cuda", "mps")
# Tiles that go through the network together: always as many, so that a result does not depend on its batch.
_BATCH, _BATCH_CUDA = 8, 64


@dataclass(frozen=True)
class TimmEncoder:
    """Encodes spots of a slide with a network.

    Attributes
    ----------
    name
        Features are kept in ``obsm["X_<name>"]``.
    network
        Takes standardised tiles (B, 3, H, W), gives (B, D).
    mpp, size_px
        Resolution (um/px) and side of the tiles it takes.
    mean, std
        Of the RGB channels (0..1), for standardising.
    ring, pitch_um
        As in `MorphologyEncoder`: ``"mean"``, ``"each"`` or None, and the distance of the eight places.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``. On CUDA the network computes in bfloat16.
    weights_sha256
        Of the weights, for provenance.
    verified
        Whether that is the expected one.
    """

    name: str
    network: nn.Module
    _: KW_ONLY
    mpp: float
    size_px: int
    mean: Colour
    std: Colour
    ring: str | None = "mean"
    pitch_um: float = 200.0
    device: str = "auto"
    weights_sha256: str = ""
    verified: bool = False

    version = 1

    def __post_init__(self) -> None:
        if self.ring not in RINGS:
            raise UsageError(f"Expected ring='mean', 'each' or None, got {self.ring!r}.")
        if not (0 < self.mpp < float("inf") and self.size_px > 0):
            raise UsageError(
                f"Expected tiles of positive size and resolution, got {self.size_px} px at {self.mpp} um/px."
            )
        self.network.eval().to(self._place)

    @classmethod
    def named(
        cls, name: str, *, ring: str | None = "mean", pitch_um: float = 200.0, device: str = "auto"
    ) -> TimmEncoder:
        """Make an encoder with released weights, downloaded once into the Hugging Face cache.

        No checksum of these weights is known to genviz, so ``verified`` is False; their own is in the recipe.

        Parameters
        ----------
        name
            One of `features.timm_models.MODELS`.
        ring, pitch_um, device
            See `TimmEncoder`.

        Raises
        ------
        UsageError
            For an unknown name.
        MissingDependencyError
            Without the extra ``encoders``, or the package that CONCH needs.
        GenvizError, DownloadError
            When the weights are refused, or cannot be had.
        """
        if name not in MODELS:
            raise UsageError(f"Expected an encoder of {', '.join(MODELS)}; got {name!r}.")
        model = MODELS[name]
        loaded = load_released(name, model)
        return cls(
            name,
            loaded.network,
            mpp=model.mpp,
            size_px=model.size_px,
            mean=loaded.mean,
            std=loaded.std,
            ring=ring,
            pitch_um=pitch_um,
            device=device,
            weights_sha256=loaded.sha256,
        )

    @classmethod
    def from_checkpoint(
        cls,
        path: str | os.PathLike[str],
        architecture: str,
        *,
        name: str,
        mpp: float,
        size_px: int = 224,
        mean: Colour | None = None,
        std: Colour | None = None,
        sha256: str | None = None,
        options: Mapping[str, Any] | None = None,
        ring: str | None = "mean",
        pitch_um: float = 200.0,
        device: str = "auto",
    ) -> TimmEncoder:
        """Make an encoder with weights from a local safetensors file.

        Parameters
        ----------
        path
            The file; a classifier in it is left out.
        architecture
            timm's name of the network.
        name
            Short name; features are kept in ``obsm["X_<name>"]``.
        mpp, size_px
            Resolution (um/px) and side of the tiles it was trained with.
        mean, std
            For standardising; those of the architecture by default.
        sha256
            Expected checksum of the file; without it the encoder is marked unverified.
        options
            Further arguments of ``timm.create_model``, such as ``{"img_size": 224}``.
        ring, pitch_um, device
            See `TimmEncoder`.

        Raises
        ------
        UsageError
            For a pickle, an absent file, an unknown architecture, or tiles it does not take.
        CheckpointError
            For a damaged file, weights of another architecture, or another checksum than expected.
        MissingDependencyError
            Without the extra ``encoders``.
        """
        loaded = load_local(Path(path), architecture, name, options or {}, sha256)
        encoder = cls(
            name,
            loaded.network,
            mpp=mpp,
            size_px=size_px,
            mean=mean or loaded.mean,
            std=std or loaded.std,
            ring=ring,
            pitch_um=pitch_um,
            device=device,
            weights_sha256=loaded.sha256,
            verified=sha256 is not None,
        )
        try:
            encoder._forward(np.full((1, size_px, size_px, 3), 255, np.uint8))
        except (AssertionError, RuntimeError) as err:  # what timm raises for a size that does not fit
            raise UsageError(
                f"Expected {architecture} to take tiles of {size_px} px; it does not ({err}). State the "
                "size_px it was trained with, or options={'img_size': ...} where it takes that."
            ) from err
        return encoder

    @property
    def windows_um(self) -> tuple[float, ...]:
        """Side of the square of tissue that a tile shows."""
        return (round(self.size_px * self.mpp, 1),)

    def recipe(self) -> dict[str, Any]:
        """What decides the features besides the slide.

        Returns
        -------
        JSON values: name and version, resolution (um/px) and side (px) of the tiles, standardisation, ring and pitch
        (um; 0 without a ring), checksum of the weights and whether it is the expected one, precision.
        """
        return {
            "name": self.name,
            "version": self.version,
            "mpp": self.mpp,
            "size_px": self.size_px,
            "mean": list(self.mean),
            "std": list(self.std),
            "ring": self.ring or "none",
            "pitch_um": self.pitch_um if self.ring else 0.0,
            "weights_sha256": self.weights_sha256,
            "verified": self.verified,
            "precision": "bfloat16" if self._place.type == "cuda" else "float32",
        }

    def encode(
        self,
        read: Read,
        xy_px: NDArray[np.float64],
        *,
        mpp: float,
        normaliser: Normaliser,
        n_workers: int = 1,
        on_rows: Callable[[int], object] = lambda n: None,
    ) -> tuple[list[str], Features]:
        """Encode every position of a slide, with its ring if there is one.

        Batches are filled to a fixed size, so a row's numbers are the same whichever rows are beside it.

        Parameters
        ----------
        read
            ``read(x, y, w, h)`` gives uint8 (h, w, 3) of the slide in its own pixels, white outside.
        xy_px
            (N, 2) centres in the slide's pixels.
        mpp
            Micrometres per pixel of the slide.
        normaliser
            Stain normaliser of the slide.
        n_workers
            Threads that cut tiles while the network computes.
        on_rows
            Called with the number of rows just finished.

        Returns
        -------
        names
            Names of the features: D without a ring, 2 D with ``"mean"``, 9 D with ``"each"``.
        features
            float32 (N, as many).

        Raises
        ------
        DataError
            Without rows, or for centres that are not finite.
        UsageError
            For a network that does not give one row of numbers a tile.
        """
        if not len(xy_px):
            raise DataError("Expected at least one spot, got none. Is the section empty?")
        if not np.isfinite(xy_px).all():
            raise DataError("Expected finite spot centres, found NaN in obsm['spatial']. Drop those rows.")
        offsets = np.zeros((1, 2)) if self.ring is None else np.concatenate([np.zeros((1, 2)), RING_STEPS])
        places_KN2 = xy_px + offsets[:, None] * (self.pitch_um / mpp)
        starts = range(0, len(xy_px), self._batch)
        batches = [places_N2[start : start + self._batch] for start in starts for places_N2 in places_KN2]

        def cut(centre: NDArray[np.float64]) -> Tiles:
            return normaliser.apply(cut_tile(read, centre, self.size_px, self.mpp / mpp))

        rows: list[Features] = []
        places: list[Features] = []
        for tiles_BHW3 in cut_ahead(cut, batches, n_workers):
            places.append(self._run(tiles_BHW3))
            n_own = places[0].shape[1]
            if len(places) == len(offsets):
                rows.append(self._joined(places))
                on_rows(len(tiles_BHW3))
                places = []
        return self._names(n_own), np.concatenate(rows)

    def encode_tiles(
        self, tiles_NHW3: NDArray[np.uint8], *, mpp: float, normaliser: Normaliser
    ) -> tuple[list[str], Features]:
        """Encode loose tiles, which have no ring.

        Tiles are brought to the network's resolution and their middle is taken.

        Parameters
        ----------
        tiles_NHW3
            uint8 (N, H, W, 3).
        mpp
            Micrometres per pixel of the tiles.
        normaliser
            Stain normaliser of the slide they come from.

        Returns
        -------
        Names of the D features and float32 (N, D).

        Raises
        ------
        DataError
            Without tiles.

        Warns
        -----
        UserWarning
            When the tiles cover less tissue than the network takes; their edges are mirrored then.
        """
        if not len(tiles_NHW3):
            raise DataError("Expected at least one tile, got none.")
        warn_of_small(tiles_NHW3.shape[1:3], self.mpp / mpp, self.size_px)
        rows = []
        for start in range(0, len(tiles_NHW3), self._batch):
            part_BHW3 = fit_tiles(tiles_NHW3[start : start + self._batch], self.mpp / mpp, self.size_px)
            rows.append(self._run(normaliser.apply(part_BHW3)))
        features_ND = np.concatenate(rows)
        return self._names(features_ND.shape[1])[: features_ND.shape[1]], features_ND

    @property
    def _place(self) -> torch.device:
        """The device asked for."""
        if self.device not in DEVICES:
            raise UsageError(f"Expected a device of {', '.join(DEVICES)}; got {self.device!r}.")
        there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        name = ("cuda" if there["cuda"] else "cpu") if self.device == "auto" else self.device
        if not there[name]:
            raise UsageError(f"Expected a device {name!r}; torch sees none. Use device='cpu'.")
        return torch.device(name)

    @property
    def _batch(self) -> int:
        return _BATCH_CUDA if self._place.type == "cuda" else _BATCH

    def _run(self, tiles_BHW3: Tiles) -> Features:
        """Features (B, D) of tiles, in a batch that is filled up with some of them."""
        return self._forward(tiles_BHW3[np.arange(self._batch) % len(tiles_BHW3)])[: len(tiles_BHW3)]

    @torch.inference_mode()
    def _forward(self, tiles_BHW3: Tiles) -> Features:
        place = self._place
        pixels_B3HW = torch.from_numpy(tiles_BHW3).to(place).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(c, device=place).view(1, 3, 1, 1) for c in (self.mean, self.std))
        with torch.autocast(place.type, torch.bfloat16, enabled=place.type == "cuda"):
            features_BD: Tensor = self.network((pixels_B3HW - mean) / std)
        if not isinstance(features_BD, Tensor) or features_BD.ndim != 2:
            raise UsageError(
                f"Expected a network that gives one row of numbers a tile; {self.name!r} gives "
                f"{getattr(features_BD, 'shape', type(features_BD).__name__)}. Name one with global pooling."
            )
        return features_BD.float().cpu().numpy()

    def _joined(self, places: list[Features]) -> Features:
        """Own features, then the ring's."""
        own_BD, *ring = places
        return np.concatenate([own_BD, np.mean(ring, axis=0)] if self.ring == "mean" else places, axis=1)

    def _names(self, n_features: int) -> list[str]:
        """Names of a row's features; ``n_features`` is of one tile."""
        around = {"mean": ["ring"], "each": [f"ring{index}" for index in range(len(RING_STEPS))]}
        parts = [f"{round(self.size_px * self.mpp)}um", *around.get(self.ring or "", [])]
        return [f"{self.name}_{index}@{part}" for part in parts for index in range(n_features)]
