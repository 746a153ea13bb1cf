"""The pages name what is public, and nothing else."""

from __future__ import annotations

import importlib
import inspect
import re
import runpy

import pytest

from tests.house.sources import ROOT
from tests.house.test_imports import NAMES

ROOMS = {"genviz.datasets", "genviz.io", "genviz.metrics", "genviz.models", "genviz.pl", "genviz.pp",
         "genviz.tl", "genviz.widgets", "genviz.napari"}  # fmt: skip


def documented() -> set[str]:
    """Dotted names on the page of Python names."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return set(re.findall(r"auto(?:function|class):: (genviz\.\S+)", text))


def test_every_public_function_is_on_the_page():
    public = {
        f"{package}.{name}"
        for package, name in NAMES
        if package in ROOMS and not inspect.ismodule(getattr(importlib.import_module(package), name))
    }
    assert public <= documented()


def test_every_name_on_the_page_exists():
    for name in documented():
        package, _, last = name.rpartition(".")
        assert callable(getattr(importlib.import_module(package), last)), name


def test_every_room_is_in_the_table_of_floors():
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "genviz").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}/`" not in text} == set()


@pytest.mark.parametrize("equation", [r"\foo{x}", r"\frac{a}", r"\left( x", " "])
def test_an_equation_that_cannot_be_drawn_ends_the_build_and_names_its_page(equation):
    pytest.importorskip("ziamath")
    errors = pytest.importorskip("sphinx.errors")
    drawn = runpy.run_path(str(ROOT / "docs" / "conf.py"))["drawn"]
    assert drawn(r"\frac{a}{b}", "page", inline=True).startswith("<svg")
    with pytest.raises(errors.ExtensionError, match="models/genar"):
        drawn(equation, "models/genar", inline=True)
