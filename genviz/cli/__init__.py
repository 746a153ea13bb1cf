"""The command line: thin. Every command parses, calls one function of `recipes`, and prints.

Heavy packages are imported inside the commands, so that ``genviz --help`` answers at once.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from genviz import __version__
from genviz._errors import GenvizError, TrainingStopped
from genviz.cli import bench, data, evaluate, generate, predict, recipe, train
from genviz.cli.demo import demo
from genviz.cli.doctor import doctor
from genviz.cli.lab import lab
from genviz.cli.perturb import perturb
from genviz.cli.report import report


class Stopped(GenvizError):
    """Ctrl-C, with what to say about it."""


class _Commands(TyperGroup):
    """All commands. Ctrl-C leaves them as a `Stopped`, because typer would end the process without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command chosen."""
        try:
            return super().invoke(ctx)
        except TrainingStopped as err:
            raise Stopped(
                f"Training was stopped. What is finished is in {err.folder}: run the command again with --resume."
            ) from err
        except KeyboardInterrupt as err:
            raise Stopped(str(err) or "Stopped. Nothing was left under the final names.") from err


app = typer.Typer(
    name="genviz",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Between genes and tissue images, in both directions.",
    epilog="Any command takes --debug to show where an error came from. Example: genviz demo --out runs/demo",
)
app.command(epilog="Example: genviz doctor")(doctor)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(predict.app, name="predict")
app.add_typer(generate.app, name="generate")
app.add_typer(evaluate.app, name="evaluate")
app.command(
    epilog="Example: genviz perturb --model runs/genevar --adata C5.h5ad --genes ERBB2,MKI67 --fold 0.25,0.5,1,2,4 "
    "--out perturbed.h5ad"
)(perturb)
app.add_typer(recipe.app, name="recipe")
app.command(epilog="Example: genviz report predicted.h5ad --out report.html")(report)
app.command(epilog="Example: genviz demo --out runs/demo")(demo)
app.command(epilog="Example: genviz lab --no-browser --port 8890")(lab)
app.add_typer(bench.app, name="bench")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Between genes and tissue images, in both directions."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a problem with data or surroundings, 2 misuse.

    Parameters
    ----------
    arguments
        Words after ``genviz``; default those of the process. ``--debug`` anywhere shows tracebacks.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        app(words, prog_name="genviz")
    except GenvizError as err:
        _end(str(err), err.exit_code, debug)
    except MemoryError as err:
        _end(
            f"Expected enough memory; {err or 'it is full'}. Ask for less at once: fewer rows or images.",
            1,
            debug,
        )
    except Exception as err:  # the last line of defence: one line instead of a traceback
        _end(f"Unexpected {type(err).__name__}: {err}. Run again with --debug to see where.", 1, debug)


def _end(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    else:
        # Reads of zarr that were abandoned half-way complain when the process ends.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    typer.echo(f"genviz: {' '.join(message.split())}", err=True)
    raise SystemExit(code)
