"""A wheel, installed outside the checkout, carries all it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import genviz
from tests.house.sources import PACKAGE, ROOT

PROBE = """
import json
import genviz
from genviz.io.fetching import manifests
from genviz.models import zoo
print(json.dumps({
    "file": genviz.__file__,
    "version": genviz.__version__,
    "manifests": sorted(manifests.manifest_names()),
    "zoo": zoo.names(),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder into which a freshly built wheel was installed."""
    base = tmp_path_factory.mktemp("wheel")
    quiet = {"capture_output": True, "text": True, "check": False}
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(base), str(ROOT)]
    ended = subprocess.run(build, **quiet)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    (wheel,) = base.glob("*.whl")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(base / "site"),
    ]
    ended = subprocess.run([*pip, str(wheel)], **quiet)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return base / "site"


def run(site: Path, cwd: Path, *words: str) -> str:
    """Run Python with the installed package, from a folder that is not the checkout."""
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, *words]
    ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def test_package_finds_its_files(installed, tmp_path):
    found = json.loads(run(installed, tmp_path, "-c", PROBE))
    assert Path(found["file"]).is_relative_to(installed)
    assert found["version"] == genviz.__version__
    assert found["manifests"] == sorted(path.stem for path in (ROOT / "data_manifests").glob("*.toml"))
    assert found["zoo"] == sorted(path.parent.name for path in PACKAGE.glob("models/weights/*/config.json"))


def test_files_beside_the_code_are_carried(installed):
    """Templates, panels, weights, notebooks: everything that is not Python."""
    inside = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file()}
    inside = {path for path in inside if "__pycache__" not in path.parts}
    assert inside <= {path.relative_to(installed / "genviz") for path in (installed / "genviz").rglob("*")}
    for folder in ("data_manifests", "notebooks"):
        names = {path.name for path in (ROOT / folder).rglob("*.*") if "." not in path.parent.name[:1]}
        carried = {path.name for path in (installed / "genviz" / "_share" / folder).rglob("*.*")}
        assert {name for name in names if name.endswith((".toml", ".txt", ".ipynb"))} <= carried


@pytest.mark.parametrize("words", [("-m", "genviz"), ("-c", "from genviz.cli import main; main()")])
def test_command_line_answers(installed, tmp_path, words):
    assert "Usage: genviz" in run(installed, tmp_path, *words, "--help")
    assert run(installed, tmp_path, *words, "--version").strip() == genviz.__version__


def test_versions_agree(installed):
    (metadata,) = installed.glob("genviz-*.dist-info/METADATA")
    assert f"Version: {genviz.__version__}\n" in metadata.read_text(encoding="utf-8")
