"""`genviz train MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.data import chosen
from genviz.cli.options import Device, Json, Quiet, Seed, Verbose, say, speak

app = typer.Typer(no_args_is_help=True, help="Train a model.")


@app.callback()
def _group() -> None:
    """Train a model."""


@app.command(
    "genar",
    epilog="Example: genviz train genar --data her2st --sections C2,C3,C4 --preset mini --out runs/genar",
)
def genar(
    *,
    data: Annotated[
        str, typer.Option(help="A dataset's name (her2st, phantom) or an .h5ad file with counts.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder: model, log, checkpoint to resume from.")],
    sections: Annotated[str | None, typer.Option(help="Sections to train on, comma-separated.")] = None,
    val: Annotated[
        str | None, typer.Option(help="Section for early stopping; without it the epochs are fixed.")
    ] = None,
    panel: Annotated[
        Path | None, typer.Option(help="Gene list, one symbol a line (default: genes_genar200).")
    ] = None,
    preset: Annotated[str, typer.Option(help="nano, mini or paper.")] = "mini",
    counts: Annotated[str | None, typer.Option(help="Count model: tree or tokens.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Trunk: mlp or transformer.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs (default: the preset's).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train GenAR (tile and position to raw counts) on sections with measured expression."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.jobs import train_genar

    architecture = {
        name: value for name, value in (("counts", counts), ("trunk", trunk)) if value is not None
    }
    folder = train_genar(
        data,
        sections=chosen(sections),
        val=val,
        panel=panel,
        preset=preset,
        out=out,
        epochs=epochs,
        resume=resume,
        seed=seed,
        device=device,
        **architecture,
    )
    say({"model": str(folder)}, f"Model saved in {folder}", as_json=as_json)


@app.command(
    "pathar",
    epilog="Example: genviz train pathar --data dsb2018 --preset mini --out runs/pathar",
)
def pathar(
    *,
    data: Annotated[
        str,
        typer.Option(
            help="A data set (dsb2018, phantom), a folder or index.csv of images and masks, or .h5ad."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Run folder: model, logs, checkpoints to resume from.")],
    stage: Annotated[str, typer.Option(help="tokenizer, prior (on the tokenizer in --out), or all.")] = "all",
    preset: Annotated[str, typer.Option(help="nano, mini or paper.")] = "mini",
    label_key: Annotated[str, typer.Option(help="Column that images are generated from.")] = "label",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoints in --out.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train PathAR (label to image with nuclear mask) on the images of the train split, or on all without one."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.pathar_jobs import train_pathar

    folder = train_pathar(
        data,
        out=out,
        stage=stage,
        preset=preset,
        label_key=label_key,
        resume=resume,
        seed=seed,
        device=device,
    )
    say({"model": str(folder)}, f"Model saved in {folder}", as_json=as_json)


@app.command(
    "genevar",
    epilog="Example: genviz train genevar --data her2st --sections C2,C3,C4,C5 --preset mini --out runs/genevar",
)
def genevar(
    *,
    data: Annotated[
        str, typer.Option(help="A dataset's name (her2st, phantom) or an .h5ad file with counts.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder: model, logs, checkpoints to resume from.")],
    sections: Annotated[str | None, typer.Option(help="Sections to train on, comma-separated.")] = None,
    val: Annotated[
        str | None, typer.Option(help="Section to choose the prior's epoch by; nothing is fitted on it.")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="vae, tokenizer, meanflow or prior (on what --out has), or all.")
    ] = "all",
    preset: Annotated[str, typer.Option(help="nano, mini or paper.")] = "mini",
    mpp: Annotated[
        float | None, typer.Option(help="Micrometres per pixel of tiles (default: 1.38 for her2st).")
    ] = None,
    unpaired: Annotated[
        int, typer.Option(min=0, help="Tiles without a profile from each training slide.")
    ] = 2000,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoints in --out.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train GeneVAR (gene expression profile to tissue tile) on sections with measured expression."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genevar_jobs import train_genevar

    folder = train_genevar(
        data,
        sections=chosen(sections),
        val=val,
        mpp=mpp,
        unpaired=unpaired,
        preset=preset,
        stage=stage,
        resume=resume,
        seed=seed,
        device=device,
        out=out,
    )
    say({"model": str(folder)}, f"Model saved in {folder}", as_json=as_json)
