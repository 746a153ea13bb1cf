"""`genviz predict MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz._errors import UsageError
from genviz.cli.options import Device, Json, ModelName, Quiet, Seed, Verbose, say, speak

app = typer.Typer(
    no_args_is_help=True,
    help="Predict counts from tissue images.",
    epilog="Example: genviz predict genar --image slide.jpg --spots spots.tsv --out predicted.h5ad",
)


@app.callback()
def _group() -> None:
    """Predict counts from tissue images."""


@app.command(
    "genar",
    epilog="Example: genviz predict genar --model genar-her2st-mini --image slide.jpg --spots spots.tsv "
    "--out predicted.h5ad",
)
def genar(
    *,
    out: Annotated[Path, typer.Option(help="The result, .h5ad.")],
    model: ModelName = "genar-her2st-mini",
    image: Annotated[Path | None, typer.Option(help="H&E slide, JPEG or TIFF.")] = None,
    spots: Annotated[Path | None, typer.Option(help="Spot table, TSV with x, y, pixel_x, pixel_y.")] = None,
    adata: Annotated[
        Path | None, typer.Option(help="An .h5ad with spots and slide, instead of --image and --spots.")
    ] = None,
    mpp: Annotated[
        float | None, typer.Option(help="Micrometres per pixel (default: from the 200 um spot pitch).")
    ] = None,
    section: Annotated[str, typer.Option(help="Name of the section.")] = "section",
    depth: Annotated[
        float | None, typer.Option(help="The section's median panel count, if the lab knows it.")
    ] = None,
    samples: Annotated[int, typer.Option(min=2, help="Joint samples a spot.")] = 256,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Predict raw counts with intervals for every spot; no measured expression is needed."""
    speak(verbose=verbose, quiet=quiet)
    if (adata is None) == (image is None and spots is None) or (image is None) != (spots is None):
        raise UsageError("Expected either --adata FILE.h5ad, or both --image and --spots.")
    from genviz.recipes.genar.jobs import predict_genar, rows_from_h5ad, rows_from_slide

    rows = rows_from_h5ad(adata) if adata else rows_from_slide(image, spots, section=section, mpp=mpp)
    predicted = predict_genar(
        rows, model=model, out=out, depth=depth, n_samples=samples, seed=seed, device=device
    )
    result = {"out": str(out), "n_obs": predicted.n_obs, "n_vars": predicted.n_vars}
    say(result, f"Predicted {predicted.n_vars} genes at {predicted.n_obs} spots: {out}", as_json=as_json)
