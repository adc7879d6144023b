"""The command palette (Ctrl K) and the sheet of shortcuts (?).

    palette = Palette(window)
    palette.add_source(lambda: action_items(current_pane(), self.tr("This pane")))
    palette.add_source(lambda: [Item(run.name, self.tr("Runs"), open_run) for run in runs])
    palette.open()
    ShortcutSheet(window, [(pane.title, pane.actions()), (self.tr("Everywhere"), window.actions())]).show()

Sources are called each time the palette opens. What was used last comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QRectF, QSettings, QSize, Qt
from PySide6.QtGui import QAction, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QGridLayout,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)  # fmt: skip
from shiboken6 import isValid

from . import icons, keys
from .tables import Index
from .theme import font, set_role, set_tone, theme
from .widgets import Divider, KeyHint, column, holding, label, scrolling
from .widgets.painting import box, keys_width, paint_keys, ring

ENTRY = Qt.ItemDataRole.UserRole + 1
ROW, SHOWN, RECENT = 36, 12, 8


@dataclass(frozen=True)
class Item:
    """Something to go to or to do."""

    text: str
    group: str = ""
    run: Callable[[], object] = field(default=lambda: None, compare=False)
    keys: str = ""
    icon: str = ""


def action_items(owner: QWidget, group: str) -> list[Item]:
    """The enabled actions of a widget and of what is shown inside it."""
    actions = list(owner.actions())
    for child in owner.findChildren(QWidget):
        if child.isVisible() and type(child).__module__.startswith("workbench"):
            actions += [action for action in child.actions() if action.property("key") is not None]
    unique = {action.text(): action for action in actions if action.isEnabled() and action.text()}
    return [
        Item(text, group, action.trigger, keys.keys_of(action), action.property("icon_name") or "")
        for text, action in unique.items()
    ]


def score(query: str, text: str) -> float | None:
    """How well a query fits as a subsequence of a text; None if it does not. Higher is better.

    Letters in a row and letters at the start of a word count more; long texts count a little less.
    """
    wanted, given = query.lower().replace(" ", ""), text.lower()
    if not wanted:
        return 0.0
    best: float | None = None
    for start in [place for place, letter in enumerate(given) if letter == wanted[0]]:
        found = _score_from(wanted, given, start)
        if found is not None and (best is None or found > best):
            best = found
    return None if best is None else best - len(text) / 100


def _score_from(wanted: str, given: str, start: int) -> float | None:
    total, place, last = 0.0, start, start - 2
    for letter in wanted:
        place = given.find(letter, place)
        if place < 0:
            return None
        begins = place == 0 or not given[place - 1].isalnum()
        total += 1 + (3 if place == last + 1 else 0) + (2 if begins else 0)
        last = place
        place += 1
    return total


def ranked(query: str, items: Iterable[Item], recent: Sequence[str] = ()) -> list[Item]:
    """The items that fit, best first; without a query the recent ones first and the rest in their order."""
    fitting: list[tuple[float, int, Item]] = []
    for place, item in enumerate(items):
        by_text, by_group = score(query, item.text), score(query, f"{item.group} {item.text}")
        scores = [value for value in (by_text, None if by_group is None else by_group - 1) if value is not None]
        if scores:
            fresh = (RECENT - recent.index(item.text)) if item.text in recent else 0
            fitting.append((max(scores) + fresh * (0.2 if query else 10), -place, item))
    fitting.sort(key=lambda entry: entry[:2], reverse=True)
    return [item for _, _, item in fitting]


class _Entries(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.items: list[Item] = []

    def set_items(self, items: list[Item]) -> None:
        self.beginResetModel()
        self.items = items
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return ", ".join(part for part in (item.text, item.group, item.keys) if part)
        return item if role == ENTRY else None


class _EntryDelegate(QStyledItemDelegate):
    """Icon and text, the group in grey, keys at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        item: Item = index.data(ENTRY)
        view = option.widget  # type: ignore[attr-defined]
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        if isinstance(view, QListView) and view.currentIndex().row() == index.row():
            box(painter, rect.adjusted(6, 1, -6, -1), 6, theme().color("selected"))
        x, right = rect.x() + 16, rect.right() - 16
        if item.icon:
            icons.paint(painter, item.icon, "text2", round(x), round(rect.center().y() - 8))
        x += 26
        if item.keys:
            right -= keys_width(item.keys)
            paint_keys(painter, round(right), rect.center().y(), item.keys)
            right -= 12
        group_width = QFontMetricsF(font("small")).horizontalAdvance(item.group)
        self._line(
            painter, QRectF(right - group_width, rect.y(), group_width, rect.height()), item.group, "small", "text2"
        )
        room = QRectF(x, rect.y(), max(20.0, right - group_width - x - 12), rect.height())
        self._line(painter, room, item.text, "body", "text")
        painter.restore()

    def _line(self, painter: QPainter, rect: QRectF, text: str, role: str, tone: str) -> None:
        painter.setFont(font(role))
        painter.setPen(theme().color(tone))
        shown = QFontMetricsF(font(role)).elidedText(text, Qt.TextElideMode.ElideRight, rect.width() + 1)
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)


