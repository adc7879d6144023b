"""Keys as the design writes them: "Ctrl Enter", "Shift G", "Alt 1", "/"; hints may name several: "1 – 5", "← →"."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

HELD = {
    "Ctrl": Qt.KeyboardModifier.ControlModifier,
    "Alt": Qt.KeyboardModifier.AltModifier,
    "Shift": Qt.KeyboardModifier.ShiftModifier,
    "Meta": Qt.KeyboardModifier.MetaModifier,
}
NAMES = {"Return": "Enter", "Del": "Delete", "Ins": "Insert"}
ARROWS = {"←": "Left", "→": "Right", "↑": "Up", "↓": "Down"}
NOT_ALONE = (
    Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr, Qt.Key.Key_CapsLock,
    Qt.Key.Key_NumLock, Qt.Key.Key_ScrollLock, Qt.Key.Key_unknown,
)  # fmt: skip
"""Keys that do something only together with another."""
MOVING = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Escape)
"""Keys that move between controls or leave one; they are nobody's to take."""


def parts(keys: str) -> tuple[list[str], str]:
    """What is held, and the key itself."""
    *held, name = keys.split() or [""]
    return held, name


def sequences(keys: str) -> list[QKeySequence]:
    """The key sequences of a key text; Enter is both the main and the keypad one."""
    if not keys.strip():
        return []
    held, name = parts(keys)
    if name == "Enter":
        return [QKeySequence("+".join([*held, each])) for each in ("Return", "Enter")]
    if is_sign(name) and "Shift" not in held:  # on most layouts Shift is part of the sign itself
        made = [name, f"Shift+{name}"] + (["Shift+/"] if name == "?" else [])
        return [QKeySequence("+".join([*held, each])) for each in made]
    return [QKeySequence("+".join([*held, name]))]


def is_sign(name: str) -> bool:
    """Whether a key is one printed sign that is neither a letter nor a digit."""
    return len(name) == 1 and not name.isalnum()


def is_single(keys: str) -> bool:
    """Whether a key text is a printable key without Ctrl or Alt, which Settings can turn off."""
    held, name = parts(keys)
    return len(name) == 1 and set(held) <= {"Shift"}


def is_key(keys: str) -> bool:
    """Whether a text names a key that can be pressed."""
    return bool(keys.strip()) and all(each.count() == 1 and each.toString() for each in sequences(keys))


def pressed(event: QKeyEvent) -> str:
    """The key text of a key press; "" for a key that only holds others, and for those that move between controls."""
    key, mask = Qt.Key(event.key()), event.modifiers()
    if key in NOT_ALONE or (key in MOVING and not mask & (HELD["Ctrl"] | HELD["Alt"])):
        return ""
    name = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
    name = NAMES.get(name, name)
    held = [each for each, modifier in HELD.items() if mask & modifier]
    if is_sign(name) and "Shift" in held:  # "?" and not "Shift ?"
        held.remove("Shift")
    return " ".join([*held, name])


def named(hint: str) -> list[str]:
    """The single keys that a hint names: "1 – 3" is 1, 2 and 3; "Shift ← →" is Shift Left and Shift Right."""
    words = hint.split()
    held = [word for word in words[:-1] if word in HELD]
    names = [ARROWS.get(word, word) for word in words if word not in held]
    if len(names) == 3 and names[1] == "–" and len(names[0]) == len(names[2]) == 1:
        names = [chr(code) for code in range(ord(names[0]), ord(names[2]) + 1)]
    return [" ".join([*held, name]) for name in names]
