"""The page "Keys" of Settings: every action of every pane with its key; a click and a press give it another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from . import keys
from .key_texts import is_key, pressed
from .pane import Pane
from .theme import font, set_region, theme
from .widgets import Banner, Button, SearchField, column, holding, label, row, scrolling
from .widgets.painting import KeyboardFocus, box, keys_width, paint_keys, ring, text_width


@dataclass(frozen=True)
class Group:
    """A part of the window and its actions, each once."""

    title: str
    actions: tuple[QAction, ...]


def groups_of(window: QWidget, everywhere: str, panes: Sequence[Pane]) -> list[Group]:
    """Every action of a window that has a name: those of the window and of all panes first, then pane by pane."""
    seen: set[str] = set()
    shared = [*window.actions(), *(action for pane in panes for action in pane.actions() if _is_shared(action))]
    found = [_group(everywhere, shared, seen)]
    for pane in panes:
        for title, actions in parts_of(pane).items():
            found.append(_group(title if title == pane.title else f"{pane.title}, {title}", actions, seen))
    return [group for group in found if group.actions]


def parts_of(pane: Pane, seen: bool = False) -> dict[str, list[QAction]]:
    """The actions of a pane by the part of it that they belong to, its own first; seen: only of what is on screen."""
    found: dict[str, list[QAction]] = {}
    for owner, actions in keys.actions_in(pane, seen):
        found.setdefault(owner.accessibleName() or pane.title, []).extend(actions)
    return found


def _is_shared(action: QAction) -> bool:
    return str(action.property("id")).startswith("Pane/")


def _group(title: str, actions: Iterable[QAction], seen: set[str]) -> Group:
    once: dict[str, QAction] = {}
    for action in actions:
        id_ = action.property("id")
        if id_ is not None and id_ not in seen and action.text() and keys.can_be_remapped(action):
            once[id_] = action
    seen.update(once)
    return Group(title, tuple(once.values()))


class KeyField(KeyboardFocus, QPushButton):
    """Shows a key. After a click the next key that is pressed is sent as `given`; Escape keeps the old one."""

    given = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._keys = name, ""
        self.waiting = False
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: self._wait(True))
        self.show_keys("")

    def show_keys(self, text: str) -> None:
        """Show a key; "" for none."""
        self._keys = text
        self._wait(False)

    def _wait(self, waiting: bool) -> None:
        self.waiting = waiting
        none = self.tr("no key")
        self.setAccessibleName(f"{self._name}: {self._words() or self._keys or none}")
        self.updateGeometry()
        self.update()

    def _words(self) -> str:
        return self.tr("Press a key") if self.waiting else "" if self._keys else self.tr("none")

    def sizeHint(self) -> QSize:
        wide = text_width("small", self._words()) if self._words() else keys_width(self._keys)
        return QSize(max(112, round(wide) + 20), 26)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def event(self, event: QEvent) -> bool:
        # Neither a shortcut nor the step to the next control may take the key that was asked for.
        if self.waiting and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._take(event)
                return True
        return super().event(event)

    def _take(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            return
        text = pressed(event)
        if is_key(text):
            self._wait(False)
            self.given.emit(text)
        elif event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self._wait(False)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._wait(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect, on = QRectF(self.rect()), theme()
        edge = "accentText" if self.waiting else "line2"
        fill = "accentSoft" if self.waiting else "hover" if self.underMouse() else "surface"
        box(painter, rect, 6, on.color(fill), on.color(edge))
        if words := self._words():
            painter.setFont(font("small"))
            painter.setPen(on.color("accentText" if self.waiting else "text3"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, words)
        else:
            left = (self.width() - keys_width(self._keys)) / 2
            paint_keys(painter, round(left), self.height() / 2, self._keys)
        if self.ring_shown():
            ring(painter, rect, 6)
        painter.end()


class _Row:
    """One action: its name, its key, and the way back to the usual key."""

    def __init__(self, action: QAction, reset_tip: str) -> None:
        self.action, self.id = action, str(action.property("id"))
        self.name = label(action.text(), "body", "text2", wrap=True)
        self.field = KeyField(action.text())
        self.reset = Button(icon="rotate-ccw", kind="ghost", size="sm", tip=reset_tip)
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self.refresh()

    def refresh(self) -> None:
        """Show the key of now."""
        self.field.show_keys(keys.keys_of(self.action))
        self.reset.setVisible(self.id in keys.remapped())

    def set_visible(self, shown: bool) -> None:
        """Show or hide the whole row."""
        self.name.setVisible(shown)
        self.field.setVisible(shown)
        self.reset.setVisible(shown and self.id in keys.remapped())


class KeysPage(QWidget):
    """Every action with its key. `chosen(dict)`: the keys that differ from the usual ones, by action."""

    chosen = Signal(dict)

    def __init__(self, groups: Callable[[], Sequence[Group]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups = groups
        self.rows: list[_Row] = []
        self._heads: list[tuple[QWidget, list[_Row]]] = []
        self._swap: Callable[[], object] = lambda: None
        self.search = SearchField(self.tr("Find an action or a key"), "")
        self.search.setMinimumWidth(220)
        self.search.textChanged.connect(lambda _: self._filter())
        self.problem = Banner("", "", "warn")
        self.swap = self.problem.add_action(self.tr("Swap them"), lambda: self._swap())
        self.problem.hide()
        self.all = Button(self.tr("Reset all keys"), icon="rotate-ccw", size="sm")
        self.all.clicked.connect(lambda: self._choose({}))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 12, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self._nothing = label(self.tr("No action is called so."), "body", "text3")
        self._nothing.hide()
        inside = holding(column(self._nothing, holding(self._grid), None, spacing=0))
        set_region(inside, "clear")
        note = label(self.tr("Click a key, then press another one."), "small", "text2")
        top = row(self.search, note, None, self.all, spacing=12)
        layout = column(top, self.problem, scrolling(inside), spacing=10)
        layout.setStretch(2, 1)
        self.setLayout(layout)

    def fill(self) -> None:
        """List everything; what is there already stays."""
        if self.rows:
            return
        tip, at = self.tr("Back to the usual key"), 0
        for group in self._groups():
            head = label(group.title, "head")
            head.setContentsMargins(0, 10 if at else 0, 0, 2)
            self._grid.addWidget(head, at, 0, 1, 3)
            made = [_Row(action, tip) for action in group.actions]
            for place, each in enumerate(made, start=at + 1):
                each.field.given.connect(lambda text, each=each: self.give(each, text))
                each.reset.clicked.connect(lambda _=False, each=each: self.give(each, each.action.property("usual")))
                for across, widget in enumerate((each.name, each.field, each.reset)):
                    self._grid.addWidget(widget, place, across)
            at += len(made) + 1
            self.rows += made
            self._heads.append((head, made))
        self._refresh()

    def row(self, action_id: str) -> _Row:
        """The row of an action."""
        return next(each for each in self.rows if each.id == action_id)

    # --- choosing

    def give(self, each: _Row, text: str) -> None:
        """Give an action a key, unless another one has it where both are live: then say so, and offer to swap."""
        self.problem.hide()
        rivals = self._rivals(each, text)
        if not rivals:
            self._choose(self._with({each.id: text}))
            return
        names = ", ".join(f"“{rival.text()}”" for rival in rivals)
        said = self.tr("{key} is {names} there.").format(key=text, names=names)
        before = keys.keys_of(each.action)
        may_swap = len(rivals) == 1 and keys.can_be_remapped(rivals[0]) and self._may_swap(each, rivals[0], before)
        self.problem.set_banner(said, self.tr("Choose another key.") if not may_swap else "", "warn")
        self.swap.setVisible(may_swap)
        self._swap = lambda: self._choose(self._with({each.id: text, str(rivals[0].property("id")): before}))
        self.problem.show()
        each.refresh()

    def _rivals(self, each: _Row, text: str) -> list[QAction]:
        return keys.conflicts(each.action, text, keys.known())

    def _may_swap(self, each: _Row, rival: QAction, before: str) -> bool:
        """Whether the other action may have the key that this one had."""
        left = [other for other in keys.conflicts(rival, before, keys.known()) if other is not each.action]
        return bool(before) and all(other.property("id") == each.id for other in left)

    def _with(self, changes: dict[str, str]) -> dict[str, str]:
        usual = {each.id: each.action.property("usual") for each in self.rows}
        wanted = keys.remapped() | changes
        return {id_: text for id_, text in wanted.items() if text != usual.get(id_)}

    def _choose(self, wanted: dict[str, str]) -> None:
        self.problem.hide()
        self.chosen.emit(wanted)
        self._refresh()

    def _refresh(self) -> None:
        for each in self.rows:
            each.refresh()
        self.all.setEnabled(bool(keys.remapped()))
        self._filter()

    def _filter(self) -> None:
        wanted = self.search.text().strip().casefold()
        for head, rows in self._heads:
            shown = [each for each in rows if _fits(each, wanted)]
            head.setVisible(bool(shown))
            for each in rows:
                each.set_visible(each in shown)
        self._nothing.setVisible(not any(_fits(each, wanted) for each in self.rows))


def _fits(each: _Row, wanted: str) -> bool:
    return wanted in each.action.text().casefold() or wanted == keys.keys_of(each.action).casefold()