class Palette(QFrame):
    """One list of everything there is to go to or to do, over the window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._sources: list[Callable[[], Iterable[Item]]] = []
        self._items: list[Item] = []
        self._before: QWidget | None = None
        self.setAccessibleName(self.tr("Search or run a command"))
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Search panes, models, runs, prompts and actions"))
        self.field.setAccessibleName(self.tr("Search or run a command"))
        self.field.setProperty("frameless", True)
        self.field.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.field.setMinimumHeight(36)
        set_role(self.field, "read")
        self._model = _Entries(self)
        self.list = QListView()
        self.list.setModel(self._model)
        self.list.setItemDelegate(_EntryDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName(self.tr("Results"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setMouseTracking(True)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.list.clicked.connect(self._run)
        self.nothing = label(self.tr("Nothing found."), "body", "text2")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.hide()
        self.setLayout(column(self.field, Divider(), self.list, self.nothing, spacing=5, margins=(8, 6, 8, 8)))
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        window.installEventFilter(self)
        self.hide()

    def add_source(self, source: Callable[[], Iterable[Item]]) -> None:
        """Something that is asked for items each time the palette opens."""
        self._sources.append(source)

    def open(self) -> None:
        """Gather everything and show it."""
        self._before = self.window().focusWidget()
        self._items = [item for source in self._sources for item in source()]
        self.field.clear()
        self._filter()
        self.show()
        self._place()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_palette(self) -> None:
        """Hide it and give the focus back."""
        self.hide()
        if self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)

    def shown_items(self) -> list[Item]:
        """What is listed now, best first."""
        return list(self._model.items)

    def _filter(self) -> None:
        self._model.set_items(ranked(self.field.text(), self._items, recent_texts()))
        self.list.setCurrentIndex(self._model.index(0))
        empty = not self._model.items
        self.nothing.setVisible(empty)
        self.list.setVisible(not empty)
        self._place()

    def _place(self) -> None:
        rows = max(2, min(SHOWN, len(self._model.items)))
        width = min(620, self.window().width() - 64)
        self.setGeometry((self.window().width() - width) // 2, 56, width, 61 + rows * ROW)

    def _run(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        item: Item = index.data(ENTRY)
        remember(item.text)
        self.close_palette()
        item.run()

    def _key(self, event: QKeyEvent) -> bool:
        rows, row = self._model.rowCount(), self.list.currentIndex().row()
        moves = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: SHOWN, Qt.Key.Key_PageUp: -SHOWN}
        if event.key() in moves and rows:
            self.list.setCurrentIndex(self._model.index(min(rows - 1, max(0, row + moves[Qt.Key(event.key())]))))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self.list.currentIndex())
        elif event.key() == Qt.Key.Key_Escape:
            self.close_palette()
        else:
            return False
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field:
            if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                return self._key(event)
            if event.type() == QEvent.Type.FocusOut and self.isVisible():
                self.hide()
        elif event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        box(painter, rect, 12, theme().color("surface"), theme().color("line2"))
        if not self.field.hasFocus():
            ring(painter, rect, 12)
        painter.end()


def recent_texts() -> list[str]:
    """What was run last, newest first."""
    kept = QSettings().value("palette/recent", [])
    return [str(text) for text in kept] if isinstance(kept, list) else [str(kept)] if kept else []


def remember(text: str) -> None:
    """Put an item at the head of the recent ones."""
    QSettings().setValue("palette/recent", [text, *[other for other in recent_texts() if other != text]][:RECENT])


class ShortcutSheet(QDialog):
    """All keys that do something here, by place."""

    def __init__(self, parent: QWidget | None, groups: Sequence[tuple[str, Sequence[QAction]]]) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Shortcuts"))
        self.setModal(False)
        self.setMinimumSize(460, 420)
        body = column(spacing=6, margins=(20, 16, 20, 16))
        for title, actions in groups:
            shown = [action for action in actions if keys.keys_of(action)]
            if shown:
                body.addWidget(label(title, "head"))
                body.addLayout(_sheet_grid(shown))
                body.addSpacing(12)
        body.addStretch(1)
        self.setLayout(column(scrolling(holding(body))))


def _sheet_grid(actions: Sequence[QAction]) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(0, 1)
    for place, action in enumerate(actions):
        text = label(action.text(), "body", "text2")
        set_tone(text, "text" if action.isEnabled() else "text3")
        grid.addWidget(text, place, 0)
        grid.addWidget(KeyHint(keys.keys_of(action), usual=False), place, 1, Qt.AlignmentFlag.AlignRight)
    return grid
