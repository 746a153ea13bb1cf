"""`genviz data`: what data there are, get them, check them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from genviz.cli.options import Json, Quiet, Verbose, chosen, say, speak

app = typer.Typer(
    no_args_is_help=True, help="List, fetch and verify data sets.", epilog="Example: genviz data list"
)

STATUSES = ("ok", "wrong", "unchecked", "absent")

Name = Annotated[str, typer.Argument(help="A data set of `genviz data list`.")]
OptionalName = Annotated[str | None, typer.Argument(help="A data set of `genviz data list` (default: all).")]
Sections = Annotated[
    str | None, typer.Option(help="Sections, of bulk cohorts cases; comma-separated (default: all).")
]
Roles = Annotated[
    str | None,
    typer.Option(
        help="Kinds of files, comma-separated (default: all; of bulk cohorts and HEST-1k not slides)."
    ),
]
AcceptLicence = Annotated[
    bool,
    typer.Option(
        "--accept-licence",
        "--accept-license",
        help="Agree to the licence; needed once for non-commercial and gated data sets.",
    ),
]


@app.command("list", epilog="Example: genviz data list")
def list_(*, as_json: Json = False, verbose: Verbose = False, quiet: Quiet = False) -> None:
    """Show the data sets that genviz knows, their licences, and what of them is on this machine."""
    speak(verbose=verbose, quiet=quiet)
    from dataclasses import asdict

    from genviz import datasets

    known = datasets.list()
    lines = []
    for data_set in known:
        here = ", ".join(data_set.sections_here) or "none"
        complete = f"; complete sections: {here}" if data_set.sections else ""
        limits = "; not for commercial use" if data_set.non_commercial else ""
        limits += f"; its authors ask for consent at {data_set.gate}" if data_set.gate else ""
        lines += [
            f"{data_set.name}: {data_set.title}",
            f"  {data_set.kind}; {data_set.n_here} of {data_set.n_files} files here{complete}",
            f"  licence {data_set.licence}{limits}; cite: {data_set.citation}",
        ]
    say({"data_sets": [asdict(data_set) for data_set in known]}, "\n".join(lines), as_json=as_json)


@app.command("fetch", epilog="Example: genviz data fetch her2st --sections C2,C3")
def fetch(
    name: Name,
    *,
    sections: Sections = None,
    roles: Roles = None,
    accept_licence: AcceptLicence = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Get files: from GENVIZ_DATA, else the cache, else the network, checked against the manifest.

    Licence, what it forbids, citation and size are shown before a download. Gated data sets of the Hugging Face hub
    need its token (`hf auth login`, or HF_TOKEN).
    """
    speak(verbose=verbose, quiet=quiet)
    from genviz import datasets

    found = datasets.fetch(
        name, sections=chosen(sections), roles=chosen(roles), accept_licence=accept_licence
    )
    files = {part: {role: str(path) for role, path in roles.items()} for part, roles in found.items()}
    lines = [
        f"{part or name:<6} {role:<12} {path}"
        for part, roles in files.items()
        for role, path in roles.items()
    ]
    say({"files": files}, "\n".join(lines), as_json=as_json)


@app.command("verify", epilog="Example: genviz data verify her2st")
def verify(
    name: OptionalName = None,
    *,
    sections: Sections = None,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check the bytes of every file that is here; exit 1 if one is wrong. Nothing is downloaded."""
    speak(verbose=verbose, quiet=quiet)
    from genviz import datasets

    if name is None and sections is not None:
        raise typer.BadParameter("sections are of one data set: name it too", param_hint="--sections")
    lines, files = [], []
    tally: Counter[str] = Counter()
    for one in [data_set.name for data_set in datasets.list()] if name is None else [name]:
        found = datasets.verify(one, sections=chosen(sections))
        tally.update(file.status for file in found)
        files += [
            {
                "data_set": one,
                "file": f.local,
                "status": f.status,
                "place": f.place,
                "checked_by": f.checked_by,
            }
            for f in found
        ]
        lines += [
            f"{f.status:<9} {f.local}  ({', '.join(filter(None, (f.checked_by, f.place)))})"
            for f in found
            if f.path
        ]
        if not any(f.path for f in found):
            lines.append(f"absent    {one}: nothing of it is on this machine")
    lines.append(", ".join(f"{tally[status]} {status}" for status in STATUSES))
    say({"files": files} | {status: tally[status] for status in STATUSES}, "\n".join(lines), as_json=as_json)
    if tally["wrong"]:
        raise typer.Exit(1)
