"""`genviz doctor`: what works here, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass

import typer

from genviz._settings import settings
from genviz.cli.options import Json, Quiet, Verbose, say, speak

_CORE = ("anndata", "torch", "lightning", "dask", "zarr", "tifffile", "plotly", "numpy")
_NEEDED_GB = 5
_OF_EXTRA = re.compile(r"""(?P<package>[\w.-]+)[^;]*;.*\bextra == ['"](?P<extra>[\w-]+)['"]""")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: PASS, WARN or FAIL, what was seen, what to do."""

    level: str
    what: str
    seen: str
    fix: str = ""


def doctor(*, as_json: Json = False, verbose: Verbose = False, quiet: Quiet = False) -> None:
    """Check versions, accelerator, data, cache and optional packages; every problem comes with its fix."""
    speak(verbose=verbose, quiet=quiet)
    findings = [*_versions(), _accelerator(), *_folders(), *_extras()]
    lines = [
        f"{f.level:<5} {f.what:<22} {f.seen}" + (f"\n      → {f.fix}" if f.fix else "") for f in findings
    ]
    say({"findings": [asdict(f) for f in findings]}, "\n".join(lines), as_json=as_json)
    if any(f.level == "FAIL" for f in findings):
        raise typer.Exit(1)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions() -> list[Finding]:
    seen = (
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, {settings.n_workers} cores"
    )
    level = "PASS" if sys.version_info >= (3, 11) else "FAIL"
    findings = [Finding(level, "python", seen, "" if level == "PASS" else "Install Python 3.11 or later.")]
    for package in _CORE:
        version = _version(package)
        if version is None:
            findings.append(Finding("FAIL", package, "not installed", "pip install genviz"))
        else:
            findings.append(Finding("PASS", package, version))
    return findings


def _accelerator() -> Finding:
    try:
        import torch
    except ImportError as err:
        return Finding(
            "FAIL", "accelerator", f"torch cannot be imported: {err}", "pip install --force-reinstall torch"
        )
    if torch.cuda.is_available():
        return Finding("PASS", "accelerator", f"CUDA: {torch.cuda.get_device_name(0)}")
    if torch.backends.mps.is_available():
        return Finding("WARN", "accelerator", "mps", "genviz is untested on mps; --device cpu is safe.")
    return Finding("PASS", "accelerator", "none; the CPU is enough for the nano and mini presets")


def _folders() -> list[Finding]:
    findings = []
    data = settings.data_dir
    if data is None:
        findings.append(
            Finding("WARN", "GENVIZ_DATA", "not set", "Set it to a folder with data sets to work offline.")
        )
    elif not data.is_dir():
        findings.append(
            Finding("FAIL", "GENVIZ_DATA", f"{data} is no folder", "Correct or unset GENVIZ_DATA.")
        )
    else:
        findings.append(Finding("PASS", "GENVIZ_DATA", str(data)))
    cache = settings.cache_dir
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        findings.append(
            Finding(
                "FAIL", "cache", f"{cache} is not writable", "Set GENVIZ_CACHE to a folder you may write to."
            )
        )
    else:
        free = shutil.disk_usage(existing).free / 1e9
        level = "PASS" if free > _NEEDED_GB else "WARN"
        fix = "" if level == "PASS" else f"Free {_NEEDED_GB} GB, or set GENVIZ_CACHE to another disk."
        findings.append(Finding(level, "cache", f"{cache} ({free:.0f} GB free)", fix))
    return findings


def packages_of_extras() -> dict[str, list[str]]:
    """Give the packages of each extra, as genviz's own metadata name them; without ``all``, which repeats them."""
    try:
        told = importlib.metadata.requires("genviz") or []
    except importlib.metadata.PackageNotFoundError:  # a source tree that was never installed
        return {}
    packages: dict[str, list[str]] = {}
    for found in filter(None, map(_OF_EXTRA.match, told)):
        packages.setdefault(found["extra"], []).append(found["package"])
    packages.pop("all", None)
    return packages


def _extras() -> list[Finding]:
    findings = []
    extras = packages_of_extras()
    if not extras:
        return [
            Finding("WARN", "extras", "genviz is not installed, so its extras are unknown", "pip install .")
        ]
    for extra, packages in extras.items():
        missing = [package for package in packages if _version(package) is None]
        if missing:
            findings.append(
                Finding(
                    "WARN", f"[{extra}]", f"missing {', '.join(missing)}", f"pip install 'genviz[{extra}]'"
                )
            )
        else:
            findings.append(Finding("PASS", f"[{extra}]", ", ".join(f"{p} {_version(p)}" for p in packages)))
    return findings
