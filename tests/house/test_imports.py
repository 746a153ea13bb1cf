"""`import genviz` is instant and light, and every public name is there."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys

import pytest

import genviz
from tests.house.sources import PACKAGE

LIMIT_S = 0.3

ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py") if path.parent.name != "cli")
NAMES = [
    (package, name)
    for package in ("genviz", *(f"genviz.{room}" for room in ROOMS))
    for name in getattr(importlib.import_module(package), "__all__", ())
]

MEASURE = """
import json, sys, time
before = set(sys.modules)
start = time.perf_counter()
import genviz
print(json.dumps({"seconds": time.perf_counter() - start, "modules": sorted(set(sys.modules) - before)}))
"""


def measured(code: str = MEASURE) -> dict:
    """What a fresh interpreter says."""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def test_import_is_instant():
    # The best of several: the machine may be busy, the import cannot be faster than it is.
    assert min(measured()["seconds"] for _ in range(5)) < LIMIT_S


def test_import_loads_no_third_party_package():
    loaded = {name.partition(".")[0] for name in measured()["modules"]}
    assert not loaded - set(sys.stdlib_module_names) - {"genviz"}


def test_help_loads_no_heavy_package():
    code = "import json, sys\nimport genviz.cli\nprint(json.dumps(sorted(sys.modules)))"
    heavy = {"anndata", "lightning", "numpy", "pandas", "plotly", "torch", "zarr"}
    assert not heavy & set(measured(code))


@pytest.mark.parametrize(("package", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_public_names_resolve(package, name):
    module = importlib.import_module(package)
    value = getattr(module, name)
    assert name in dir(module)
    if inspect.ismodule(value):
        assert value.__name__ == f"{package}.{name}"


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        genviz.nonsense  # noqa: B018


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_shadows_a_public_name(room):
    """Importing ``genviz.io.tiles`` would set ``tiles`` in ``genviz.io`` and hide the function."""
    package = importlib.import_module(f"genviz.{room}")
    files = {path.stem for path in (PACKAGE / room).glob("*.py")} | {
        path.name for path in (PACKAGE / room).iterdir()
    }
    shadowed = {
        name
        for name in set(getattr(package, "__all__", ())) & files
        if not inspect.ismodule(getattr(package, name))
    }
    assert not shadowed
