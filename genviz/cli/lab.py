"""`genviz lab`: JupyterLab on the notebooks, with a look at what could go wrong first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genviz._errors import UsageError
from genviz.cli.options import Quiet, Verbose, speak


def lab(
    *,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="Folder to work in (default: the checkout's notebooks, or a copy of them)."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port; the next free one is taken if it is in use.")
    ] = 8888,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, open nothing (on a remote machine).")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Look at everything, start nothing.")] = False,
    install_kernel: Annotated[
        bool, typer.Option("--install-kernel", help="Make this environment a kernel of Jupyter, and end.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="With --install-kernel: the kernel's name.")] = None,
    display_name: Annotated[
        str | None, typer.Option(help="With --install-kernel: its name in the launcher.")
    ] = None,
    prefix: Annotated[
        Path | None,
        typer.Option(
            help="With --install-kernel: for the Jupyter of this environment's folder (default: all of this user's)."
        ),
    ] = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Start JupyterLab on the notebooks, or make this environment a Jupyter kernel."""
    speak(verbose=verbose, quiet=quiet)
    if install_kernel:
        from genviz.cli.lab_kernel import install

        typer.echo(install(name=name, display_name=display_name, prefix=prefix))
        return
    for option, given in (("--name", name), ("--display-name", display_name), ("--prefix", prefix)):
        if given is not None:
            raise UsageError(f"Expected --install-kernel with {option}.")
    from genviz.cli.lab_start import findings, start, working_folder

    place = working_folder(folder)
    if check or not quiet:  # asked for, they are the result
        typer.echo("\n".join(findings(place)))
    if not check:
        start(place, port=port, browser=not no_browser)
