"""The upper half of the dock widget: what colours the spots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QRectF, QStringListModel, Qt, Signal
from qtpy.QtGui import QColor, QLinearGradient, QPainter
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from genviz.controllers.slide.words import HINTS, TITLES, UNITS
from genviz.napari.colouring import STOPS, number_text
from genviz.napari.session import FADE, HIDE, Session

_STEPS = 200  # of the threshold


class ColourBar(QWidget):
    """A colour scale with its ends."""

    def __init__(self) -> None:
        super().__init__()
        self.stops: tuple[str, ...] = ("#000000", "#ffffff")
        self.ends, self.unit = ("", ""), ""
        self.setMinimumHeight(34)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_scale(self, stops: tuple[str, ...], ends: tuple[str, str], unit: str, hint: str) -> None:
        """Draw these colours, ends and unit."""
        self.stops, self.ends, self.unit = stops, ends, unit
        self.setToolTip(hint)
        self.setAccessibleName(f"Colours from {ends[0]} to {ends[1]} {unit}")
        self.update()

    def paintEvent(self, event: Any) -> None:
        """Qt's: draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for i, stop in enumerate(self.stops):
            gradient.setColorAt(i / (len(self.stops) - 1), QColor(stop))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(QRectF(0, 1, self.width(), 12), 2, 2)
        painter.setPen(self.palette().text().color())
        room = QRectF(0, 15, self.width(), self.height() - 15)
        for text, side in zip(
            (self.ends[0], self.unit, self.ends[1]), ("AlignLeft", "AlignHCenter", "AlignRight"), strict=True
        ):
            painter.drawText(room, getattr(Qt.AlignmentFlag, side) | Qt.AlignmentFlag.AlignTop, text)
        painter.end()


class GeneBox(QLineEdit):
    """A gene, found by any part of its name."""

    chosen = Signal(str)

    def __init__(self, genes: list[str]) -> None:
        super().__init__()
        self.setPlaceholderText("type a part of its name")
        self.setAccessibleName("Gene")
        completer = QCompleter(self)
        completer.setModel(QStringListModel(genes, completer))
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(12)
        completer.activated[str].connect(self.chosen.emit)
        self._by_lower = {gene.lower(): gene for gene in reversed(genes)}
        self.setCompleter(completer)
        self.returnPressed.connect(self._on_return)

    def _on_return(self) -> None:
        text = self.text().strip()
        self.chosen.emit(self._by_lower.get(text.lower(), text))


