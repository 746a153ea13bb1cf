"""Locks held by another process, which ends as killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sys
from genviz.io.files.locks import training_in
with training_in(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def training_elsewhere(folder: Path) -> Iterator[None]:
    """A process that trains in a folder until the block ends, which kills it."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()
