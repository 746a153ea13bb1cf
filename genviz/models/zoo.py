"""Trained models in the box: folders beside this file, found by name."""

from __future__ import annotations

from pathlib import Path

from genviz._errors import UsageError

CONFIG = "config.json"
MODEL_FOLDER = "model"

_ZOO = Path(__file__).parent / "weights"


def names() -> list[str]:
    """Models that this installation carries."""
    return sorted(path.parent.name for path in _ZOO.glob(f"*/{CONFIG}"))


def folder_of(model: str | Path) -> Path:
    """Folder of a checkpoint: its own, that of the run that trained it, or the name of a model in the box.

    Raises
    ------
    UsageError
        When it is neither.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        # A run folder keeps its model in a folder of its own, beside logs and checkpoints to resume from.
        inner = path / MODEL_FOLDER
        return inner if inner.is_dir() and not (path / CONFIG).exists() else path
    if str(model) in names():
        return _ZOO / str(model)
    raise UsageError(
        f"Expected a model folder or one of the models in the box ({', '.join(names()) or 'none'}); got "
        f"{str(model)!r}. Check the path, or train a model with `genviz train`."
    )
