"""`genviz generate MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz.cli.options import Device, Json, Quiet, Seed, Verbose, say, speak

app = typer.Typer(no_args_is_help=True, help="Generate images with masks of their nuclei.")


@app.callback()
def _group() -> None:
    """Generate images with masks of their nuclei."""


@app.command(
    "pathar",
    epilog="Example: genviz generate pathar --model pathar-dsb-mini --label histology -n 16 --out runs/pairs",
)
def pathar(
    *,
    out: Annotated[
        Path, typer.Option(help="A new folder (PNG images, masks, index.csv), or a name that ends in .h5ad.")
    ],
    model: Annotated[
        str, typer.Option(help="Model folder, or the name of a model in the box.")
    ] = "pathar-dsb-mini",
    label: Annotated[
        list[str] | None, typer.Option(help="What to make images of; may be repeated (default: all labels).")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Pairs of each label.")] = 16,
    rule: Annotated[
        str | None, typer.Option(help="How tokens are drawn: plain, paper or model (default: the model's).")
    ] = None,
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
    from genviz.recipes.pathar_jobs import generate_pathar

    rows = generate_pathar(
        model, out=out, labels=label, n=n, rule=rule, sampler=sampler, seed=seed, device=device
    )
    result = {"out": str(out), "n": rows.n_obs, "synthetic": True}
    say(result, f"Made {rows.n_obs} synthetic pairs: {out}", as_json=as_json)
