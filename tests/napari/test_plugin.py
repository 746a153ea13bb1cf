"""The plugin: which files it takes, what it makes of them, and that the manifest holds."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import genviz.napari
from genviz.io import write_h5ad
from genviz.napari.plugin import get_reader
from tests.controllers.slide_cases import section
from tests.napari.test_layers import tiles


@pytest.fixture
def h5ad(tmp_path):
    return str(write_h5ad(section(), tmp_path / "section.h5ad"))


@pytest.fixture
def zarr(tmp_path):
    path = tmp_path / "section.zarr"
    section().write_zarr(path)
    return str(path)


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_reads_a_section(kind, request):
    path = request.getfixturevalue(kind)
    read = get_reader(path)
    assert read is not None
    layers = read(path)
    assert [name for _, _, name in layers] == ["image", "points"]
    session = layers[1][1]["metadata"]["genviz"]
    assert session.path == Path(path) and len(layers[1][0]) == 64 and not session.unsaved


def test_reads_an_image_set(tmp_path):
    path = str(write_h5ad(tiles(), tmp_path / "tiles.h5ad"))
    assert [kind for _, _, kind in get_reader(path)(path)] == ["image", "labels"]


def test_takes_several_only_if_all_are_ours(h5ad, tmp_path):
    other = str(write_h5ad(section(library="S2"), tmp_path / "other.h5ad"))
    layers = get_reader([h5ad, other])([h5ad, other])
    assert len(layers) == 4
    assert get_reader([h5ad, str(tmp_path / "nothing.h5ad")]) is None


def test_finds_the_key_of_the_prediction(tmp_path):
    adata = section(key="mine")
    adata.uns["genviz"] = {"mine": "{}"}
    path = str(write_h5ad(adata, tmp_path / "mine.h5ad"))
    assert get_reader(path)(path)[1][1]["metadata"]["genviz"].controller.key == "mine"


def test_leaves_other_files_to_others(tmp_path, h5ad):
    cells = AnnData(
        np.ones((3, 2), np.float32), obs=pd.DataFrame(index=list("abc")), var=pd.DataFrame(index=list("xy"))
    )
    cells.write_h5ad(tmp_path / "cells.h5ad")
    cells.write_zarr(tmp_path / "cells.zarr")
    (tmp_path / "text.h5ad").write_text("no file of this kind")
    (tmp_path / "cut.h5ad").write_bytes(Path(h5ad).read_bytes()[:2000])
    (tmp_path / "folder.zarr").mkdir()
    (tmp_path / "image.tif").write_bytes(b"II*\0")
    for name in [
        "cells.h5ad",
        "cells.zarr",
        "text.h5ad",
        "cut.h5ad",
        "folder.zarr",
        "image.tif",
        "nothing.h5ad",
    ]:
        assert get_reader(str(tmp_path / name)) is None, name
    assert get_reader([]) is None


def test_the_manifest_holds():
    npe2 = pytest.importorskip("npe2", reason="comes with napari: pip install 'genviz[napari]'")
    manifest = npe2.PluginManifest.from_file(Path(genviz.napari.__file__).with_name("napari.yaml"))
    manifest.validate_imports()
    assert manifest.name == "genviz"
    (reader,) = manifest.contributions.readers
    assert reader.accepts_directories and set(reader.filename_patterns) == {"*.h5ad", "*.zarr"}


def test_what_anndata_writes_is_read_back(zarr):
    assert anndata.read_zarr(zarr).shape == (64, 4)
