"""Everything public says what it is for; public functions say what they take."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator

import pytest

import genviz
from tests.house.test_imports import NAMES

RECEIVER = {"self", "cls"}
SECTION = re.compile(r"(?m)^ *Parameters\n *-{10}\n")


def members(package: str, name: str) -> Iterator[tuple[str, object]]:
    """The thing of that name and, when it is a class, its public methods, those of genviz's classes above it too."""
    value = getattr(importlib.import_module(package), name)
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return
    yield name, value
    found: dict[str, object] = {}
    for owner in reversed(value.__mro__) if inspect.isclass(value) else ():
        found |= vars(owner) if owner.__module__.startswith("genviz.") else {}
    for method, raw in found.items():
        function = getattr(raw, "__func__", raw)
        if not method.startswith("_") and inspect.isfunction(function):
            yield f"{name}.{method}", function


@pytest.mark.parametrize(("package", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_public_things_are_described(package, name):
    for label, value in members(package, name):
        text = inspect.getdoc(value) or ""
        first = text.partition("\n")[0]
        assert first.endswith("."), f"{label}: the first line is a sentence; got {first!r}"
        if not inspect.isfunction(value):
            continue
        taken = [p for p in inspect.signature(value).parameters if p not in RECEIVER]
        assert not taken or SECTION.search(text), f"{label} has no Parameters section"
        missing = [p for p in taken if not re.search(rf"(?m)^ *[\w, *]*\b{p}\b[\w, ]*( :.*)?$", text)]
        assert not missing, f"{label} does not describe {missing}"


def test_there_is_something_to_look_at():
    assert ("genviz.io", "read_st") in NAMES
    assert dict(members("genviz.io", "read_st"))
    assert genviz.__doc__
