"""`genviz recipe`: run the papers' tables again, at any size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genviz.cli.options import Device, Json, Quiet, Verbose, chosen, say, speak

app = typer.Typer(
    no_args_is_help=True,
    help="Run the tables and figures of the papers again, at any size.",
    epilog="Example: genviz recipe run genar-her2st --size nano --out runs/genar-her2st",
)

Name = Annotated[str, typer.Argument(help="A recipe of `genviz recipe list`, or a .toml file.")]


@app.command("list", epilog="Example: genviz recipe list --json")
def list_(*, as_json: Json = False, verbose: Verbose = False, quiet: Quiet = False) -> None:
    """Show every recipe, with the table or figure that it makes."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.catalogue import recipes

    found = recipes().values()
    if as_json:
        import json

        typer.echo(
            json.dumps([{"name": r.name, "paper": r.paper, "table": r.table} for r in found], indent=2)
        )
        return
    width = max(len(recipe.table) for recipe in found)
    for recipe in found:
        typer.echo(f"{recipe.name:<22} {recipe.paper:<8} {recipe.table:<{width}}  {recipe.title}")


@app.command("show", epilog="Example: genviz recipe show genar-her2st")
def show(name: Name, *, as_json: Json = False, verbose: Verbose = False, quiet: Quiet = False) -> None:
    """Print a recipe: data, split, variants, scores and published numbers."""
    speak(verbose=verbose, quiet=quiet)
    from dataclasses import asdict

    from genviz.recipes.catalogue import recipe

    told = asdict(recipe(name))
    source = told.pop("source")
    say(told, source.rstrip("\n"), as_json=as_json)


@app.command("run", epilog="Example: genviz recipe run genar-her2st --size mini --out runs/genar-her2st")
def run(
    name: Name,
    *,
    size: Annotated[
        str, typer.Option(help="nano (made-up data), mini (real data, a CPU) or paper.")
    ] = "nano",
    out: Annotated[
        Path | None, typer.Option(help="Run folder; a run that was stopped goes on in its own.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and stop.")] = False,
    on: Annotated[
        str | None, typer.Option(help="Whose hours a dry run tells: cpu, rtx4090, a6000, a100, h100.")
    ] = None,
    rows: Annotated[str | None, typer.Option(help="Only these rows, comma-separated.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Only these seeds, comma-separated.")] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder of trained models; several recipes may share one.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Jobs side by side, a process each (Dask).", min=1)] = 1,
    device: Device = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run a recipe: results.json, table.md and figure.html, ours beside what was published."""
    speak(verbose=verbose, quiet=quiet)
    from genviz._errors import UsageError
    from genviz.recipes.catalogue import recipe

    told = recipe(name)
    wanted = _numbers(seeds)
    if rows is not None and not chosen(rows):
        raise UsageError("Expected names of rows; got none. Name some, or leave --rows out.")
    if on is not None and not dry:
        raise UsageError("Expected --on with --dry-run only: it says whose hours are told. See --device.")
    if dry:
        from genviz.recipes.dry_run import dry_run, dry_run_text

        found = dry_run(told, size, rows=chosen(rows), seeds=wanted, on=on)
        say(found, dry_run_text(found), as_json=as_json)
        return
    if out is None:
        raise UsageError("Expected --out DIR for the run, or --dry-run.")
    from genviz.recipes.runner import run_recipe
    from genviz.recipes.workers import workers_of

    with workers_of(workers):
        results = run_recipe(told, size, out, rows=chosen(rows), seeds=wanted, models=models, device=device)
    table, figure = results.with_name("table.md"), results.with_name("figure.html")
    made = {"results": str(results), "table": str(table), "figure": str(figure)}
    say(made, table.read_text(encoding="utf-8"), as_json=as_json)


@app.command("diff", epilog="Example: genviz recipe diff runs/monday runs/tuesday")
def diff(
    a: Annotated[Path, typer.Argument(help="A run folder, or its results.json.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    *,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Compare two runs: what was different about them, and which scores moved beyond the spread of seeds."""
    speak(verbose=verbose, quiet=quiet)
    from genviz.recipes.diff import difference, read_results

    found = difference(read_results(a), read_results(b))
    say(found, _diff_text(found), as_json=as_json)


def _numbers(seeds: str | None) -> list[int] | None:
    from genviz._errors import UsageError

    names = chosen(seeds)
    if names is None:
        return None
    if not names or not all(name.isdecimal() for name in names):
        raise UsageError(f"Expected seeds like 0,1,2; got {seeds!r}.")
    return [int(name) for name in names]


def _diff_text(found: dict[str, Any]) -> str:
    lines = [f"{name}: {a} -> {b}" for name, (a, b) in found["setting"].items()]
    lines = lines or ["Same recipe, data, options, versions and hardware."]
    lines.append(f"{'row':<30} {'score':<26} {'a':>9} {'b':>9} {'b - a':>9}")
    for one in found["scores"]:
        a, b, step = ("-" if one[key] is None else f"{one[key]:.4f}" for key in ("a", "b", "difference"))
        mark = " *" if one["beyond"] else ""
        lines.append(f"{one['row'][:30]:<30} {one['score'][:26]:<26} {a:>9} {b:>9} {step:>9}{mark}")
    lines.append("* beyond twice the larger spread of seeds")
    for side in ("only_a", "only_b"):
        lines += [f"only in {side[-1]}: {name}" for name in found[side]]
    return "\n".join(lines)
