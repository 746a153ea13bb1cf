"""Options that every command shares, declared once."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from typing import Annotated, Any, TextIO

import typer

from genviz._settings import settings

Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps (mps is untested).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but warnings and errors.")]

_warned: set[str] = set()  # what the running command has said


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
