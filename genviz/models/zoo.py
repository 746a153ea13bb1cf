"""Trained models in the box: folders beside this file, found by name."""

from __future__ import annotations

from pathlib import Path

from genviz._errors import UsageError

_ZOO = Path(__file__).parent / "weights"


def names() -> list[str]:
    """Models that this installation carries."""
    return sorted(folder.parent.name for folder in _ZOO.glob("*/config.json"))


def folder_of(model: str | Path) -> Path:
    """Folder of a checkpoint, given as a path or as the name of a model in the box.

    Raises
    ------
    UsageError
        When it is neither.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if str(model) in names():
        return _ZOO / str(model)
    raise UsageError(
        f"Expected a model folder or one of the models in the box ({', '.join(names()) or 'none'}); got {str(model)!r}."
    )
