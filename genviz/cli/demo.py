"""`genviz demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import Device, Json, Quiet, Seed, Verbose, say, speak


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs/demo"),
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Phantom tissue and the nano preset: checks the machinery only.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Fit GenAR on three real sections, predict a fourth that it never saw, score it, write the report."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.demo import run_demo, summary

    result = run_demo(out, smoke=smoke, seed=seed, device=device)
    files = {"predicted": str(result.predicted), "metrics": str(result.metrics), "report": str(result.report)}
    say(
        files | {"source": result.source, "seconds": round(result.seconds, 1)},
        summary(result),
        as_json=as_json,
    )
