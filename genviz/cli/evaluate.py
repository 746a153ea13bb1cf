"""`genviz evaluate MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import (
    CountData,
    Device,
    ImageData,
    ModelName,
    Quiet,
    Seed,
    TileRule,
    Verbose,
    chosen,
    speak,
)

AllowSeen = Annotated[
    bool,
    typer.Option(
        "--allow-seen", help="Score rows that the model has seen; the result says so (leakage.overridden)."
    ),
]

ScoresFile = Annotated[Path, typer.Option("--json", help="Where the scores go.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Score models against measurements.",
    epilog="Example: genviz evaluate genar --pred predicted.h5ad --counts C5.tsv.gz --json scores.json",
)


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
    json_file: ScoresFile,
    allow_seen: AllowSeen = False,
    seed: Seed = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score predicted counts in every view: published, honest, depth-normalised, known depth, coverage."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genar.jobs import evaluate_genar

    typer.echo(evaluate_genar(pred, counts, json_file, allow_seen=allow_seen, seed=seed))


@app.command(
    "pathar",
    epilog="Example: genviz evaluate pathar --model pathar-dsb-mini --data dsb2018 --split val --json scores.json",
)
def pathar(
    *,
    data: ImageData,
    json_file: ScoresFile,
    model: ModelName = "pathar-dsb-mini",
    split: Annotated[str, typer.Option(help="Any value of the index's split, or all.")] = "val",
    allow_seen: AllowSeen = False,
    seed: Seed = 0,
    device: Device = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score PathAR on held-out images: reconstruction, codebooks, likelihood, who owns a swap."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.pathar.evaluation import evaluate_pathar

    typer.echo(
        evaluate_pathar(model, data, json_file, split=split, allow_seen=allow_seen, seed=seed, device=device)
    )


@app.command(
    "genevar",
    epilog="Example: genviz evaluate genevar --model runs/genevar --data her2st --sections C5 --json scores.json",
)
def genevar(
    *,
    model: ModelName,
    data: CountData,
    json_file: ScoresFile,
    sections: Annotated[
        str | None,
        typer.Option(
            help="Sections to score, comma-separated (default: those not seen; all with --allow-seen)."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Tiles a row.")] = 8,
    rule: TileRule = None,
    extractor: Annotated[str, typer.Option(help="Features of the second Fréchet distance.")] = "morphology",
    retrieved: Annotated[
        int, typer.Option(help="Rows among which profiles are looked for; time grows with the square.")
    ] = 200,
    min_reads: Annotated[int, typer.Option(help="Rows with fewer reads are left out.")] = 200,
    allow_seen: AllowSeen = False,
    seed: Seed = 0,
    device: Device = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score GeneVAR on sections it never saw: reconstruction, distances, use of the profile, copies, nuclei."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genevar.evaluation import evaluate_genevar

    typer.echo(
        evaluate_genevar(
            model,
            data,
            json_file,
            sections=chosen(sections),
            allow_seen=allow_seen,
            min_reads=min_reads,
            n=n,
            rule=rule,
            extractor=extractor,
            n_retrieved=retrieved,
            seed=seed,
            device=device,
        )
    )
