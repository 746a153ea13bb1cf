"""napari in a shown window: pixels, colours in place, regions drawn with the mouse, the plugin."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.io import write_h5ad
from genviz.napari.session import RING
from tests.controllers.slide_cases import NASTY, section
from tests.napari.desktop_cases import SIZE, canvas_place, dock_of, drag, pixels, spot_pixel
from tests.napari.test_layers import tiles

pytestmark = pytest.mark.desktop


def test_a_spot_changes_colour_in_place(opened):
    viewer = opened(section(), gene="left")
    layers, spots = list(viewer.layers), viewer.layers["spots"]
    pixels(viewer)
    session = spots.metadata["genviz"]
    session.set(panel="measured")
    before = spot_pixel(viewer, 0)  # 8 counts: bright
    session.set(gene="none")
    after = spot_pixel(viewer, 0)
    assert np.abs(before - after).max() > 40
    session.set(gene="left", panel="error")
    assert np.abs(spot_pixel(viewer, 0) - after).max() > 40
    assert list(viewer.layers) == layers and [layer.name for layer in layers] == ["tissue", "spots"]
    assert viewer.canvas.overlays.scale_bar.visible
    assert viewer.canvas.overlays.text.text == "left · error, log2 units · section S1"


def test_spots_have_their_true_size_on_the_tissue(opened):
    viewer = opened(section(), gene="left")
    spots = viewer.layers["spots"]
    extent = viewer.layers["tissue"].extent.world[:, :2]
    assert np.allclose(spots.data_to_world(spots.data[9]), (200.0, 200.0))  # 400 px of 0.5 um
    assert np.allclose(extent[1], 900.0, atol=2.1) and spots.size[0] * spots.scale[0] == 50.0
    viewer.layers["tissue"].visible = False
    viewer.camera.center, viewer.camera.zoom = (0, 200.0, 200.0), 4.0
    row = pixels(viewer)[SIZE[0] // 2].astype(int)
    coloured = np.flatnonzero((row < 235).any(axis=1))
    middle = coloured[np.abs(coloured - SIZE[1] // 2) < 150]
    assert abs((middle.max() - middle.min() + 1) - 50 * 4) <= 12


def test_hover_says_what_is_there(opened, wait):
    viewer = opened(section(), gene="left")
    spots, dock = viewer.layers["spots"], dock_of(viewer)
    at = spots.data_to_world(spots.data[9])
    tip = spots._get_tooltip_text(at, world=True)
    assert "spot: 1x1" in tip and "measured: 3" in tip and "interval from" in tip
    from qtpy.QtTest import QTest

    QTest.mouseMove(viewer.window._qt_viewer.canvas.native, canvas_place(viewer, at))
    wait(0.3)
    assert "spot: 1x1" in dock.spot.text() and "measured: 3.00   (7 counts)" in dock.spot.text()
    dock.show_spot(None)
    assert "Rest on a spot" in dock.spot.text()


def test_the_dock_finds_genes_panels_and_threshold(opened):
    viewer = opened(section(), gene="flat")
    dock, session = dock_of(viewer), viewer.layers["spots"].metadata["genviz"]
    colours = dock.colours
    colours.gene.setText("LEFT")
    colours.gene.returnPressed.emit()
    assert session.gene == "left"
    colours.gene.setText("nonsense")
    colours.gene.returnPressed.emit()
    assert (
        "Expected one of 4 genes" in dock.alert.text() and dock.alert.isVisible() and session.gene == "left"
    )
    colours.panels["uncertainty"].click()
    assert session.panel == "uncertainty" and colours.bar.unit == "log2 units" and not dock.alert.text()
    colours.panels["measured"].click()
    colours.below.setCurrentText("hide")
    colours.below.activated.emit(1)
    colours.threshold.setValue(150)
    shown = viewer.layers["spots"].shown
    assert 0 < shown.sum() < 64 and f"{shown.sum()} of 64" in colours.reached.text()
    dock.opacity["Spots"].setValue(40)
    assert viewer.layers["spots"].opacity == 0.4


def test_gene_names_are_text(opened):
    viewer = opened(section(), gene=NASTY)
    dock = dock_of(viewer)
    dock.show_spot(0)
    assert NASTY in dock.spot.text() and dock.spot.textFormat().name == "PlainText"
    pixels(viewer)


def test_a_lasso_writes_a_region_at_once_and_closing_loses_nothing(opened, wait):
    adata = section()
    viewer = opened(adata, gene="left")
    dock, spots = dock_of(viewer), viewer.layers["spots"]
    viewer.reset_view()
    dock.regions.name.setEditText("tumour")
    dock.regions.lasso.click()
    assert viewer.layers.selection.active.name == "draw a region"
    inside = [np.array(spots.data_to_world(spots.data[i])) for i in (0, 2, 18, 16)]  # 3 x 3 at the corner
    corners = [inside[0] + (-40, -40), inside[1] + (-40, 40), inside[2] + (40, 40), inside[3] + (40, -40)]
    drag(viewer, [a + (b - a) * t for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
                  for t in np.linspace(0, 1, 8, endpoint=False)], wait)  # fmt: skip
    assert (adata.obs["region"] == "tumour").to_numpy().nonzero()[0].tolist() == [
        0,
        1,
        2,
        8,
        9,
        10,
        16,
        17,
        18,
    ]
    assert not len(viewer.layers["draw a region"].data)
    assert spots.border_width[0] == RING and spots.border_width[5] == 0
    assert dock.regions.list.item(0).text().startswith("tumour   9 spots")
    dock.regions.undo.click()
    assert "region" not in adata.obs and spots.border_width[0] == 0
    dock.regions.redo.click()
    viewer.window._qt_window.close()
    wait(0.3)
    assert (adata.obs["region"] == "tumour").sum() == 9


def test_the_layers_own_selection_goes_into_and_out_of_a_region(opened, wait):
    adata = section()
    viewer = opened(adata, gene="left")
    dock, spots = dock_of(viewer), viewer.layers["spots"]
    viewer.reset_view()
    dock.regions.put.click()
    assert "No spots are selected" in dock.alert.text()
    dock.regions.pick.click()
    assert spots.mode == "select"
    first, last = (np.array(spots.data_to_world(spots.data[i])) for i in (0, 9))
    drag(viewer, [first - 40, (first + last) / 2, last + 40], wait)
    assert set(spots.selected_data) == {0, 1, 8, 9}
    dock.regions.put.click()
    assert (adata.obs["region"] == "region 1").sum() == 4 and not spots.selected_data
    spots.selected_data = {9, 20}
    dock.regions.mode.setCurrentIndex(2)
    dock.regions.put.click()
    assert (adata.obs["region"] == "region 1").to_numpy().nonzero()[0].tolist() == [0, 1, 8]
    dock.regions.name.setEditText("gland")
    dock.regions.rename.click()
    assert list(adata.obs["region"].cat.categories) == ["gland"]
    dock.regions.list.setCurrentRow(0)
    dock.regions.delete.click()
    assert adata.obs["region"].isna().all()


def test_spots_cannot_be_moved_or_deleted(opened, wait):
    viewer = opened(section(), gene="left")
    spots, dock = viewer.layers["spots"], dock_of(viewer)
    before, colours = spots.data.copy(), spots.face_color.copy()
    spots.selected_data = {0, 1}
    spots.remove_selected()
    spots.add([[0.0, 0.0]])
    assert np.array_equal(spots.data, before) and np.allclose(spots.face_color, colours)
    assert "Spots are data" in dock.alert.text() and len(spots.features) == 64
    viewer.reset_view()
    dock.regions.pick.click()
    place = np.array(spots.data_to_world(before[9]))
    drag(viewer, [place, place + 30, place + 90], wait)
    assert np.array_equal(spots.data, before)


def test_sections_change_in_place(opened):
    from genviz.io.concat import concat_sections

    adata = concat_sections({"S1": section(), "S2": section(6, library="S2")})
    viewer = opened(adata, gene="left")
    layers, dock = list(viewer.layers), dock_of(viewer)
    dock.colours.section.setCurrentText("S2")
    spots = viewer.layers["spots"]
    assert list(viewer.layers) == layers and len(spots.data) == len(spots.features) == 36
    spots.selected_data = {0}
    dock.regions.put.click()
    assert (adata.obs["region"] == "region 1").to_numpy().nonzero()[0].tolist() == [64]
    dock.colours.section.setCurrentText("S1")
    assert len(spots.data) == 64 and not spots.border_width.any()
    pixels(viewer)


def test_masks_of_an_image_set_are_labels(opened, wait):
    adata = tiles()
    viewer = opened(adata)
    assert [layer.name for layer in viewer.layers] == ["tiles", "masks"]
    assert viewer.dims.nsteps[0] == 3 and "r0" in viewer.canvas.overlays.text.text
    before = pixels(viewer).astype(int)
    viewer.dims.set_point(0, 2)
    wait(0.2)
    assert "r2" in viewer.canvas.overlays.text.text and np.abs(pixels(viewer).astype(int) - before).max() > 40
    viewer.layers["masks"].fill((2, 0, 0), 5)
    assert adata.obsm["masks"][2, 0, 0] == 5


def test_the_plugin_opens_a_file_and_docks_its_controls(empty, wait, tmp_path, monkeypatch):
    from genviz.napari.waiting import Waiting

    path = write_h5ad(section(), tmp_path / "section.h5ad")
    viewer = empty()
    _, waiting = viewer.window.add_plugin_dock_widget("genviz", "Genes and regions")
    assert isinstance(waiting, Waiting) and waiting.dock is None and "Open a genviz" in waiting.label.text()
    viewer.open(str(path), plugin="genviz")
    wait(0.3)
    assert [layer.name for layer in viewer.layers] == ["tissue", "spots"] and waiting.dock is not None
    waiting.dock.session.set(gene="left", panel="measured")
    before = spot_pixel(viewer, 0)
    waiting.dock.session.set(gene="none")
    assert np.abs(spot_pixel(viewer, 0) - before).max() > 40
    viewer.layers["spots"].selected_data = {0}
    waiting.dock.regions.put.click()
    asked = []
    monkeypatch.setattr(waiting.dock, "may_close", lambda: asked.append(1))
    viewer.window._qt_window.close()
    assert asked and viewer.window._qt_window.isVisible()  # not closed without an answer
    monkeypatch.undo()
    waiting.dock.session.unsaved = False
    assert waiting.dock.may_close()
    viewer.layers.clear()
    wait(0.2)
    assert waiting.dock is None
