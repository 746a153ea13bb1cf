"""Looking at and touching a shown napari window."""

from __future__ import annotations

import numpy as np

SIZE = (600, 800)


def pixels(viewer) -> np.ndarray:
    """The canvas as uint8 (600, 800, 3); never a black one."""
    shot = viewer.screenshot(size=SIZE, flash=False)[..., :3]
    assert shot.shape[:2] == SIZE and shot.std() > 5, "the canvas is empty"
    return shot


def spot_pixel(viewer, i: int) -> np.ndarray:
    """Colour in the middle of a spot, with the camera on it."""
    spots = viewer.layers["spots"]
    viewer.camera.center = (0, *spots.data_to_world(spots.data[i]))
    viewer.camera.zoom = 4.0
    return pixels(viewer)[SIZE[0] // 2, SIZE[1] // 2].astype(int)


def dock_of(viewer):
    """The dock widget."""
    from genviz.napari.dock import Dock

    (dock,) = viewer.window._qt_window.findChildren(Dock)
    return dock


def canvas_place(viewer, yx):
    """Where a place of the world, in micrometres, lies on the canvas: a QPoint."""
    from qtpy.QtCore import QPoint

    canvas = viewer.window._qt_viewer.canvas
    height, width = canvas.size
    y, x = (np.asarray(yx) - np.asarray(viewer.camera.center)[1:]) * viewer.camera.zoom
    return QPoint(round(width / 2 + x), round(height / 2 + y))


def drag(viewer, places, wait) -> None:
    """Press, move through places of the world, release: real mouse events on the canvas."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    native = viewer.window._qt_viewer.canvas.native
    points = [canvas_place(viewer, place) for place in places]
    QTest.mouseMove(native, points[0])
    wait(0.05)
    QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        QTest.mouseMove(native, point)
        wait(0.03)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=points[-1])
    wait(0.2)
