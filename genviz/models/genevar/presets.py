"""Named GeneVAR configurations: nano for tests, mini for a laptop's CPU, paper as published.

Mini is for tiles of 64 pixels at 1.38 um/px, one section of spots or a few. Its prior sees all coarser scales, as
masks cost likelihood at this size: the flow stands beside it (`ablations.complete` gives its published use). The paper
preset is 256 px, 10 scales up to 16 x 16, 4096 codes, 16 blocks of width 1024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from genviz._errors import UsageError
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.config import PARTS, GeneVARConfig
from genviz.models.genevar.flow.config import CounterfactualConfig, FlowConfig
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.view_config import ViewConfig

_PAPER_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)

Changes = Mapping[str, Any]

PRESETS: dict[str, GeneVARConfig] = {
    "nano": GeneVARConfig(
        condition=ConditionConfig(
            n_latent=4, n_genes=64, hidden=(32, 16), max_epochs=3, batch_size=16, dropout=0.1
        ),
        tokenizer=TokenizerConfig(
            size_px=32, width=16, scales=(1, 2, 4), n_codes=32, code_dim=8, gan_epochs=1, gan_width=8, batch_size=16,
            max_epochs=2, tiles_per_epoch=64,
        ),
        flow=FlowConfig(
            width=32, n_layers=1, n_heads=2, time_features=16, lr=1e-3, ema_decay=0.9, batch_size=16, max_epochs=2
        ),
        counterfactuals=CounterfactualConfig(n_draws=1),
        prior=PriorConfig(
            depth=1, width=32, n_heads=2, n_inject=1, unpaired=0.25, batch_size=16, max_epochs=2, ema_decay=0.9
        ),
        views=ViewConfig(margin_px=4, flow=2, paired=4, unpaired=2, per_epoch=64),
    ),
    "mini": GeneVARConfig(
        # All genes that are there to be edited; fewer would tell half a per cent more about tiles.
        condition=ConditionConfig(n_latent=16, n_genes=0, code_noise=0.2),
        tokenizer=TokenizerConfig(scales=(1, 2, 3, 4, 6, 8), n_codes=1024, gan_epochs=6),
        flow=FlowConfig(lr=5e-4, ema_decay=0.995, max_epochs=16),
        counterfactuals=CounterfactualConfig(n_draws=2),
        mask=MaskConfig(strategy="none"),
        prior=PriorConfig(
            width=192, n_heads=6, n_inject=0, unpaired=0.6, condition_norm=False, dropout=0.1, matrix_lr=0.02,
            max_epochs=36,
        ),
        views=ViewConfig(margin_px=8),
    ),
    "paper": GeneVARConfig(
        condition=ConditionConfig(
            kind="vae", units="tpm", n_genes=0, min_detected=0.0, n_latent=200, depth=False, thin_from=1.0,
            code_noise=0.0,
        ),
        tokenizer=TokenizerConfig(
            size_px=256, stem=1, width=160, multipliers=(1, 1, 2, 2, 4), n_blocks=2, attention=True, code_dim=32,
            n_codes=4096, scales=_PAPER_SCALES, codebook="gradient", patch_basis=False, vq_weight=1.0,
            perceptual="lpips", gan_epochs=30, gan_width=64, gan_lr=2e-4, lr=1e-4, weight_decay=0.05, max_epochs=100,
            tiles_per_epoch=319200,
        ),
        flow=FlowConfig(width=768, n_layers=6, n_heads=12, time_features=256, batch_size=128, max_epochs=100),
        prior=PriorConfig(
            depth=16, width=1024, n_heads=16, drop_path=0.1 * 16 / 24, lr=1e-4, grad_clip=2.0, batch_size=256,
            max_epochs=200, ema_decay=0.0,
        ),
        views=ViewConfig(margin_px=0, flow=1, paired=1, unpaired=1, per_epoch=319200),
    ),
}  # fmt: skip
"""Every preset by name."""


def preset(name: str, changes: Changes | None = None) -> GeneVARConfig:
    """Give the configuration of a preset with some options changed.

    Parameters
    ----------
    name
        "nano", "mini" or "paper".
    changes
        See `changed`.

    Raises
    ------
    UsageError
        For an unknown preset or option, or options that do not go together.
    """
    if name not in PRESETS:
        raise UsageError(f"Expected a preset out of {', '.join(PRESETS)}; got {name!r}.")
    return changed(PRESETS[name], changes)


def changed(config: GeneVARConfig, changes: Changes | None) -> GeneVARConfig:
    """Give a configuration with some options of its parts replaced.

    Parameters
    ----------
    config
        Where from.
    changes
        Part (``"prior"``) to its options (``{"width": 256}``), and ``"refine"`` to a bool.

    Raises
    ------
    UsageError
        For an unknown part or option, or options that do not go together.
    """
    changes = changes or {}
    if unknown := sorted(set(changes) - {*PARTS, "refine"}):
        raise UsageError(f"Expected changes of {', '.join(PARTS)} or refine; got {', '.join(unknown)}.")
    parts: dict[str, Any] = {}
    for name, change in changes.items():
        if name == "refine":
            parts[name] = bool(change)
            continue
        known = {field.name for field in fields(PARTS[name])}
        if unknown := sorted(set(change) - known):
            raise UsageError(f"Expected options of {PARTS[name].__name__}; got {', '.join(unknown)}.")
        parts[name] = replace(getattr(config, name), **change)
    return replace(config, **parts)
