"""Layers as plain tuples; shapes that spots lie in; displays that answer."""

from __future__ import annotations

import socket

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genviz._errors import MissingDependencyError, UsageError
from genviz.napari.display import require_display
from genviz.napari.lasso import inside, inside_any
from genviz.napari.section_layers import OURS, section_layers
from genviz.napari.session import Session
from genviz.napari.tile_layers import image_key, row_line, tile_layers
from tests.controllers.slide_cases import MPP, PITCH, section


def test_tissue_and_spots_lie_on_each_other_in_micrometres(monkeypatch):
    session = Session(section())
    pyramid = session.controller.pyramid
    reads = []
    whole = type(pyramid).region
    monkeypatch.setattr(type(pyramid), "region", lambda *a: reads.append(a[1:]) or whole(*a))
    (levels, tissue, kind), (yx, spots, other) = section_layers(session)
    assert (kind, other) == ("image", "points") and not reads  # lazy: nothing read
    assert levels[0].shape == (450, 450, 3) and tissue["multiscale"] and tissue["rgb"]
    assert tissue["scale"] == (2.0, 2.0) and tissue["translate"] == (
        1.0,
        1.0,
    )  # 4 px of 0.5 um; centre of the first
    assert np.allclose(yx[1], (PITCH, 2 * PITCH)) and spots["scale"] == (MPP, MPP)  # (row, column)
    assert spots["size"] * MPP == 50.0 and spots["units"] == ("um", "um")
    part = np.asarray(levels[0][10:20, 30:45])
    assert part.shape == (10, 15, 3) and len(reads) == 1
    assert tissue["metadata"][OURS] is spots["metadata"][OURS] is session


def test_without_image_there_are_spots_alone():
    kinds = [kind for _, _, kind in section_layers(Session(section(image=False)))]
    assert kinds == ["points"]


def tiles(n=3, *, key="tiles", mask="masks", dtype=np.int32):
    """Rows that are images."""
    adata = AnnData(obs=pd.DataFrame({"label": ["a"] * n}, index=[f"r{i}" for i in range(n)]))
    adata.obsm[key] = np.random.default_rng(0).integers(0, 255, (n, 16, 16, 3)).astype(np.uint8)
    if mask:
        masks = np.zeros((n, 16, 16), dtype)
        masks[:, 4:9, 4:9] = 1
        adata.obsm[mask] = masks
    return adata


def test_image_sets_have_masks_as_labels():
    adata = tiles()
    (image, options, kind), (labels, _, other) = tile_layers(adata, image_key(adata, "genar"))
    assert (kind, other) == ("image", "labels") and options["rgb"] and image.shape == (3, 16, 16, 3)
    labels[0, 0, 0] = 7  # painted in napari
    assert adata.obsm["masks"][0, 0, 0] == 7
    assert row_line(adata, 1) == "r1 · label a · 2 of 3"


def test_generated_tiles_and_their_masks():
    adata = tiles(key="pathar", mask="pathar_mask", dtype=bool)
    assert image_key(adata, "genar") == image_key(adata, "pathar") == "pathar"
    (_, _, _), (labels, _, _) = tile_layers(adata, "pathar")
    assert labels.dtype == np.int32 and adata.obsm["pathar_mask"] is labels
    assert [kind for _, _, kind in tile_layers(tiles(mask=""), "tiles")] == ["image"]


def test_a_section_with_tiles_is_a_section_unless_its_tiles_are_asked_for():
    adata = section()
    adata.obsm["genevar"] = np.zeros((64, 4, 4, 3), np.uint8)
    assert image_key(adata, "genar") is None and image_key(adata, "genevar") == "genevar"


def test_inside_of_shapes():
    yx = np.array([[1.0, 1], [5, 5], [1, 9], [9, 9]])
    square = np.array([[0.0, 0], [0, 2], [2, 2], [2, 0]])
    assert inside(yx, square).tolist() == [True, False, False, False]
    hook = np.array([[0.0, 0], [0, 10], [10, 10], [10, 8], [2, 8], [2, 2], [10, 2], [10, 0]])  # not convex
    assert inside(yx, hook).tolist() == [True, False, True, True]
    box = np.array([[0.0, 0], [0, 10], [10, 10], [10, 0]])
    assert inside_any(yx, [("ellipse", box)]).tolist() == [False, True, False, False]
    assert inside_any(yx, [("rectangle", square), ("polygon", hook)]).tolist() == [True, False, True, True]
    assert not inside(yx, square[:2]).any()


def test_no_display_names_the_way_out(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(UsageError, match=r"neither DISPLAY.*xvfb-run.*SlideView"):
        require_display()
    monkeypatch.setenv("DISPLAY", ":47113")
    with pytest.raises(UsageError, match=r"':47113' and nobody answers"):
        require_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with pytest.raises(UsageError, match="draws nothing"):
        require_display()


def test_a_display_that_answers_is_taken(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket(socket.AF_INET) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv("DISPLAY", f"127.0.0.1:{server.getsockname()[1] - 6000}")
        require_display()


def test_without_napari_the_extra_is_named(monkeypatch):
    import sys

    import genviz.napari

    monkeypatch.setitem(sys.modules, "napari", None)
    with pytest.raises(MissingDependencyError, match=r"genviz\[napari\]"):
        genviz.napari.view(section())
