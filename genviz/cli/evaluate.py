"""`genviz evaluate MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import Quiet, Seed, Verbose, speak

app = typer.Typer(no_args_is_help=True, help="Score predictions against measurements.")


@app.callback()
def _group() -> None:
    """Score predictions against measurements."""


@app.command(
    "genar",
    epilog="Example: genviz evaluate genar --pred predicted.h5ad --counts C5.tsv.gz --json scores.json",
)
def genar(
    *,
    pred: Annotated[Path, typer.Option(help="A prediction, .h5ad.")],
    counts: Annotated[Path, typer.Option(help="Measured counts, TSV (.gz): rows XxY, columns genes.")],
    json_file: Annotated[Path, typer.Option("--json", help="Where the scores go.")],
    seed: Seed = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score predicted counts in every view: published, honest, depth-normalised, known depth, coverage."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.jobs import evaluate_genar

    typer.echo(evaluate_genar(pred, counts, json_file, seed=seed))
