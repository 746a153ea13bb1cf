"""The command line in a process of its own, to be signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


def start(*words: object, **environment: str) -> subprocess.Popen[str]:
    """Start `genviz` with words."""
    options: dict[str, Any] = {}
    if os.name != "nt":
        # Tests that run in the background of a shell inherit a Ctrl-C that is ignored.
        options["preexec_fn"] = _heed_interrupts
    return subprocess.Popen(
        [sys.executable, "-m", "genviz", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        **options,
    )


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def signal_when(process: subprocess.Popen[str], ready: Callable[[], bool], signum: int) -> tuple[int, str]:
    """Send a signal as soon as something is so; the exit code and standard error."""
    deadline = time.monotonic() + 120
    while not ready():
        if process.poll() is not None:
            raise AssertionError(f"it ended too early: {process.communicate()}")
        assert time.monotonic() < deadline, "what was waited for never came"
        time.sleep(0.02)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    return process.returncode, err
