"""`genviz evaluate MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import Device, Quiet, Seed, Verbose, speak

app = typer.Typer(no_args_is_help=True, help="Score models against measurements.")


@app.callback()
def _group() -> None:
    """Score models against measurements."""


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


@app.command(
    "pathar",
    epilog="Example: genviz evaluate pathar --model pathar-dsb-mini --data dsb2018 --split val --json scores.json",
)
def pathar(
    *,
    data: Annotated[
        str,
        typer.Option(
            help="A data set (dsb2018, phantom), a folder or index.csv of images and masks, or .h5ad."
        ),
    ],
    json_file: Annotated[Path, typer.Option("--json", help="Where the scores go.")],
    model: Annotated[
        str, typer.Option(help="Model folder, or the name of a model in the box.")
    ] = "pathar-dsb-mini",
    split: Annotated[str, typer.Option(help="Any value of the index's split, or all.")] = "val",
    seed: Seed = 0,
    device: Device = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score PathAR on held-out images: reconstruction, codebooks, likelihood, who owns a swap."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.pathar_evaluation import evaluate_pathar

    typer.echo(evaluate_pathar(model, data, json_file, split=split, seed=seed, device=device))
