"""The guard lets torchvision be imported beside a CPU build of torch, and stays out of the way elsewhere."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
import torch


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
def test_torchvision_and_lightning_import_after_the_guard():
    ended = run(
        "from genviz._torchvision import guard_torchvision as g; g(); g()\n"
        "import torchvision, lightning.pytorch; g(); print(torchvision.__version__)"
    )
    assert ended.returncode == 0, ended.stderr[-800:]


@pytest.mark.skipif(torch.version.cuda is not None, reason="a CUDA build needs no guard")
def test_it_declares_nothing_on_a_cuda_build():
    ended = run(
        "import torch; torch.version.cuda = '12.8'\n"
        "from genviz._torchvision import guard_torchvision, _libraries; guard_torchvision(); assert not _libraries"
    )
    assert ended.returncode == 0, ended.stderr[-800:]
