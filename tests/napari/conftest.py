"""One Qt application for the session, and viewers that are shown, used and closed."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest


def _wait(seconds: float = 0.2) -> None:
    """Let Qt do what it has to do."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)


@pytest.fixture(scope="session")
def _application(tmp_path_factory):
    """napari's application, with settings that are nobody's."""
    napari = pytest.importorskip("napari", reason="needs napari: pip install 'genviz[napari]'")
    from napari.settings import get_settings

    get_settings(tmp_path_factory.mktemp("napari") / "settings.yaml")
    from napari._qt.qt_event_loop import get_qapp
    from npe2 import PluginManager, PluginManifest

    import genviz.napari

    manager = PluginManager.instance()
    manager.discover()
    if "genviz" not in manager:  # installed before it had a plugin
        manager.register(PluginManifest.from_file(Path(genviz.napari.__file__).with_name("napari.yaml")))
    return napari, get_qapp()


@pytest.fixture
def wait(_application):
    """wait(seconds): run Qt's events for that long."""
    return _wait


@pytest.fixture
def opened(_application):
    """opened(adata, **options): `genviz.napari.view` in a shown window of a fixed size; closed at the end."""
    import genviz.napari

    viewers = []

    def open_it(adata, **options):
        viewer = genviz.napari.view(adata, **options)
        viewers.append(viewer)
        viewer.window._qt_window.resize(1300, 900)
        _wait(0.6)
        return viewer

    yield open_it
    _close(viewers)


@pytest.fixture
def empty(_application):
    """empty(): a shown viewer with nothing in it."""
    napari, _ = _application
    viewers = []

    def open_it():
        viewers.append(napari.Viewer(show=True))
        _wait(0.4)
        return viewers[-1]

    yield open_it
    _close(viewers)


def _close(viewers) -> None:
    for viewer in viewers:
        window = getattr(viewer.window, "_qt_window", None)
        if window is not None:
            # A window that the test closed itself is gone.
            with patch.object(window, "_save_current_window_settings"), suppress(RuntimeError):
                viewer.close()
    _wait(0.2)
