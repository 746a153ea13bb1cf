"""Locks held by another process, which ends as killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sys
from genviz.io.files.atomic import atomic_dir
from genviz.io.files.locks import training_in
hold = {"training_in": training_in, "atomic_dir": atomic_dir}[sys.argv[1]]
with hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _elsewhere(how: str, folder: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, how, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()


def training_elsewhere(folder: Path):
    """A process that trains in a folder until the block ends."""
    return _elsewhere("training_in", folder)


def written_elsewhere(folder: Path):
    """A process that writes a folder until the block ends."""
    return _elsewhere("atomic_dir", folder)
