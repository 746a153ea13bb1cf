"""The lower half of the dock widget: regions, drawn or picked, written into ``obs`` at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from genviz.controllers.slide.regions import Mode
from genviz.napari.session import Session

MODES: tuple[tuple[Mode, str], ...] = (("replace", "new"), ("add", "add"), ("remove", "take out"))
_FIRST = "region 1"
_ROWS = 4


class RegionBox(QWidget):
    """Name, mode, lasso and selection, undo, and the list of regions.

    Parameters
    ----------
    session
        What is shown.
    act
        Called with a function to run; shows what goes wrong.
    """

    def __init__(self, session: Session, act: Callable[[Callable[[], Any]], None]) -> None:
        super().__init__()
        self.session, self._act = session, act
        self._last = ""  # the region that was chosen or changed last
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        grid = QGridLayout()
        self.name = QComboBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setAccessibleName("Name of the region")
        self.name.setToolTip("Name of the region that spots are put into")
        self.name.setEditText(_FIRST)
        self.mode = QComboBox()
        self.mode.addItems([word for _, word in MODES])
        self.mode.setAccessibleName("Mode")
        self.mode.setToolTip("Draw the region anew, add to it, or take out of it")
        self.lasso = _button(
            "Lasso", "Draw around spots: hold the mouse button and move, or click corners (key L)"
        )
        self.pick = _button(
            "Select", "Pick spots with napari's selection: click, or drag a box; Shift adds (key S)"
        )
        self.lasso.setCheckable(True)
        self.pick.setCheckable(True)
        self.put = _button(
            "Use selection", "Put the selected spots into the region (or take them out, by the mode)"
        )
        self.undo = _button("Undo", "Take back the last change (Ctrl+Z)")
        self.redo = _button("Redo", "Make it again (Ctrl+Shift+Z)")
        self.rename = _button("Rename", "Give the chosen region the name in the field above")
        self.delete = _button("Delete", "Delete the chosen region; its spots belong to none")
        for place, (one, across) in zip(
            ((0, 0), (0, 4), (1, 0), (1, 2), (1, 4)),
            ((self.name, 4), (self.mode, 2), (self.lasso, 2), (self.pick, 2), (self.put, 2)), strict=True,
        ):  # fmt: skip
            grid.addWidget(one, *place, 1, across)
        column.addLayout(grid)
        self.list = QListWidget()
        self.list.setAccessibleName("Regions")
        self.list.itemClicked.connect(self._on_item)
        column.addWidget(self.list)
        self.none = QLabel("No regions yet. Name one, then draw around spots.")
        self.none.setWordWrap(True)
        column.addWidget(self.none)
        below = QGridLayout()
        for i, button in enumerate((self.undo, self.redo, self.rename, self.delete)):
            below.addWidget(button, 0, i)
        column.addLayout(below)
        self._connect()

    def _connect(self) -> None:
        controller = self.session.controller
        self.undo.clicked.connect(lambda: self._act(controller.undo))
        self.redo.clicked.connect(lambda: self._act(controller.redo))
        self.delete.clicked.connect(lambda: self._act(lambda: controller.delete(self._of_list())))
        self.rename.clicked.connect(lambda: self._act(self._rename))

    def _on_item(self, item: QListWidgetItem) -> None:
        self._last = str(item.data(Qt.ItemDataRole.UserRole))
        self.name.setEditText(self._last)

    def _of_list(self) -> str:
        item = self.list.currentItem()
        return self.region if item is None else str(item.data(Qt.ItemDataRole.UserRole))

    def _rename(self) -> None:
        old, self._last = self._of_list(), self.region
        self.session.controller.rename(old, self.region)

    @property
    def region(self) -> str:
        """The name in the field."""
        return str(self.name.currentText()).strip() or _FIRST

    def select(self, rows: Any) -> None:
        """Put spots of the section into the region, or take them out, as the mode says."""
        mode = MODES[self.mode.currentIndex()][0]
        self._last = self.region
        self.session.controller.select(rows, self.region, mode)

    def refresh(self) -> None:
        """Show the regions as they are in the object."""
        controller = self.session.controller
        categories = controller.categories()
        first = not self.list.count() and categories and self.name.currentText() == _FIRST
        typed = self.name.currentText()
        self.name.clear()
        self.name.addItems([one.name for one in categories])
        self.name.setEditText(categories[0].name if first else typed or _FIRST)
        self.list.clear()
        for one in categories:
            chip = QPixmap(12, 12)
            chip.fill(QColor(one.colour))
            item = QListWidgetItem(QIcon(chip), f"{one.name}   {one.count} spots")
            item.setData(Qt.ItemDataRole.UserRole, one.name)
            self.list.addItem(item)
        names = [one.name for one in categories]
        self.list.setCurrentRow(names.index(self._last) if self._last in names else len(names) - 1)
        row = self.list.sizeHintForRow(0) if categories else 0
        self.list.setFixedHeight(min(len(categories), _ROWS) * row + 6)
        self.list.setVisible(bool(categories))
        self.none.setVisible(not categories)
        regions = controller.regions()
        self.undo.setEnabled(regions.can_undo)
        self.redo.setEnabled(regions.can_redo)
        for one in (self.rename, self.delete):
            one.setEnabled(bool(categories))


def _button(text: str, hint: str) -> QPushButton:
    one = QPushButton(text)
    one.setToolTip(hint)
    one.setAccessibleName(text)
    return one
