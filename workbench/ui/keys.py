"""Keyboard: actions with keys as the design writes them, and a guard for text fields.

    action(owner, "Flag", "F", self.flag, icon="flag")     # a QAction whose shortcut is the single letter F
    guard(app)                                             # once: typing in a field never sets off a shortcut
    set_letters(False)                                     # Settings: single letters do nothing (WCAG 2.1.4)

Keys are written with spaces: "Ctrl Enter", "Shift G", "Alt 1", "/". A shortcut is live while the widget that
owns it is visible, wherever in the window the focus is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QInputMethodEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget
from shiboken6 import isValid

from . import icons

_letters: dict[str, bool] = {"on": True}
_single: weakref.WeakSet[QAction] = weakref.WeakSet()
COMMAND_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def sequences(keys: str) -> list[QKeySequence]:
    """The key sequences of a key text; Enter is both the main and the keypad one."""
    if not keys:
        return []
    parts = keys.split()
    if parts[-1] == "Enter":
        lead = [*parts[:-1]]
        return [QKeySequence("+".join([*lead, name])) for name in ("Return", "Enter")]
    if parts == ["?"]:  # on most layouts Shift is part of the sign itself
        return [QKeySequence("?"), QKeySequence("Shift+/"), QKeySequence("Shift+?")]
    return [QKeySequence("+".join(parts))]


def is_single(keys: str) -> bool:
    """Whether a key text is a printable key without Ctrl or Alt, which Settings can turn off."""
    parts = [part for part in keys.split() if part != "Shift"]
    return len(parts) == 1 and len(parts[0]) == 1


def action(
    owner: QWidget,
    text: str,
    keys: str = "",
    slot: Callable[[], object] | None = None,
    icon: str | None = None,
    tip: str = "",
    checkable: bool = False,
) -> QAction:
    """An action of `owner` with these keys. `slot` takes no argument; read `isChecked()` of a checkable one."""
    result = QAction(text, owner)
    result.setProperty("key", keys)
    result.setProperty("icon_name", icon)
    if icon:
        result.setIcon(icons.icon(icon))
    result.setCheckable(checkable)
    result.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
    result.setToolTip(tip or text)
    if slot is not None:
        result.triggered.connect(lambda: slot())
    if is_single(keys):
        _single.add(result)
    if _letters["on"] or not is_single(keys):
        result.setShortcuts(sequences(keys))
    owner.addAction(result)
    return result


def keys_of(of: QAction) -> str:
    """The key text of an action, as the design writes it."""
    return of.property("key") or of.shortcut().toString().replace("+", " ").replace("Return", "Enter")


def set_letters(on: bool) -> None:
    """Turn single-letter shortcuts on or off everywhere."""
    _letters["on"] = on
    for each in [action for action in _single if isValid(action)]:
        each.setShortcuts(sequences(each.property("key")) if on else [])


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
