"""Encoders by name."""

from __future__ import annotations

from genviz._errors import UsageError
from genviz.features.encoder import Encoder
from genviz.features.morphology import MorphologyEncoder
from genviz.features.timm_models import MODELS


def encoder_names() -> list[str]:
    """Names that `get_encoder` knows."""
    return ["morphology", *MODELS]


def get_encoder(
    name: str, *, ring: str | None = "mean", pitch_um: float = 200.0, device: str = "auto"
) -> Encoder:
    """Make an encoder.

    Parameters
    ----------
    name
        One of `encoder_names`.
    ring, pitch_um, device
        See `pp.embed`.

    Raises
    ------
    UsageError
        For an unknown name.
    MissingDependencyError
        For a network without the extra ``encoders``.
    """
    if name == "morphology":
        return MorphologyEncoder(ring=ring, pitch_um=pitch_um)
    if name in MODELS:
        from genviz.features.timm_encoder import TimmEncoder

        return TimmEncoder.named(name, ring=ring, pitch_um=pitch_um, device=device)
    raise UsageError(f"Expected an encoder of {', '.join(encoder_names())}; got {name!r}.")
