"""`genviz train MODEL`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from genviz._errors import TrainingStopped
from genviz.cli.options import (
    CountData,
    Device,
    ImageData,
    Json,
    Preset,
    Quiet,
    Resume,
    RunFolder,
    Seed,
    StageEpochs,
    TrainingSections,
    Verbose,
    chosen,
    say_trained,
    speak,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Train a model.",
    epilog="Example: genviz train genar --data her2st --preset mini --out runs/genar",
)


@app.callback()
def _group() -> None:
    """Train a model."""


@contextmanager
def _gone_on_with(out: Path) -> Iterator[None]:
    """Say after Ctrl-C what the run folder holds: of this run, or of the one that it goes on with."""
    try:
        yield
    except KeyboardInterrupt as err:
        if out.is_dir() and any(out.rglob("run.json")):
            raise TrainingStopped(out) from err
        raise


@app.command(
    "genar",
    epilog="Example: genviz train genar --data her2st --sections C2,C3,C4 --preset mini --out runs/genar",
)
def genar(
    *,
    data: CountData,
    out: RunFolder,
    sections: TrainingSections = None,
    val: Annotated[
        str | None, typer.Option(help="Section for early stopping; without it the epochs are fixed.")
    ] = None,
    panel: Annotated[
        Path | None, typer.Option(help="Gene list, one symbol a line (default: genes_genar200).")
    ] = None,
    preset: Preset = "mini",
    counts: Annotated[str | None, typer.Option(help="Count model: tree or tokens.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Trunk: mlp or transformer.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs (default: the preset's).")
    ] = None,
    resume: Resume = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train GenAR (tile and position to raw counts) on sections with measured expression."""
    speak(verbose=verbose, quiet=quiet)
    with _gone_on_with(out):
        from genviz.recipes.genar.jobs import train_genar

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
    say_trained(folder, as_json=as_json)


@app.command(
    "pathar",
    epilog="Example: genviz train pathar --data dsb2018 --preset mini --out runs/pathar",
)
def pathar(
    *,
    data: ImageData,
    out: RunFolder,
    stage: Annotated[str, typer.Option(help="tokenizer, prior (on the tokenizer in --out), or all.")] = "all",
    preset: Preset = "mini",
    label_key: Annotated[str, typer.Option(help="Column that images are generated from.")] = "label",
    organ_key: Annotated[
        str | None,
        typer.Option(help="Column of a second condition, e.g. organ; rows without one are unknown."),
    ] = None,
    epochs: StageEpochs = None,
    resume: Resume = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train PathAR (label to image with nuclear mask) on the images of the train split, or on all without one."""
    speak(verbose=verbose, quiet=quiet)
    with _gone_on_with(out):
        from genviz.recipes.pathar.jobs import train_pathar

        folder = train_pathar(
            data,
            out=out,
            stage=stage,
            preset=preset,
            label_key=label_key,
            organ_key=organ_key,
            max_epochs=epochs,
            resume=resume,
            seed=seed,
            device=device,
        )
    say_trained(folder, as_json=as_json)


@app.command(
    "genevar",
    epilog="Example: genviz train genevar --data her2st --sections C2,C3,C4,C5 --preset mini --out runs/genevar",
)
def genevar(
    *,
    data: CountData,
    out: RunFolder,
    sections: TrainingSections = None,
    val: Annotated[
        str | None, typer.Option(help="Section to choose the prior's epoch by; nothing is fitted on it.")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="vae, tokenizer, meanflow or prior (on what --out has), or all.")
    ] = "all",
    preset: Preset = "mini",
    mpp: Annotated[
        float | None, typer.Option(help="Micrometres per pixel of tiles (default: 1.38 for her2st).")
    ] = None,
    unpaired: Annotated[
        int, typer.Option(min=0, help="Tiles without a profile from each training slide.")
    ] = 2000,
    epochs: StageEpochs = None,
    resume: Resume = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train GeneVAR (gene expression profile to tissue tile) on sections with measured expression."""
    speak(verbose=verbose, quiet=quiet)
    with _gone_on_with(out):
        from genviz.recipes.genevar.jobs import train_genevar

        folder = train_genevar(
            data,
            sections=chosen(sections),
            val=val,
            mpp=mpp,
            unpaired=unpaired,
            preset=preset,
            stage=stage,
            max_epochs=epochs,
            resume=resume,
            seed=seed,
            device=device,
            out=out,
        )
    say_trained(folder, as_json=as_json)
