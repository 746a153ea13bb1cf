"""`genviz perturb`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz._errors import UsageError
from genviz.cli.options import Device, Json, ModelName, Quiet, Seed, TileRule, Verbose, chosen, say, speak


def perturb(
    *,
    model: ModelName,
    adata: Annotated[Path, typer.Option(help="An .h5ad file with profiles: raw counts, or TPM.")],
    genes: Annotated[str, typer.Option(help="Genes, with commas between them.")],
    out: Annotated[Path, typer.Option(help="The .h5ad file to write.")],
    fold: Annotated[
        str | None, typer.Option(help="Factors of the measured values (default: 0,0.5,1,2,4).")
    ] = None,
    absolute: Annotated[str | None, typer.Option(help="Values to set, in place of factors.")] = None,
    together: Annotated[bool, typer.Option("--together", help="Edit all genes at once, as a set.")] = False,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Tiles of each row and dose.")] = 2,
    controls: Annotated[
        int, typer.Option(min=0, help="Random gene sets, and random code directions, beside each effect.")
    ] = 4,
    max_rows: Annotated[int | None, typer.Option(min=1, help="Most rows to take (default: all).")] = None,
    training: Annotated[
        Path | None, typer.Option(help="An .h5ad file with the training rows, for the range of values.")
    ] = None,
    impute_missing: Annotated[
        bool, typer.Option("--impute-missing", help="Set other genes that are absent to their training mean.")
    ] = False,
    rule: TileRule = None,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Edit genes, generate tiles, and hold every effect against its controls; the file says that it is synthetic."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.genevar.perturbation import perturb_genevar

    made = perturb_genevar(
        model,
        rows=adata,
        genes=chosen(genes) or [],
        fold=_numbers(fold, "fold"),
        absolute=_numbers(absolute, "absolute"),
        together=together,
        max_rows=max_rows,
        training=training,
        impute_missing=impute_missing,
        n=n,
        controls=controls,
        rule=rule,
        seed=seed,
        device=device,
        out=out,
    )
    say(made.told(out), f"{made.table}\nMade {made.rows.n_obs} synthetic tiles: {out}", as_json=as_json)


def _numbers(text: str | None, name: str) -> list[float] | None:
    """Numbers with commas between them.

    Raises
    ------
    UsageError
        For anything else.
    """
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as err:
        raise UsageError(f"Expected --{name} as numbers with commas, like 0.5,1,2; got {text!r}.") from err
