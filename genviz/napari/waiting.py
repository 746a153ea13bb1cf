"""The dock widget as a plugin opens it: a note until there is a section, then all controls."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from genviz.napari.dock import Dock
from genviz.napari.painting import painter_of

_NOTHING = "Open a genviz .h5ad or .zarr (File > Open Files, or drop it here), or call gv.napari.view(adata)."


class Waiting(QWidget):
    """Shows the controls of the first section that the viewer holds, as soon as there is one.

    Parameters
    ----------
    napari_viewer
        The viewer, which napari gives by this name, with its private parts hidden.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        viewer = self.viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.dock: Dock | None = None
        self.label = QLabel(_NOTHING)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.label)
        look, events = self._later, viewer.layers.events
        for event in (events.inserted, events.removed):
            event.connect(look)
            self.destroyed.connect(lambda _=None, event=event: event.disconnect(look))
        self.look()

    def _later(self, event: Any = None) -> None:
        QTimer.singleShot(0, self, self.look)

    def look(self) -> None:
        """Take the section that is there now."""
        painter = painter_of(self.viewer)
        if self.dock is not None and (painter is None or self.dock.painter is not painter):
            self.layout().removeWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if painter is not None and self.dock is None:
            self.dock = Dock(painter)
            self.layout().addWidget(self.dock)
        self.label.setVisible(self.dock is None)
