"""A kernel spec of this environment, so that any Jupyter of this user can run notebooks in it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from genviz._errors import MissingDependencyError, UsageError
from genviz.cli.lab_start import KERNELS

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PASSED_ON = ("GENVIZ_DATA", "GENVIZ_CACHE", "CUDA_VISIBLE_DEVICES")


def kernel_spec(display_name: str | None = None) -> dict[str, Any]:
    """What ``kernel.json`` says: this interpreter, and what CUDA and the data need of the environment.

    Parameters
    ----------
    display_name
        In the launcher; default tells the accelerator.
    """
    import torch

    cuda = torch.cuda.is_available()
    environment = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    where = "CPU"
    if cuda:
        where = f"CUDA: {_short(torch.cuda.get_device_name(0))}"
        # Models of all stages share one card in a notebook: memory that grows in pieces does not split up.
        environment["PYTORCH_CUDA_ALLOC_CONF"] = os.environ.get(
            "PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"
        )
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": display_name or f"genviz ({where})",
        "language": "python",
        "env": environment,
        "metadata": {"debugger": True},
    }


def install(*, name: str | None, display_name: str | None, prefix: Path | None) -> str:
    """Write the kernel spec, in place of an older one of its name.

    Parameters
    ----------
    name
        Of its folder; default ``genviz``.
    display_name
        See `kernel_spec`.
    prefix
        Environment whose Jupyter shall see it (``<prefix>/share/jupyter/kernels``); None: this user's.

    Returns
    -------
    A sentence for the user.

    Raises
    ------
    UsageError
        For a name that no folder can have, or a place that cannot be written to.
    MissingDependencyError
        Without ipykernel.
    """
    if importlib.util.find_spec("ipykernel") is None:
        raise MissingDependencyError(
            "ipykernel is needed to run notebooks in this environment and is not installed. Install it with: "
            "pip install 'genviz[notebook]'"
        )
    name = "genviz" if name is None else name
    if not _NAME.fullmatch(name):
        raise UsageError(f"Expected a name of letters, digits and . _ -; got {name!r}.")
    spec = kernel_spec(display_name)
    where = ["--user"] if prefix is None else ["--prefix", str(prefix.expanduser().resolve())]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "kernel.json").write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
        ended = subprocess.run(
            [*KERNELS, "install", folder, "--name", name, "--replace", *where],
            capture_output=True,
            text=True,
            check=False,
        )
    if ended.returncode:
        said = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(
            f"Expected to write a kernel for Jupyter; {said}. Give a folder of yours with --prefix."
        )
    told = re.search(r"Installed kernelspec \S+ in (.+)", ended.stderr)
    place = told[1].strip() if told else name
    return f"Kernel {spec['display_name']!r} installed: {place}\nIn JupyterLab choose it by Kernel, Change Kernel."


def _short(device: str) -> str:
    """A card's name as people say it: ``NVIDIA H100 80GB HBM3`` is H100."""
    words = [word for word in device.split() if word.upper() not in ("NVIDIA", "GEFORCE", "TESLA", "QUADRO")]
    kept = [word for word in words if not re.fullmatch(r"\d+GB|HBM\w*|SXM\w*|PCIE", word.upper())]
    return " ".join(kept) or device
