"""Nothing in the repository speaks of the place where it was written."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.house.sources import ROOT

# In two parts, so that this file does not contain them.
WORDS = ["/wo" + "rk/", "helper " + "agent"]


def committed() -> list[str]:
    """Files that git keeps, or would keep."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_no_word_of_the_workshop():
    found = []
    for name in committed():
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            found += [f"{name}: {word}" for word in WORDS if word.encode() in content]
    assert not found
