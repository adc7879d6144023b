"""The foot of the prompt list: tasks to start from, in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from ..store import Store
from ..store.task_templates import Template, templates
from . import figures, icons
from .theme import font, text_scale, theme
from .widgets import Card, SectionLabel, column
from .widgets.painting import KeyboardFocus, box, ring

ROW = 28
NOT_BY_HAND = "translate-document"
"""The template that a whole document is translated with, paragraph by paragraph."""


class TaskRow(KeyboardFocus, QPushButton):
    """A group of tasks: icon, name, and how many there are."""

    def __init__(self, icon: str, name: str, count: int, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._icon, self._count = icon, count
        self.setAccessibleName(self.tr("{name}, {count} tasks").format(name=name, count=figures.count(count)))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        return QSize(160, round(ROW * max(1.0, text_scale())))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, rect = theme(), QRectF(self.rect()).adjusted(0, 1, 0, -1)
        if self.underMouse() or self.isDown():
            box(painter, rect, 6, on.color("hover"))
        icons.paint(painter, self._icon, "text2", 8, round(self.height() / 2 - 8))
        middle = Qt.AlignmentFlag.AlignVCenter
        face = font("body")
        painter.setFont(face)
        painter.setPen(on.color("text"))
        room = rect.adjusted(34, 0, -34, 0)
        shown = QFontMetricsF(face).elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, middle, shown)
        painter.setFont(font("small", tabular=True))
        painter.setPen(on.color("text2"))
        number = figures.count(self._count)
        painter.drawText(rect.adjusted(0, 0, -10, 0), middle | Qt.AlignmentFlag.AlignRight, number)
        if self.ring_shown():
            ring(painter, rect, 6)
        painter.end()


class TaskList(Card):
    """`wanted` carries the Template that a person has chosen."""

    wanted = Signal(object)

    def __init__(self, store: Store, actions: Sequence[QAction] = (), parent: QWidget | None = None) -> None:
        """actions: what the group of translations offers beside its templates."""
        super().__init__(parent, fill="sunken")
        self.set_edge("sunken")
        self.setAccessibleName(self.tr("Start from a task"))
        self._store, self._actions = store, tuple(actions)
        self._rows = column(spacing=0)
        self.rows: dict[str, TaskRow] = {}
        title = SectionLabel(self.tr("Start from a task"))
        title.setContentsMargins(8, 0, 0, 2)
        self.setLayout(column(title, self._rows, spacing=0, margins=(4, 8, 4, 6)))
        self.refresh()

    def _groups(self) -> dict[str, tuple[str, str, tuple[str, ...]]]:
        """Of each row: its icon, its name, and the groups of templates that it holds."""
        return {
            "write": ("pencil", self.tr("Write"), ("write",)),
            "translate": ("languages", self.tr("Translate"), ("translate",)),
            "answer": ("book-open", self.tr("Answer"), ("documents", "answer")),
            "code": ("command", self.tr("Code"), ("code",)),
            "mail": ("message-square-text", self.tr("Mail"), ("mail",)),
            "sort": ("list", self.tr("Summarise and sort"), ("summarise", "classify")),
            "own": ("star", self.tr("Your own"), ("own",)),
        }

    def refresh(self) -> None:
        """Read the templates again."""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        found = [each for each in templates(self._store) if each.id != NOT_BY_HAND]
        known = {group for _, _, groups in self._groups().values() for group in groups}
        self.rows = {}
        for key, (icon, name, groups) in self._groups().items():
            inside = [each for group in groups for each in found if each.group == group]
            if key == "own":
                inside += [each for each in found if each.group not in known]
            self._add(key, icon, name, inside)

    def _add(self, key: str, icon: str, name: str, inside: Sequence[Template]) -> None:
        beside = self._actions if key == "translate" else ()
        if not inside:
            return
        row = TaskRow(icon, name, len(inside) + len(beside))
        row.clicked.connect(lambda: self._choose(row, inside, beside))
        self.rows[key] = row
        self._rows.addWidget(row)

    def _choose(self, row: TaskRow, inside: Sequence[Template], beside: Sequence[QAction]) -> None:
        if len(inside) == 1 and not beside:
            self.wanted.emit(inside[0])
            return
        menu = self.menu(inside, beside)
        menu.popup(row.mapToGlobal(QPoint(0, row.height())))

    def menu(self, inside: Sequence[Template], beside: Sequence[QAction] = ()) -> QMenu:
        """The templates of a group, to choose one of."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToHide.connect(menu.deleteLater)
        counts: Mapping[str, int] = self._store.fillings.counts()
        for template in inside:
            made = counts.get(template.id, 0)
            title = template.title.replace("&", "&&")
            text = self.tr("{title}, {count} made").format(title=title, count=figures.count(made)) if made else title
            action = QAction(icons.icon(template.icon, "text2"), text, menu)
            action.setToolTip(template.text)
            action.triggered.connect(lambda _=False, template=template: self.wanted.emit(template))
            menu.addAction(action)
        if beside:
            menu.addSeparator()
            for action in beside:
                menu.addAction(action)
        return menu
