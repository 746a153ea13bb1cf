"""The front end's code: plain ES files, put one after the other; no bundler, nothing fetched."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
SHARED_SCRIPTS = ("dom", "bridge", "frame", "colours", "pictures")
SHARED_STYLES = ("base",)


@cache
def source_of(folder: str, name: str) -> str:
    """Text of one file of ``js`` or ``css``."""
    return (_HERE / folder / f"{name}.{folder}").read_text(encoding="utf-8")


def script(*names: str) -> str:
    """One ES module: the shared files, then those named; the last one exports ``{ render }``."""
    return "\n".join(source_of("js", name) for name in (*SHARED_SCRIPTS, *names))


def style(*names: str) -> str:
    """One style sheet: the shared rules, then those named."""
    return "\n".join(source_of("css", name) for name in (*SHARED_STYLES, *names))
