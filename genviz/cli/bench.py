"""`genviz bench MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import Device, Preset, Quiet, Seed, Verbose, chosen, speak

FiguresFile = Annotated[Path, typer.Option("--json", help="Where the figures go.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Measure speed and memory on this machine.",
    epilog="Example: genviz bench pathar --preset mini --json bench.json",
)


@app.callback()
def _group() -> None:
    """Measure speed and memory on this machine."""


@app.command("genar", epilog="Example: genviz bench genar --json bench.json")
def genar(
    *,
    json_file: FiguresFile,
    seed: Seed = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """FLOPs a spot, spots a second and peak memory of GenAR, against the floor of its arithmetic."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genar.bench import bench_genar

    typer.echo(bench_genar(json_file, seed=seed))


@app.command("pathar", epilog="Example: genviz bench pathar --json bench.json --batch 1,16")
def pathar(
    *,
    json_file: FiguresFile,
    preset: Preset = "paper",
    batch: Annotated[str, typer.Option(help="Pairs at once, comma-separated.")] = "1,16",
    samplers: Annotated[
        str, typer.Option(help="Samplers, comma-separated; the last is what others are compared with.")
    ] = "paired,interleaved",
    seed: Seed = 0,
    device: Device = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Seconds a pair of PathAR by sampler and batch, and their ratios, with random weights."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.pathar.bench import bench_pathar

    typer.echo(
        bench_pathar(json_file, preset, chosen(batch) or [], chosen(samplers) or [], seed=seed, device=device)
    )


@app.command("genevar", epilog="Example: genviz bench genevar --json bench.json --preset paper --batch 1")
def genevar(
    *,
    json_file: FiguresFile,
    preset: Preset = "mini",
    batch: Annotated[str, typer.Option(help="Tiles at once, comma-separated.")] = "1,16",
    train: Annotated[bool, typer.Option("--train", help="Also time steps of training.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Seconds a tile of GeneVAR by part and batch, against the floor of its arithmetic, with random weights."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genevar.bench import bench_genevar

    typer.echo(bench_genevar(json_file, preset, chosen(batch) or [], seed=seed, device=device, train=train))
