"""Recipes of one or two rows over made-up nuclei, for PathAR's experiments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genviz.recipes.experiment import Setting
from genviz.recipes.recipe import Column, Recipe, Row, Size
from tests.models.pathar.tile_cases import SHORT

DATA = {"name": "phantom", "n_images": 8, "size_px": 96, "labels": ["fluorescence", "histology"]}
NANO: dict[str, Any] = {"preset": "nano", "n": 8, "n_labels": 2, **SHORT}


def setting(
    folder: Path,
    rows: Mapping[str, Mapping[str, Any] | None],
    *,
    kind: str = "pathar.generation",
    **options: Any,
) -> Setting:
    """A run of these rows at nano, its models in `folder`."""
    size = Size("nano", (0,), DATA, NANO | options)
    recipe = Recipe(
        "made-up", "Made up", "PathAR", "Table 0", kind, "", "every fourth image", (Column("fd_mean", "FD"),),
        tuple(Row(name, name, own) for name, own in rows.items()), (), {"nano": size}, "",
    )  # fmt: skip
    return Setting(recipe, size, folder, "cpu")
