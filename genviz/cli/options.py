"""Options that every command shares, declared once."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from genviz._settings import settings

Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps (mps is untested).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="No progress and no notes; results, warnings and errors stay.")
]

CountData = Annotated[
    str, typer.Option("--data", help="A dataset's name (her2st, phantom) or an .h5ad file with counts.")
]
ImageData = Annotated[
    str,
    typer.Option(
        "--data", help="A data set (dsb2018, phantom), a folder or index.csv of images and masks, or .h5ad."
    ),
]
ModelName = Annotated[
    str, typer.Option("--model", help="Model or run folder, or the name of a model in the box.")
]
Preset = Annotated[str, typer.Option("--preset", help="nano, mini or paper.")]
StageEpochs = Annotated[
    int | None,
    typer.Option(
        "--epochs", min=1, help="Epochs of every stage at most, for a quick look (default: the preset's)."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoints in --out.")]
RunFolder = Annotated[
    Path, typer.Option("--out", help="Run folder: model, logs, checkpoints to resume from.")
]
# The names are those of each model's SAMPLE_RULES, which would bring torch; a test holds both together.
TileRule = Annotated[
    str | None,
    typer.Option("--rule", help="How tokens are drawn: mini, paper, calm or model (default: the model's)."),
]
PairRule = Annotated[
    str | None,
    typer.Option("--rule", help="How tokens are drawn: mini, plain, paper or model (default: the model's)."),
]
TrainingSections = Annotated[
    str | None, typer.Option("--sections", help="Sections to train on, comma-separated.")
]

_warned: set[str] = set()  # what the running command has said


def chosen(names: str | None) -> list[str] | None:
    """Names of a comma-separated list."""
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]


def speak(*, verbose: bool, quiet: bool) -> None:
    """Send genviz's log to standard error at the level asked for; `-q` also hides progress bars."""
    log = logging.getLogger("genviz")
    log.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    settings.progress = settings.progress and not quiet and sys.stderr.isatty()
    _warned.clear()
    warnings.showwarning = _warn


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Science warnings as one line, each once; what libraries tell their own developers only with `-v`."""
    if str(message) in _warned:
        return
    _warned.add(str(message))
    log = logging.getLogger("genviz")
    log.log(logging.WARNING if issubclass(category, UserWarning) else logging.DEBUG, "Warning: %s", message)


def say(result: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a command's result: JSON for programs, a sentence for people."""
    typer.echo(json.dumps(result, indent=2) if as_json else text)


def say_trained(folder: Path, *, as_json: bool) -> None:
    """Print where a trained model is."""
    say({"model": str(folder)}, f"Model saved in {folder}", as_json=as_json)


def say_made(out: Path, n: int, what: str, *, as_json: bool) -> None:
    """Print where synthetic images are, and how many."""
    result = {"out": str(out), "n": n, "synthetic": True}
    say(result, f"Made {n} synthetic {what}: {out}", as_json=as_json)
