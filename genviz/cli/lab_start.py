"""What `genviz lab` looks at, where it works, and how it starts JupyterLab."""

from __future__ import annotations

import filecmp
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from genviz._errors import MissingDependencyError, UsageError
from genviz._settings import settings

_PACKAGES = {"jupyterlab": (4, 3), "anywidget": (0, 9), "ipywidgets": (8, 1), "ipykernel": (6, 0)}
KERNELS = (sys.executable, "-m", "jupyter_client.kernelspecapp")
_MAKE_ONE = "Make one of this environment: genviz lab --install-kernel"
_INSTALL = "pip install 'genviz[notebook]'"
_COPY = "genviz-notebooks"
_SHIPPED = ".genviz"  # beside the copies: each notebook as it was shipped, to know what the user has edited


def working_folder(asked: Path | None) -> Path:
    """The folder to work in, with the notebooks in it.

    In a checkout that is its own ``notebooks``. Otherwise those of the package are copied into `asked`, by default
    ``genviz-notebooks`` in the present folder; a notebook that was edited is never overwritten.

    Parameters
    ----------
    asked
        Folder; made when it is not there.

    Raises
    ------
    UsageError
        When it is no folder, or cannot be written to.
    """
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "notebooks"
    shared = package / "_share" / "notebooks"
    if asked is None and checkout.is_dir() and (package.parent / "pyproject.toml").is_file():
        return checkout
    place = (Path(_COPY) if asked is None else asked.expanduser()).resolve()
    source = shared if shared.is_dir() else checkout
    if not source.is_dir():
        raise UsageError("Expected the notebooks in the package; they are not there. Install genviz again.")
    if place == source:
        return place
    try:
        place.mkdir(parents=True, exist_ok=True)
        copy_notebooks(source, place)
    except OSError as err:
        raise UsageError(
            f"Expected a folder that can be written to at {place}; {err.strerror or err}. Give another with --dir."
        ) from err
    return place


def copy_notebooks(source: Path, place: Path) -> list[Path]:
    """Copy the notebooks that are new, and newer versions of those that nobody has edited.

    A newer version of an edited notebook is put beside it, as ``<name>.new.ipynb``.

    Parameters
    ----------
    source, place
        From where, to where.

    Returns
    -------
    The files that were written, kept originals left out.
    """
    from genviz.io.files.atomic import atomic_path

    kept = place / _SHIPPED
    kept.mkdir(exist_ok=True)
    written = []
    for notebook in sorted(source.glob("*.ipynb")):
        own, original = place / notebook.name, kept / notebook.name
        if original.exists() and filecmp.cmp(notebook, original, shallow=False) and own.exists():
            continue
        edited = own.exists() and not (original.exists() and filecmp.cmp(own, original, shallow=False))
        targets = [own.with_suffix(".new.ipynb") if edited else own]
        if edited and filecmp.cmp(own, notebook, shallow=False):
            targets = []  # it is this version already
        for path in [*targets, original]:
            with atomic_path(path) as working:
                shutil.copyfile(notebook, working)
        written += targets
    return written


def findings(place: Path) -> list[str]:
    """One line for each thing that matters, with what to do where something is wrong.

    Parameters
    ----------
    place
        Folder to work in.

    Raises
    ------
    MissingDependencyError
        Without JupyterLab and what live views need, or with too old ones.
    """
    return [*_packages(), _kernel(), _data(), _accelerator(), f"notebooks    {place}"]


def start(place: Path, *, port: int, browser: bool) -> None:
    """Become JupyterLab.

    Parameters
    ----------
    place
        Its folder.
    port
        To begin looking for a free one at.
    browser
        Open one.
    """
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={place}", f"--port={port}"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is nobody else
    sys.stdout.flush()
    if os.name == "nt":
        raise SystemExit(subprocess.call(command))
    os.execv(sys.executable, command)


def _packages() -> list[str]:
    lines, wrong = [], []
    for package, least in _PACKAGES.items():
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{package} is not installed")
            continue
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < least:
            wrong.append(f"{package} {version} is older than {'.'.join(map(str, least))}")
        lines.append(f"{package} {version}")
    if wrong:
        raise MissingDependencyError(
            f"Expected JupyterLab with widgets; {', '.join(wrong)}. Install it with: {_INSTALL}"
        )
    return [f"packages     {', '.join(lines)}"]


def _kernel() -> str:
    """Whether notebooks will run in this environment: a kernel "python3" elsewhere can stand in front of it."""
    told = subprocess.run([*KERNELS, "list", "--json"], capture_output=True, text=True, check=False).stdout
    found = json.loads(told or "{}").get("kernelspecs", {})
    if "python3" not in found:
        return f"kernel       none is named python3. {_MAKE_ONE}"
    argv = found["python3"]["spec"].get("argv") or [""]
    interpreter = shutil.which(argv[0]) or argv[0]
    # The kernel that ipykernel brings names no folder: jupyter_client puts this interpreter in its place.
    if argv[0] in ("python", "python3") or Path(interpreter).absolute() == Path(sys.executable).absolute():
        return f"kernel       Python 3, {sys.executable}"
    return f"kernel       Python 3 is another environment ({interpreter}). {_MAKE_ONE}"


def _data() -> str:
    from genviz.datasets import list as known

    here = [one.name for one in known() if one.n_here]
    if here:
        return f"data         {', '.join(here)}"
    told = "GENVIZ_DATA is not set" if settings.data_dir is None else f"none in {settings.data_dir}"
    return f"data         none here ({told}); notebooks download what they need, or use synthetic tissue"


def _accelerator() -> str:
    from genviz.train.device import accelerator_status

    return f"computes on  {accelerator_status()}"
