"""`genviz report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz._errors import UsageError
from genviz.cli.options import Json, Quiet, Seed, Verbose, chosen, say, speak


def report(
    *,
    file: Annotated[Path, typer.Argument(help="A prediction, .h5ad.")],
    out: Annotated[Path, typer.Option(help="The page, .html.")],
    counts: Annotated[
        Path | None, typer.Option(help="Measured counts (TSV), to draw and score beside the prediction.")
    ] = None,
    genes: Annotated[str | None, typer.Option(help="Genes to embed, comma-separated (default: all).")] = None,
    title: Annotated[str | None, typer.Option(help="Heading.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write one self-contained HTML page of a prediction: opens offline, with gene search and hover."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genar.jobs import write_report

    names = chosen(genes)
    if names == []:
        raise UsageError(
            "Expected --genes as names with commas between them; got none. Leave it out for all."
        )
    path = write_report(file, out, counts=counts, genes=names, title=title, seed=seed)
    say({"out": str(path)}, f"Report written: {path}", as_json=as_json)
