"""Keyboard: actions with keys as the design writes them, keys that a person has changed, and a guard for text fields.

action(owner, "Flag", "F", self.flag, icon="flag")     # a QAction whose shortcut is the single letter F
guard(app)                                             # once: typing in a field never sets off a shortcut
set_letters(False)                                     # Settings: single letters do nothing (WCAG 2.1.4)
remap({"FeedbackPane/F": "K"})                         # Settings: "Flag" is K from now on, in every window

Keys are written with spaces: "Ctrl Enter", "Shift G", "Alt 1", "/". A shortcut is live while the widget that
owns it is visible, wherever in the window the focus is. An action is called by the class of its owner and its usual
key, which stay what they are in another language. Buttons and hints are written with the usual keys: what they show
is looked up when they are drawn (`hint`).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from . import icons
from .key_texts import is_key, is_single, named, sequences

_letters: dict[str, bool] = {"on": True}
_remapped: dict[str, str] = {}
_actions: weakref.WeakSet[QAction] = weakref.WeakSet()
FROM = "keys_from"
"""Property of a widget that belongs to another one than the one it stands in, such as a pane's part of the header."""
COMMAND_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def action(
    owner: QWidget,
    text: str,
    keys: str = "",
    slot: Callable[[], object] | None = None,
    icon: str | None = None,
    tip: str = "",
    checkable: bool = False,
    shared: str = "",
) -> QAction:
    """An action of `owner` with these keys, unless a person has chosen others.

    `slot` takes no argument; read `isChecked()` of a checkable one. shared: a name that owners of several classes have
    in common, so that a key changed for one is changed for all.
    """
    result = QAction(text, owner)
    result.setProperty("usual", keys)
    result.setProperty("id", f"{shared or type(owner).__name__}/{keys or text}")
    result.setProperty("icon_name", icon)
    if icon:
        result.setIcon(icons.icon(icon))
    result.setCheckable(checkable)
    result.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
    result.setToolTip(tip or text)
    if slot is not None:
        result.triggered.connect(lambda: slot())
    _actions.add(result)
    _give_keys(result)
    owner.addAction(result)
    return result


def _give_keys(of: QAction) -> None:
    keys = _remapped.get(of.property("id")) or str(of.property("usual"))
    of.setProperty("key", keys)
    of.setShortcuts(sequences(keys) if _letters["on"] or not is_single(keys) else [])


def keys_of(of: QAction) -> str:
    """The key text of an action, as the design writes it."""
    return of.property("key") or of.shortcut().toString().replace("+", " ").replace("Return", "Enter")


def can_be_remapped(of: QAction) -> bool:
    """Whether a person may give this action another key: not where the text takes the keys, as in "V G"."""
    return of.property("id") is not None and len(named(keys_of(of))) <= 1


def known() -> list[QAction]:
    """Every action of every window."""
    return [each for each in _actions if isValid(each)]


def set_letters(on: bool) -> None:
    """Turn single-letter shortcuts on or off everywhere."""
    _letters["on"] = on
    for each in known():
        if is_single(each.property("key") or ""):
            _give_keys(each)


def remap(chosen: Mapping[str, str]) -> None:
    """Give actions these keys, by their ids; all others have their usual ones. What is no key is passed over."""
    before = dict(_remapped)
    _remapped.clear()
    _remapped.update({id_: keys for id_, keys in chosen.items() if is_key(keys)})
    for each in known():
        id_ = each.property("id")
        if before.get(id_) != _remapped.get(id_):
            _give_keys(each)
    if before != _remapped:
        for widget in QApplication.allWidgets():
            if callable(tell := getattr(widget, "keys_changed", None)):
                tell()


def remapped() -> dict[str, str]:
    """The keys that a person has changed, by the ids of their actions."""
    return dict(_remapped)


def hint(widget: QWidget, usual: str) -> str:
    """The keys to show at a place for what is usually this key, or these: those that are in use now."""
    if not _remapped or not usual:
        return usual
    names = named(usual)
    found = [_now(widget, name) for name in names]
    return usual if found == names else " ".join(found)


def _now(widget: QWidget, usual: str) -> str:
    """The key of the nearest action round a widget whose usual key this is."""
    at: QWidget | None = widget
    while at is not None:
        for kind in type(at).__mro__:
            if (found := _remapped.get(f"{kind.__name__}/{usual}")) is not None:
                return found
        if at.isWindow():
            break
        at = at.property(FROM) or at.parentWidget()
    return usual


# --- several actions


def actions_in(owner: QWidget, seen: bool = False) -> Iterator[tuple[QWidget, list[QAction]]]:
    """A widget and what is inside it, each with its actions; seen: only what is on screen now."""
    inside = owner.findChildren(QWidget)
    for widget in (owner, *(each for each in inside if each.isVisible() or not seen)):
        own = [each for each in widget.actions() if each.property("id") is not None]
        if own:
            yield widget, own


def conflicts(of: QAction, keys: str, among: Iterable[QAction]) -> list[QAction]:
    """Of some actions those that may be live together with this one and have these keys, each name once."""
    same = [each for each in among if each.property("id") == of.property("id")]
    found: dict[str, QAction] = {}
    for each in among:
        if each in same or not keys or each.property("key") != keys:
            continue
        if any(_together(each, mine) for mine in (*same, of)):
            found.setdefault(each.property("id"), each)
    return list(found.values())


def _together(one: QAction, other: QAction) -> bool:
    """Whether two actions may be live at once: not in two windows, nor on two pages of one stack."""
    mine, theirs = _holders(one), _holders(other)
    common = next((widget for widget in mine if widget in theirs), None)
    return common is not None and (common in (mine[0], theirs[0]) or not isinstance(common, QStackedWidget))


def _holders(of: QAction) -> list[QWidget]:
    """The owner of an action and everything round it, up to its window."""
    at = of.parent()
    found: list[QWidget] = []
    while isinstance(at, QWidget):
        found.append(at)
        at = None if at.isWindow() else at.parentWidget()
    return found


# --- text fields


def takes_text(widget: QWidget | None) -> bool:
    """Whether typing into this widget writes text."""
    if isinstance(widget, QLineEdit | QTextEdit | QPlainTextEdit):
        return not widget.isReadOnly()
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, QAbstractSpinBox)


class _Guard(QObject):
    """Keeps keys that belong to a text field, or to the input method composing in it, from shortcuts."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._composing = False
        self._watched: QWidget | None = None

    def follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if self._watched is not None and isValid(self._watched):  # the field may have been deleted
            self._watched.removeEventFilter(self)
        self._composing = False
        self._watched = new if takes_text(new) else None
        if self._watched is not None:
            self._watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QInputMethodEvent):
            self._composing = bool(event.preeditString())
        elif event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            commands = bool(event.modifiers() & COMMAND_KEYS)
            function_key = Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
            leaves = event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
            if self._composing or not (commands or function_key or leaves):
                event.accept()
                return True
        return False


def guard(app: QApplication) -> None:
    """Protect text fields of an application from shortcuts; a second call does nothing."""
    if app.property("keys_guarded"):
        return
    app.setProperty("keys_guarded", True)
    app.focusChanged.connect(_Guard(app).follow)
