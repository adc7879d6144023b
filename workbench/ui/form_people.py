"""The button beside a field of names: who has judged, to tick. Judges stand apart, and are ticked only by hand."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from ..errors import WorkbenchError
from ..methods.base import Knob
from ..methods.whose import chosen_people
from .data_words import person
from .figures import count
from .form_controls import said
from .judge_words import short_name
from .widgets import Button


class TickMenu(QMenu):
    """A menu that stays open while something in it is ticked, with the mouse or Space."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._tick():
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space or not self._tick():
            super().keyPressEvent(event)

    def _tick(self) -> bool:
        action = self.activeAction()
        if action is None or not action.isCheckable() or not action.isEnabled():
            return False
        action.trigger()
        return True


class WhoButton(Button):
    """Opens the menu, and writes the names that are ticked into the field. An empty field means all people."""

    def __init__(self, knob: Knob, field: QLineEdit, parent: QWidget | None = None) -> None:
        super().__init__(icon="users", tip=QCoreApplication.translate("WhoButton", "Choose"), parent=parent)
        self._field = field
        self._people: Mapping[str, int] = {}
        self._judges: Mapping[str, int] = {}
        self.menu_shown: QMenu | None = None
        self.setAccessibleName(self.tr("Choose: {name}").format(name=said(knob.label)))
        self.clicked.connect(self.open_menu)

    def set_known(self, people: Mapping[str, int], judges: Mapping[str, int]) -> None:
        """Everybody who has judged, and every judge, with how much each has said."""
        self._people = {name: number for name, number in people.items() if name}
        self._judges = judges

    def open_menu(self) -> QMenu:
        """Show everybody, and below them the judges."""
        menu = TickMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._head(menu, self.tr("People; all where nobody is named"))
        for name, number in self._people.items():
            self._entry(menu, name, f"{person(name)} · {count(number)}")
        if self._judges:
            menu.addSeparator()
            self._head(menu, self.tr("Judges: a model or a rule, not a person"))
        words = self.tr("Judge {name} · {count}")
        for name, number in self._judges.items():
            self._entry(menu, name, words.format(name=short_name(name), count=count(number)))
        self._show_ticks(menu)
        self.menu_shown = menu
        menu.destroyed.connect(self._forget)
        menu.popup(self.mapToGlobal(QPoint(0, self.height())))
        return menu

    def _forget(self) -> None:
        self.menu_shown = None

    def _head(self, menu: QMenu, words: str) -> None:
        menu.addAction(words).setEnabled(False)

    def _entry(self, menu: QMenu, name: str, words: str) -> None:
        action = menu.addAction(words.replace("&", "&&"))
        action.setCheckable(True)
        action.setData(name)
        action.triggered.connect(lambda: self._choose(menu, action))

    def named(self) -> set[str]:
        """Those whose judgements count: the people and judges in the field, all people where there is none."""
        try:
            found = chosen_people(self._field.text(), [*self._people, *self._judges])
        except WorkbenchError:  # the form says it when the run starts
            found = None
        return set(self._people) if found is None else set(found)

    def _choose(self, menu: QMenu, action: QAction) -> None:
        wanted = self.named() ^ {action.data()}
        all_people = wanted == set(self._people)
        ordered = (name for name in (*self._people, *self._judges) if name in wanted)
        self._field.setText("" if all_people else ", ".join(ordered))
        self._show_ticks(menu)

    def _show_ticks(self, menu: QMenu) -> None:
        named = self.named()
        for action in menu.actions():
            action.setChecked(action.data() in named if action.isCheckable() else False)