class ColourBox(QWidget):
    """Gene or group, panel, colour scale, threshold.

    Parameters
    ----------
    session
        What is shown.
    change
        Called with what the user changed, as `Session.set` takes it.
    """

    def __init__(self, session: Session, change: Callable[..., None]) -> None:
        super().__init__()
        self.session, self._change = session, change
        self._silent = False
        self.panels: dict[str, QToolButton] = {}
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        if len(session.controller.libraries) > 1:
            self.section = _choice(session.controller.libraries, "Section")
            self.section.currentTextChanged.connect(lambda name: self._set(library=name))
            form.addRow("Section", self.section)
        self._add_subject(form)
        form.addRow(self._panel_row())
        self.bar = ColourBar()
        form.addRow(self.bar)
        form.addRow("Threshold", self._threshold_row())

    def _add_subject(self, form: QFormLayout) -> None:
        session = self.session
        self.gene = GeneBox(session.controller.genes)
        self.gene.chosen.connect(lambda gene: self._set(gene=gene, group=None))
        self.group = _choice([], "Group")
        self.group.activated.connect(lambda place: self._set(group=(self._n_groups(), place)))
        self.subject = QStackedWidget()
        self.subject.addWidget(self.gene)
        self.subject.addWidget(self.group)
        self.subject.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.scale = _choice(
            ["single genes", *(f"{n} groups" if n > 1 else "all genes" for n in session.groups.scales)],
            "Level",
        )
        self.scale.setToolTip("Single genes, or sums over groups of genes that go together (the gene tree).")
        self.scale.activated.connect(self._on_scale)
        if session.groups.scales:
            form.addRow("Level", self.scale)
        form.addRow("Gene", self.subject)
        self._form = form

    def _panel_row(self) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        together = QButtonGroup(self)
        for name in self.session.controller.panels:
            one = QToolButton()
            one.setText(TITLES[name])
            one.setCheckable(True)
            one.setToolTip(HINTS[name])
            one.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            one.clicked.connect(lambda _=False, name=name: self._set(panel=name, threshold=None))
            together.addButton(one)
            line.addWidget(one)
            self.panels[name] = one
        return row

    def _threshold_row(self) -> QWidget:
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        line = QHBoxLayout()
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, _STEPS)
        self.threshold.setAccessibleName("Threshold")
        self.threshold.setToolTip("Spots below it fade or hide. Of the error, its size counts.")
        self.threshold.valueChanged.connect(self._on_threshold)
        self.below = _choice([FADE, HIDE], "Spots below the threshold")
        self.below.setToolTip("What happens to spots below the threshold")
        self.below.activated.connect(lambda _: self._set(below=self.below.currentText()))
        line.addWidget(self.threshold, 2)
        line.addWidget(self.below, 1)
        self.reached = QLabel()
        column.addLayout(line)
        column.addWidget(self.reached)
        return row

    # ---- from the user

    def _n_groups(self) -> int:
        return self.session.groups.scales[self.scale.currentIndex() - 1]

    def _on_scale(self, place: int) -> None:
        if place == 0:
            self._set(group=None, threshold=None)
        else:
            self._set(group=(self._n_groups(), 0), threshold=None)

    def _on_threshold(self, step: int) -> None:
        low, high = self.session.reach
        self._set(threshold=None if step == 0 else low + (high - low) * step / _STEPS)

    def _set(self, **state: Any) -> None:
        if not self._silent:
            self._change(**state)

    # ---- to the user

    def refresh(self) -> None:
        """Show what the session says."""
        self._silent = True
        try:
            self._refresh()
        finally:
            self._silent = False

    def _refresh(self) -> None:
        session = self.session
        if hasattr(self, "section"):
            self.section.setCurrentText(session.library)
        if session.group is None:
            self.scale.setCurrentIndex(0)
            self.gene.setText(session.gene)
        else:
            n_groups, place = session.group
            self.scale.setCurrentIndex(1 + session.groups.scales.index(n_groups))
            names = session.groups.names(n_groups)
            if [self.group.itemText(i) for i in range(self.group.count())] != names:
                self.group.clear()
                self.group.addItems(names)
            self.group.setCurrentIndex(place)
            self.group.setToolTip(names[place])
        self.subject.setCurrentIndex(0 if session.group is None else 1)
        label = self._form.labelForField(self.subject)
        label.setText("Gene" if session.group is None else "Group")
        there = session.panels
        for name, one in self.panels.items():
            one.setChecked(name == session.panel)
            one.setEnabled(name in there)
        low, high = session.limits
        self.bar.show_scale(STOPS[session.panel], (number_text(low, session.panel), number_text(high, session.panel)),
                            UNITS[session.panel], HINTS[session.panel])  # fmt: skip
        self._refresh_threshold()

    def _refresh_threshold(self) -> None:
        session = self.session
        low, high = session.reach
        self.below.setCurrentText(session.below)
        if session.threshold is None:
            self.threshold.setValue(0)
            self.reached.setText(f"none: all {len(session.shown)} spots")
        else:
            self.threshold.setValue(round((session.threshold - low) / ((high - low) or 1) * _STEPS))
            self.reached.setText(
                f"{session.threshold:.1f} or more: {int(session.kept.sum())} of {len(session.shown)} spots"
            )


def _choice(names: list[str], label: str) -> QComboBox:
    box = QComboBox()
    box.addItems(names)
    box.setAccessibleName(label)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box
