"""Named PathAR configurations: nano for tests, mini for a laptop's CPU, paper as published.

The paper preset is 256 px, r = 16, 1024 + 1024 codes of length 16, coders as large as LlamaGen's VQ-16, and 8 layers of
width 512: 170.7 M parameters, 84 % of them in the tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from genviz._errors import UsageError
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.tokenizer.config import TokenizerConfig

_C = TypeVar("_C", TokenizerConfig, PriorConfig)

PRESETS: dict[str, PathARConfig] = {
    "nano": PathARConfig(
        TokenizerConfig(
            size_px=32,
            width=16,
            n_blocks=1,
            structure_codes=32,
            appearance_codes=32,
            max_epochs=3,
            tiles_per_epoch=128,
        ),
        PriorConfig(width=32, n_layers=2, n_heads=2, max_epochs=3, views_per_epoch=128, n_views=256),
    ),
    "mini": PathARConfig(
        TokenizerConfig(
            n_blocks=1,
            structure_width=0.5,
            norm="none",
            appearance_codes=512,
            gan_epochs=8,
            gan_lr=3e-4,
            gan_weight=0.1,
            gan_energy=6.0,
            gan_phase=1000.0,
        ),
        PriorConfig(width=256, n_heads=4, max_epochs=36, lr=1.2e-3, matrix_lr=0.02, n_views=16384),
    ),
    "paper": PathARConfig(
        TokenizerConfig(
            size_px=256,
            stem=1,
            width=128,
            multipliers=(1, 1, 2, 2, 4),
            n_blocks=2,
            attention=True,
            structure_codes=1024,
            appearance_codes=1024,
            codebook="gradient",
            appearance_permute=0.0,
            patch_basis=False,
            perceptual="lpips",
            jitter=0.0,
            lr=1e-4,
            final_lr_fraction=0.999,
            weight_decay=0.05,
            batch_size=32,
            max_epochs=300,
        ),
        PriorConfig(
            width=512,
            n_layers=8,
            n_heads=8,
            dropout=0.1,
            lr=1e-4,
            final_lr_fraction=0.999,
            batch_size=32,
            max_epochs=300,
        ),
    ),
}
"""Every preset by name."""


def preset(
    name: str, *, tokenizer: Mapping[str, Any] | None = None, prior: Mapping[str, Any] | None = None
) -> PathARConfig:
    """Give the configuration of a preset with some options changed.

    Parameters
    ----------
    name
        "nano", "mini" or "paper".
    tokenizer, prior
        Options of `TokenizerConfig` and `PriorConfig` to change.

    Raises
    ------
    UsageError
        For an unknown preset or option.
    """
    if name not in PRESETS:
        raise UsageError(f"Expected a preset out of {', '.join(PRESETS)}; got {name!r}.")
    chosen = PRESETS[name]
    return PathARConfig(_changed(chosen.tokenizer, tokenizer), _changed(chosen.prior, prior))


def _changed(config: _C, changes: Mapping[str, Any] | None) -> _C:
    unknown = sorted(set(changes or {}) - {field.name for field in fields(config)})
    if unknown:
        raise UsageError(f"Expected options of {type(config).__name__}; got {', '.join(unknown)}.")
    return replace(config, **(changes or {}))
