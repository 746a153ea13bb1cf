"""environment.yml asks for what pyproject.toml asks for, under conda-forge's names."""

from __future__ import annotations

import re

from tests.house.sources import ROOT, pyproject

CONDA_NAMES = {
    "torch": "pytorch",
    "huggingface-hub": "huggingface_hub",
    "openslide-bin": "openslide",
}
# Extras of a requirement -> packages of their own on conda-forge (None: in the package itself).
CONDA_EXTRAS = {"array": None, "distributed": None, "pyside6": "pyside6"}
FROM_PIP = {"torch-fidelity"}


def split(requirement: str) -> tuple[str, list[str], str]:
    """Name, extras and version of a requirement."""
    name, extras, version = re.fullmatch(r"([\w.-]+)(?:\[([\w,]+)\])?(.*)", requirement).groups()
    return name.lower(), extras.split(",") if extras else [], version


def wanted() -> tuple[set[str], set[str]]:
    """Requirements of the core and of every extra, as conda and as pip would write them."""
    project = pyproject()["project"]
    lists = [project["dependencies"]] + [v for k, v in project["optional-dependencies"].items() if k != "all"]
    conda, pip = {f"python{project['requires-python']}", "pip"}, {"--editable ."}
    for requirement in (item for items in lists for item in items):
        name, extras, version = split(requirement)
        (pip if name in FROM_PIP else conda).add(CONDA_NAMES.get(name, name) + version)
        conda |= {CONDA_EXTRAS[extra] for extra in extras} - {None}
    return conda, pip


def written() -> tuple[set[str], set[str]]:
    """What environment.yml lists: conda's own, pip's."""
    lines = (
        (ROOT / "environment.yml").read_text(encoding="utf-8").partition("dependencies:\n")[2].splitlines()
    )
    items = {
        indent: {line.strip().removeprefix("- ") for line in lines if re.match(rf" {{{indent}}}- ", line)}
        for indent in (2, 6)
    }
    return items[2] - {"pip:"}, items[6]


def test_conda_and_pip_ask_for_the_same():
    assert written() == wanted()


def test_the_extra_all_is_all():
    extras = pyproject()["project"]["optional-dependencies"]
    assert extras["all"] == [f"genviz[{','.join(name for name in extras if name != 'all')}]"]
