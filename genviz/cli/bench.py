"""`genviz bench MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import Quiet, Verbose, speak

app = typer.Typer(no_args_is_help=True, help="Measure speed and memory on this machine.")


@app.callback()
def _group() -> None:
    """Measure speed and memory on this machine."""


@app.command("genar", epilog="Example: genviz bench genar --json bench.json")
def genar(
    *,
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures go.")],
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """FLOPs a spot, spots a second and peak memory of GenAR, against the floor of its arithmetic."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.bench_genar import bench_genar

    typer.echo(bench_genar(json_file))
