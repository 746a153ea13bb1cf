"""The dock widget: colours, regions, the spot under the pointer, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QFrame,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from genviz._errors import GenvizError
from genviz.io.h5ad import write_h5ad
from genviz.napari.colouring import spot_lines
from genviz.napari.dock_colours import ColourBox
from genviz.napari.dock_regions import RegionBox
from genviz.napari.painting import Painter

_WIDTH = 330
_CHECKED = (
    "QToolButton, QPushButton { padding: 4px; border-radius: 2px; }"
    "QToolButton:checked, QPushButton:checked { background-color: #0072b2; color: white; }"
)
_NO_SPOT = "Rest on a spot for its numbers."


class Dock(QScrollArea):
    """Everything that a section offers, beside the canvas.

    Parameters
    ----------
    painter
        Layers and session that it works on.
    """

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter, self.session = painter, painter.session
        self._at: int | None = None  # the spot that is spoken of
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(_WIDTH)
        self.alert = _note("")
        self.alert.setStyleSheet("color: #d55e00; font-weight: bold;")
        self.colours = ColourBox(self.session, lambda **state: self.act(lambda: self.session.set(**state)))
        self.regions = RegionBox(self.session, self.act)
        self.spot = _note(_NO_SPOT)
        self.spot.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.spot.setMinimumHeight(110)
        self.save = QPushButton("Save as h5ad …")
        self.save.setToolTip("Write the object, with the regions, to a file")
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setStyleSheet(_CHECKED)
        column = QVBoxLayout(inside)
        column.setSpacing(6)
        note = self.session.controller.note
        if self.session.controller.synthetic:
            column.addWidget(_note("Synthetic tissue: drawn by a program."))
        self.note = _note(note)
        self.note.setVisible(bool(note))
        for one in (
            self.note, self.alert, _heading("Colour"), self.colours, self._opacities(), _line(),
            _heading(f"Regions, in obs['{self.session.controller.regions().column}']"), self.regions, _line(),
            _heading("Spot"), self.spot,
        ):  # fmt: skip
            column.addWidget(one)
        column.addStretch(1)
        column.addWidget(self.save)
        self.alert.hide()
        self.setWidget(inside)

    def _opacities(self) -> QWidget:
        row = QWidget()
        form = QFormLayout(row)
        form.setContentsMargins(0, 0, 0, 0)
        self.opacity: dict[str, QSlider] = {}
        for label, layer in (("Spots", self.painter.spots), ("Tissue", self.painter.tissue)):
            if layer is None:
                continue
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, 100)
            slider.setValue(round(layer.opacity * 100))
            slider.setAccessibleName(f"How strong: {label.lower()}")
            slider.setToolTip(f"How strong the {label.lower()} layer is drawn")
            slider.valueChanged.connect(lambda value, layer=layer: setattr(layer, "opacity", value / 100))
            form.addRow(label, slider)
            self.opacity[label] = slider
        return row

    def _connect(self) -> None:
        painter, regions = self.painter, self.regions
        regions.lasso.toggled.connect(self._on_lasso)
        regions.pick.toggled.connect(self._on_pick)
        regions.put.clicked.connect(lambda: self.act(self._use_selection))
        self.save.clicked.connect(lambda: self.act(self._save))
        painter.drawn = lambda: QTimer.singleShot(0, self, self._take_shapes)
        painter.said = self.say
        painter.viewer.mouse_move_callbacks.append(self._on_move)
        end = self.session.on_change(self._on_session)
        viewer, move = painter.viewer, self._on_move

        def leave() -> None:
            end()
            painter.close()
            painter.drawn, painter.said = (lambda: None), (lambda text: None)
            if move in viewer.mouse_move_callbacks:
                viewer.mouse_move_callbacks.remove(move)

        self.destroyed.connect(leave)
        for key, button in (("L", regions.lasso), ("S", regions.pick)):
            painter.spots.bind_key(key, lambda _, button=button: button.toggle(), overwrite=True)
        if self.session.path is not None:  # self.window() is no window yet
            viewer.window._qt_window.installEventFilter(Closing(self))

    # ---- words

    def say(self, text: str) -> None:
        """Show a remark or an error; an empty one takes it away."""
        self.alert.setText(text)
        self.alert.setVisible(bool(text))

    def act(self, do: Callable[[], Any]) -> None:
        """Run something; what goes wrong is shown instead of lost."""
        self.say("")
        try:
            do()
        except GenvizError as error:
            self.say(str(error))
            self.refresh()

    def refresh(self) -> None:
        """Show the session as it is."""
        if not self.painter.present:
            self.say(
                "The spots were removed from the viewer. Open the file again, or call gv.napari.view(adata)."
            )
            return
        self.colours.refresh()
        self.regions.refresh()
        self.show_spot(self._at if self._at is not None and self._at < len(self.session.shown) else None)
        note = self.session.controller.note
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _on_session(self, changed: frozenset[str]) -> None:
        if "library" in changed:
            self._at = None
        self.refresh()

    # ---- spots

    def _on_move(self, viewer: Any, event: Any) -> None:
        i = self.painter.at(event.position)
        self.show_spot(i)

    def show_spot(self, i: int | None) -> None:
        """Write what is known of a spot; None: nothing."""
        self._at = i
        if i is None:
            self.spot.setText(_NO_SPOT)
            return
        controller = self.session.controller
        lines = spot_lines(self.session.stored, i, controller.level)
        code = int(controller.region_codes()[i])
        region = [("region", controller.categories()[code].name, "")] if code >= 0 else []
        named = [("spot", controller.spots.names[i], ""), ("of", self.session.subject, ""), *lines, *region]
        said = [f"{label}: {value}" + (f"   ({counts})" if counts else "") for label, value, counts in named]
        self.spot.setText("\n".join(said))

    # ---- regions

    def _on_lasso(self, on: bool) -> None:
        self.say("")
        if on:
            self.regions.pick.setChecked(False)
            self.painter.begin_lasso()
        else:
            self.painter.end_lasso()

    def _on_pick(self, on: bool) -> None:
        self.say("")
        if on:
            self.regions.lasso.setChecked(False)
            self.painter.viewer.layers.selection.active = self.painter.spots
        if self.painter.present:
            self.painter.spots.mode = "select" if on else "pan_zoom"

    def _take_shapes(self) -> None:
        if self.painter.lasso is not None and len(self.painter.lasso.data):
            self.act(lambda: self._select(self.painter.take_shapes(), "No spots inside. Draw around some."))

    def _use_selection(self) -> None:
        self._select(
            self.painter.chosen, "No spots are selected. Press Select, then click spots or drag a box."
        )
        self.painter.spots.selected_data = set()

    def _select(self, rows: Any, none: str) -> None:
        if len(rows):
            self.regions.select(rows)
        else:
            self.say(none)

    # ---- files

    def _save(self) -> bool:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save with regions", str(self.session.path or "section.h5ad"), "AnnData (*.h5ad)"
        )
        if not path:
            return False
        file = Path(path if path.endswith(".h5ad") else f"{path}.h5ad")
        write_h5ad(self.session.controller.adata, file)
        self.session.unsaved = False
        self.say(f"Saved as {file.name}.")
        return True

    def may_close(self) -> bool:
        """Whether the window may go: regions drawn in a file that nobody else holds are not lost without a question."""
        if self.session.path is None or not self.session.unsaved:
            return True
        ask = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self, "Regions are not saved", f"Save the regions drawn in {self.session.path.name}?",
            ask.Save | ask.Discard | ask.Cancel, ask.Save,
        )  # fmt: skip
        return answer == ask.Discard or (answer == ask.Save and self._save())


class Closing(QObject):
    """Asks before a window with unsaved regions closes."""

    def __init__(self, dock: Dock) -> None:
        super().__init__(dock)
        self.dock = dock

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Qt's: stop the closing when the user says so."""
        if event.type() == QEvent.Type.Close and not self.dock.may_close():
            event.ignore()
            return True
        return False


def add_dock(viewer: Any, painter: Painter) -> Dock:
    """Put the widget at the right of a viewer."""
    dock = Dock(painter)
    viewer.window.add_dock_widget(dock, name="genviz", area="right")
    QTimer.singleShot(0, dock, painter.fit)  # once more, when the canvas has its size
    return dock


def _note(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)  # a gene may be called <img ...>
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold;")
    return label


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
