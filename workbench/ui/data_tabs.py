"""Saved filters as tabs over the list: All, then each by its name with how many rows it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QScrollArea, QWidget

from ..store.saved_filters import SavedFilter
from .figures import count
from .theme import set_region
from .widgets import Button, ToggleChip, column, holding, label, row


class FilterTabs(QWidget):
    """The tabs. Nothing is kept here: the pane saves, renames and removes."""

    picked = Signal(str)
    """The id of a saved filter, "" for all."""
    save_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Saved filters"))
        self.tabs: dict[str, ToggleChip] = {}
        self.current: str | None = ""
        self._names: list[tuple[str, str]] = []
        self._amounts: dict[str, int] = {}
        self._list = QHBoxLayout()
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(4)
        inside = holding(self._list)
        set_region(inside, "clear")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFixedHeight(28)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inside)
        self._area = area
        self.save_button = Button(self.tr("Save filter"), kind="ghost", size="sm", icon="save", key="S")
        self.save_button.set_keys("")
        self.save_button.clicked.connect(self.save_wanted)
        layout = row(area, self.save_button, spacing=6, margins=(12, 5, 12, 5))
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.show_filters([])

    def show_filters(self, saved: Sequence[SavedFilter]) -> None:
        """Show these, with the amounts that are known."""
        names = [("", self.tr("All")), *((each.id, each.name) for each in saved)]
        if names != self._names:
            self._names = names
            self._rebuild()
        self.mark(self.current if self.current in self.tabs else None)

    def _rebuild(self) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.tabs = {}
        for tab_id, name in self._names:
            tab = ToggleChip(name, "layers" if not tab_id else "filter", "model")
            tab.clicked.connect(lambda _=False, tab_id=tab_id: self.pick(tab_id))
            self.tabs[tab_id] = tab
            self._list.addWidget(tab)
        self._list.addStretch(1)
        self.show_amounts(self._amounts)

    def show_amounts(self, amounts: Mapping[str, int]) -> None:
        """How many rows each shows, by id; "" for all."""
        self._amounts = dict(amounts)
        for tab_id, name in self._names:
            known = amounts.get(tab_id)
            text = name if known is None else self.tr("{name}  {count}").format(name=name, count=count(known))
            self.tabs[tab_id].setText(text)
            self.tabs[tab_id].setAccessibleName(text)
            self.tabs[tab_id].updateGeometry()

    def mark(self, tab_id: str | None) -> None:
        """Show one as the one that the list shows; None for a filter without a name."""
        self.current = tab_id
        for each, tab in self.tabs.items():
            tab.setChecked(each == tab_id)
        if tab_id in self.tabs:
            self._area.ensureWidgetVisible(self.tabs[tab_id])

    def pick(self, tab_id: str) -> None:
        """Choose one as a person would."""
        self.mark(tab_id)
        self.picked.emit(tab_id)

    def step(self, by: int) -> None:
        """The next (1) or previous (-1) one, for a key."""
        order = list(self.tabs)
        place = order.index(self.current) if self.current in order else 0
        self.pick(order[(place + by) % len(order)])


class NameDialog(QDialog):
    """Asks for one line: the name of a filter, or a tag. `given(str)` when a person accepts it."""

    given = Signal(str)

    def __init__(self, title: str, go: str, text: str = "", hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(360)
        self.field = QLineEdit(text)
        self.field.setAccessibleName(title)
        self.field.setMaxLength(60)
        self.field.setMinimumHeight(32)
        self.field.selectAll()
        self.go = Button(go, kind="primary", key="Enter")
        self.go.setDefault(True)
        cancel = Button(self.tr("Cancel"), key="Esc")
        cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self.accept)
        self.field.textChanged.connect(lambda _: self._on_change())
        body = column(label(title, "head"), self.field, spacing=10, margins=(18, 16, 18, 16))
        if hint:
            body.addWidget(label(hint, "small", "text2", wrap=True))
        body.addLayout(row(None, cancel, self.go))
        self.setLayout(body)
        self._on_change()
        self.field.setFocus()

    def _on_change(self) -> None:
        self.go.setEnabled(bool(self.field.text().strip()))

    def accept(self) -> None:
        """Take what was typed."""
        if self.field.text().strip():
            text = self.field.text()
            super().accept()
            self.given.emit(text)
