"""`genviz generate MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import (
    Device,
    Json,
    ModelName,
    PairRule,
    Quiet,
    Seed,
    TileRule,
    Verbose,
    chosen,
    say_made,
    speak,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Generate images: of labels with masks of nuclei, or of gene expression profiles.",
    epilog="Example: genviz generate pathar --label histology -n 16 --out runs/pairs",
)


@app.callback()
def _group() -> None:
    """Generate images: of labels with masks of nuclei, or of gene expression profiles."""


@app.command(
    "pathar",
    epilog="Example: genviz generate pathar --model pathar-dsb-mini --label histology -n 16 --out runs/pairs",
)
def pathar(
    *,
    out: Annotated[
        Path, typer.Option(help="A new folder (PNG images, masks, index.csv), or a name that ends in .h5ad.")
    ],
    model: ModelName = "pathar-dsb-mini",
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="What to make images of, comma-separated or repeated (default: all labels of the model, also those "
            "that its card does not support)."
        ),
    ] = None,
    organ: Annotated[
        list[str] | None,
        typer.Option(
            help="For a model that was told organs: one for all labels, or one a label (default: unknown)."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Pairs of each label.")] = 16,
    rule: PairRule = None,
    sampler: Annotated[
        str, typer.Option(help="paired, two_phase or interleaved; all give the same pairs.")
    ] = "paired",
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Generate synthetic pairs of image and nuclear mask; every file says that it is synthetic."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.pathar.jobs import generate_pathar

    labels, organs = _names(label), _names(organ)
    rows = generate_pathar(
        model,
        out=out,
        labels=labels,
        organs=organs,
        n=n,
        rule=rule,
        sampler=sampler,
        seed=seed,
        device=device,
    )
    say_made(out, rows.n_obs, "pair" if rows.n_obs == 1 else "pairs", as_json=as_json)


def _names(options: list[str] | None) -> list[str] | None:
    """Names given comma-separated or one by one; None when none was."""
    return [name for names in options or [] for name in chosen(names) or []] or options


@app.command(
    "genevar",
    epilog="Example: genviz generate genevar --model runs/genevar --adata C5.h5ad -n 2 --seed 0 --out runs/tiles.h5ad",
)
def genevar(
    *,
    model: ModelName,
    adata: Annotated[Path, typer.Option(help="An .h5ad file with profiles: raw counts, or TPM.")],
    out: Annotated[Path, typer.Option(help="The .h5ad file to write.")],
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Tiles of each row.")] = 1,
    rule: TileRule = None,
    impute_missing: Annotated[
        bool, typer.Option("--impute-missing", help="Set genes that are absent to their training mean.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Generate tissue tiles from gene expression profiles; the file says that they are synthetic."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genevar.jobs import generate_genevar

    rows = generate_genevar(
        model, rows=adata, out=out, n=n, rule=rule, impute_missing=impute_missing, seed=seed, device=device
    )
    say_made(out, rows.n_obs, "tile" if rows.n_obs == 1 else "tiles", as_json=as_json)
