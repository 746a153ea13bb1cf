"""Named GenAR configurations: nano for tests, mini for a laptop's CPU, paper as published.

The paper preset is 768 wide, 8 layers, 8 heads, MLP ratio 3.0, scales (1, 4, 8, 40, 100, 200) and counts
0..2000 as tokens.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from genviz._errors import UsageError
from genviz.models.genar.config import GenARConfig

_PAPER_SIZE: dict[str, Any] = {"width": 768, "n_layers": 8, "n_heads": 8, "mlp_ratio": 3.0, "drop_path": 0.1}
_NANO: dict[str, Any] = {
    "width": 32,
    "depth_width": 16,
    "n_heads": 2,
    "n_layers": 1,
    "n_members": 1,
    "max_epochs": 8,
}
_SMALL_TRANSFORMER: dict[str, Any] = {"width": 64, "n_heads": 4, "n_layers": 2, "drop_path": 0.1}

_PRESETS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("nano", "tree", "mlp"): _NANO,
    ("nano", "tree", "transformer"): _NANO,
    ("nano", "tokens", "mlp"): _NANO,
    ("nano", "tokens", "transformer"): _NANO,
    ("mini", "tree", "mlp"): {},
    ("mini", "tree", "transformer"): _SMALL_TRANSFORMER,
    ("mini", "tokens", "mlp"): {"width": 128},
    ("mini", "tokens", "transformer"): _SMALL_TRANSFORMER,
    ("paper", "tree", "transformer"): _PAPER_SIZE,
    ("paper", "tokens", "transformer"): {
        **_PAPER_SIZE,
        "scales": (1, 4, 8, 40, 100, 200),
        "vocabulary": 2001,
        "skip": False,
        "position": True,
        "dropout": 0.1,
        "lr": 1e-4,
        "final_lr_fraction": 0.999,
        "weight_decay": 1e-4,
        "max_epochs": 200,
        "n_members": 1,
    },
}
_DEFAULTS = {"nano": ("tree", "mlp"), "mini": ("tree", "mlp"), "paper": ("tokens", "transformer")}

PRESETS: dict[tuple[str, str, str], GenARConfig] = {
    (name, counts, trunk): GenARConfig(counts=counts, trunk=trunk, **values)
    for (name, counts, trunk), values in _PRESETS.items()
}
"""Every preset by (name, counts, trunk)."""


def preset(
    name: str, *, counts: str | None = None, trunk: str | None = None, **overrides: Any
) -> GenARConfig:
    """Give the configuration of a preset with some options changed.

    Parameters
    ----------
    name
        "nano", "mini" or "paper".
    counts, trunk
        Count model and trunk; None takes the preset's own (tree and mlp; tokens and transformer for "paper").
    **overrides
        Any option of `GenARConfig`.

    Raises
    ------
    UsageError
        For an unknown preset, pair or option.
    """
    if name not in _DEFAULTS:
        raise UsageError(f"Expected a preset out of {', '.join(_DEFAULTS)}; got {name!r}.")
    default_counts, default_trunk = _DEFAULTS[name]
    key = (name, counts or default_counts, trunk or default_trunk)
    if key not in PRESETS:
        pairs = ", ".join(f"counts={c!r} with trunk={t!r}" for n, c, t in PRESETS if n == name)
        raise UsageError(f"Preset {name!r} exists for {pairs}; got counts={key[1]!r} with trunk={key[2]!r}.")
    unknown = sorted(set(overrides) - {field.name for field in fields(GenARConfig)})
    if unknown:
        raise UsageError(f"Expected options of GenARConfig; got {', '.join(unknown)}. See help(GenARConfig).")
    return replace(PRESETS[key], **overrides)
