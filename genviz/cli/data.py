"""`genviz data`: what data there are, get them, check them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from genviz.cli.options import Json, Quiet, Verbose, say, speak

app = typer.Typer(no_args_is_help=True, help="List, fetch and verify data sets.")

Name = Annotated[str, typer.Argument(help="A data set of `genviz data list`.")]
Sections = Annotated[
    str | None, typer.Option(help="Sections, of bulk cohorts cases; comma-separated (default: all).")
]
Roles = Annotated[
    str | None,
    typer.Option(
        help="Kinds of files, comma-separated (default: all; of bulk cohorts profiles, not slides)."
    ),
]


@app.command("list", epilog="Example: genviz data list")
def list_(*, as_json: Json = False, verbose: Verbose = False, quiet: Quiet = False) -> None:
    """Show the data sets that genviz knows and what of them is on this machine."""
    speak(verbose=verbose, quiet=quiet)
    from dataclasses import asdict

    from genviz import datasets

    known = datasets.list()
    lines = []
    for data_set in known:
        here = ", ".join(data_set.sections_here) or "none"
        complete = f"; complete sections: {here}" if data_set.sections else ""
        lines += [
            f"{data_set.name}: {data_set.title}",
            f"  {data_set.n_here} of {data_set.n_files} files here{complete}",
            f"  licence {data_set.licence}; cite: {data_set.citation}",
        ]
    say({"data_sets": [asdict(data_set) for data_set in known]}, "\n".join(lines), as_json=as_json)


@app.command("fetch", epilog="Example: genviz data fetch her2st --sections C2,C3")
def fetch(
    name: Name,
    *,
    sections: Sections = None,
    roles: Roles = None,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Get files: from GENVIZ_DATA, else the cache, else the network, checked against the manifest."""
    speak(verbose=verbose, quiet=quiet)
    from genviz import datasets

    found = datasets.fetch(name, sections=chosen(sections), roles=chosen(roles))
    files = {part: {role: str(path) for role, path in roles.items()} for part, roles in found.items()}
    lines = [
        f"{part or name:<6} {role:<12} {path}"
        for part, roles in files.items()
        for role, path in roles.items()
    ]
    say({"files": files}, "\n".join(lines), as_json=as_json)


@app.command("verify", epilog="Example: genviz data verify her2st")
def verify(
    name: Name,
    *,
    sections: Sections = None,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check the bytes of every file that is here; exit 1 if one is wrong. Nothing is downloaded."""
    speak(verbose=verbose, quiet=quiet)
    from genviz import datasets

    found = datasets.verify(name, sections=chosen(sections))
    tally = Counter(file.status for file in found)
    lines = [
        f"{file.status:<7} {file.local}  ({file.checked_by}, {file.place})" for file in found if file.path
    ]
    lines.append(", ".join(f"{tally.get(status, 0)} {status}" for status in ("ok", "wrong", "absent")))
    files = [
        {"file": f.local, "status": f.status, "place": f.place, "checked_by": f.checked_by} for f in found
    ]
    say(
        {"files": files} | {status: tally.get(status, 0) for status in ("ok", "wrong", "absent")},
        "\n".join(lines),
        as_json=as_json,
    )
    if tally["wrong"]:
        raise typer.Exit(1)


def chosen(sections: str | None) -> list[str] | None:
    """Names of a comma-separated list."""
    return None if sections is None else [name.strip() for name in sections.split(",") if name.strip()]
