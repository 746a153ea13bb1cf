"""`genviz doctor` looks at every package that an extra brings."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from genviz.cli.doctor import packages_of_extras
from tests.house.sources import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def plain(requirement: str) -> str:
    """Name of a package as indexes write it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()


@pytest.fixture
def metadata(tmp_path, monkeypatch):
    """The metadata that an installed wheel of this tree has."""
    build = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PIP_BUILD_TRACKER", raising=False)
    info = tmp_path / build.prepare_metadata_for_build_wheel(str(tmp_path))
    found = importlib.metadata.PathDistribution(Path(info))
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: found.requires)
    return found


def test_every_package_of_every_extra_is_looked_at(metadata):
    looked_at = {extra: {plain(name) for name in names} for extra, names in packages_of_extras().items()}
    assert looked_at == {
        extra: {plain(requirement) for requirement in requirements}
        for extra, requirements in EXTRAS.items()
        if extra != "all"
    }


def test_what_is_missing_of_an_extra_is_named(metadata, run, monkeypatch):
    version = importlib.metadata.version
    gone = plain(EXTRAS["notebook"][-1])

    def without(package):
        if plain(package) == gone:
            raise importlib.metadata.PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(importlib.metadata, "version", without)
    lines = run("doctor").out.splitlines()
    (k,) = (k for k, line in enumerate(lines) if "[notebook]" in line and not line.startswith(" "))
    assert lines[k].startswith("WARN") and gone in lines[k]
    assert "pip install 'genviz[notebook]'" in lines[k + 1]


def test_a_source_tree_that_was_never_installed(run, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert "its extras are unknown" in run("doctor").out
