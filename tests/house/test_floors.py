"""A module imports only from a lower floor; a room only the third-party packages that it exists for."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.house.sources import ROOT, imports, modules, pyproject, room, where

# Room -> third-party packages it may import. A new entry is a decision: say why in docs/decisions.md.
ROOMS = {
    "__init__": set(),
    "__main__": set(),
    "_errors": set(),
    "_keys": set(),
    "_lazy": set(),
    "_settings": set(),
    "_torchvision": {"torch"},
    "core": {"numpy", "scipy"},
    "nn": {"torch"},
    "io": {
        "PIL", "anndata", "dask", "filelock", "h5py", "numpy", "openslide", "pandas", "pooch", "requests",
        "safetensors", "scipy", "spatialdata", "tifffile", "torch", "tqdm", "zarr",
    },
    "features": {
        "PIL", "conch", "huggingface_hub", "numpy", "safetensors", "scipy", "skimage", "timm", "torch"
    },
    "train": {"lightning", "numpy", "torch", "tqdm"},
    "pp": {"PIL", "anndata", "numpy", "pandas", "safetensors", "scipy", "tqdm"},
    "models": {"anndata", "distributed", "lpips", "numpy", "pandas", "scipy", "sklearn", "torch", "tqdm"},
    "metrics": {"anndata", "monai", "numpy", "scipy", "torch", "torch_fidelity", "tqdm"},
    "datasets": {"anndata", "filelock", "numpy", "pandas", "scipy", "tifffile", "tqdm"},
    "tl": {"anndata", "numpy", "openTSNE", "pandas", "scipy", "sklearn", "umap"},
    "pl": {"PIL", "numpy", "plotly"},
    "controllers": {"anndata", "numpy", "pandas", "scipy"},
    "widgets": {"PIL", "anywidget", "ipywidgets", "numpy", "traitlets"},
    "napari": {"anndata", "dask", "h5py", "napari", "numpy", "qtpy", "zarr"},
    "recipes": {"anndata", "distributed", "filelock", "numpy", "tifffile", "torch", "tqdm"},
    "cli": {"torch", "typer"},
}  # fmt: skip

# Here third-party packages may be imported inside functions only (typer is what cli/ is made of).
LATE_ROOMS = {"_torchvision", "cli"}

# What a front end is made of; its room is only entered through `_lazy.require`.
SHOWN_BY = {"widgets": {"anywidget", "traitlets"}, "napari": {"napari", "qtpy"}}

MODULE_OF = {
    "huggingface-hub": "huggingface_hub", "openslide-python": "openslide", "opentsne": "openTSNE",
    "pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn", "umap-learn": "umap",
    "openslide-bin": "openslide_bin", "spatialdata-io": "spatialdata_io", "torch-fidelity": "torch_fidelity",
}  # fmt: skip

NOT_ON_PYPI = {"conch"}  # installed by hand from its authors; asked for by name with a clear message


def third_party():
    """Every import of a third-party package: file, package, node, inside a function or not."""
    for path in modules():
        for name, node, inside in imports(path):
            package = name.partition(".")[0]
            if package != "genviz" and package not in sys.stdlib_module_names:
                yield path, package, node, inside


def declared(requirements: list[str]) -> set[str]:
    """Import names of what a list of requirements brings."""
    found = set()
    for requirement in requirements:
        name, extras = re.fullmatch(r"([\w.-]+)(\[[\w,]+\])?.*", requirement).groups()
        found.add(MODULE_OF.get(name.lower(), name))
        found |= set((extras or "").strip("[]").split(",")) & {"distributed"}
    return found


def test_floors():
    """The contracts of pyproject.toml, [tool.importlinter]."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-1000:]
    assert "0 broken" in ended.stdout


def test_every_room_is_in_the_table():
    assert {room(path) for path in modules()} == set(ROOMS)


def test_rooms_import_what_they_exist_for():
    found = [
        f"{where(p, node)} imports {name}" for p, name, node, _ in third_party() if name not in ROOMS[room(p)]
    ]
    assert not found, "\n".join(found)


def test_light_rooms_import_late():
    found = [
        f"{where(path, node)} imports {name}"
        for path, name, node, inside in third_party()
        if room(path) in LATE_ROOMS and not inside and name != "typer"
    ]
    assert not found, "\n".join(found)


def test_optional_packages_are_imported_late():
    project = pyproject()["project"]
    core = declared(project["dependencies"])
    optional = {
        name for extra in project["optional-dependencies"].values() for name in declared(extra)
    } - core
    found = [
        f"{where(p, node)} imports {name}"
        for p, name, node, inside in third_party()
        if name in optional and not inside and name not in SHOWN_BY.get(room(p), set())
    ]
    assert not found, "\n".join(found)


def test_everything_imported_is_declared():
    project = pyproject()["project"]
    known = declared(project["dependencies"]).union(*map(declared, project["optional-dependencies"].values()))
    assert {name for _, name, _, _ in third_party()} <= known | NOT_ON_PYPI


@pytest.mark.parametrize("source", ["import torch", "from torch import nn"])
def test_the_reader_of_imports_sees(source, tmp_path):
    """The table is only as good as what reads the files."""
    path = tmp_path / "module.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n"
        f"def late():\n    {source}\n    return require('timm', extra='encoders')\n"
    )
    assert [(name, inside) for name, _, inside in imports(path)] == [
        ("typing", False), ("torch", True), ("timm", True)
    ]  # fmt: skip
