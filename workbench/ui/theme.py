"""Colours, fonts and the style sheet, all from `resources/theme/tokens.json`.

    apply_theme(app, "system")            # or "dark", "light"; call again at any time to switch
    theme().color("accent")               # QColor of a token in the theme that is on
    font("head", tabular=True)            # QFont of a type role
    set_role(widget, "small"); set_tone(widget, "text2"); set_region(widget, "panel")
    theme_changed.connect(self.restyle)   # after colours, sheet and fonts have changed

Custom-painted widgets read `theme()` while they paint and need nothing else: a switch changes the palette,
and that repaints them. Fonts are set in code only, because a font in a style sheet beats `setFont`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from string import Template
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QSlider, QWidget

from .. import paths

NAMES = ("dark", "light")
KEYBOARD_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


@cache
def tokens() -> dict[str, Any]:
    """Everything in tokens.json."""
    return json.loads((paths.resources() / "theme" / "tokens.json").read_text("utf-8"))


@dataclass(frozen=True)
class Theme:
    """The colours of one theme. `high_contrast` puts lineHC in the place of line2."""

    name: str
    high_contrast: bool = False

    def hex(self, token: str) -> str:
        """The colour of a token as "#RRGGBB"."""
        if token == "line2" and self.high_contrast:
            token = "lineHC"
        return tokens()["color"][self.name][token]

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """The colour of a token; `alpha` from 0 to 1."""
        return QColor(_color(self.hex(token), alpha))

    @property
    def dark(self) -> bool:
        return self.name == "dark"


@lru_cache(maxsize=512)
def _color(written: str, alpha: float) -> QColor:
    color = QColor(written)
    if alpha < 1.0:
        color.setAlphaF(alpha)
    return color


class Announcer(QObject):
    """Holds the one signal of this module."""

    changed = Signal()


@dataclass
class _State:
    """What is on now. `choice` is what the person asked for: "system", "dark" or "light"."""

    theme: Theme = field(default_factory=lambda: Theme("dark"))
    choice: str = "system"
    scale: float = 1.0
    following: bool = False
    fonts_loaded: bool = False


_state = _State()
_announcer = Announcer()
theme_changed = _announcer.changed


def theme() -> Theme:
    """The theme that is on."""
    return _state.theme


def theme_choice() -> str:
    """What the person asked for: "system", "dark" or "light"."""
    return _state.choice


def text_scale() -> float:
    """The text size of Settings, 0.9 to 1.5."""
    return _state.scale


# ---------------------------------------------------------------- fonts


def load_fonts() -> None:
    """Make the bundled faces known to Qt, once."""
    if _state.fonts_loaded:
        return
    for path in sorted((paths.resources() / "fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(path))
    _state.fonts_loaded = True
    _font.cache_clear()


def font(role: str = "body", tabular: bool = False, mono: bool = False, weight: int | None = None) -> QFont:
    """The font of a type role: display title head strong body read small smallb micro num.

    `tabular` gives every figure the same width, so that counters do not jitter.
    """
    return QFont(_font(role, tabular, mono, weight, _state.scale))


@lru_cache(maxsize=256)
def _font(role: str, tabular: bool, mono: bool, weight: int | None, scale: float) -> QFont:
    """Kept, because everything that is drawn asks for it each time. Never changed: `font` gives copies."""
    size, role_weight = tokens()["type"][role]
    result = QFont()
    result.setFamilies(tokens()["font"]["mono" if mono else "ui"])
    result.setPixelSize(max(11, round(size * scale)))
    result.setWeight(QFont.Weight(weight or role_weight))
    if tabular or role == "num":
        result.setFeature(QFont.Tag("tnum"), 1)
    if mono:  # ligatures turn <|im_start|> into triangles
        result.setFeature(QFont.Tag("calt"), 0)
        result.setFeature(QFont.Tag("liga"), 0)
    return result


def set_role(widget: QWidget, role: str, tabular: bool = False, mono: bool = False) -> None:
    """Give a widget the font of a type role, kept when the text size changes."""
    widget.setProperty("role", role)
    widget.setProperty("tabular", tabular)
    widget.setProperty("mono", mono)
    widget.setFont(font(role, tabular, mono))


def _refresh_fonts(app: QApplication) -> None:
    app.setFont(font("body"))
    for widget in app.allWidgets():
        role = widget.property("role")
        if role:
            widget.setFont(font(role, bool(widget.property("tabular")), bool(widget.property("mono"))))


# ---------------------------------------------------------------- properties that the sheet reads


def set_property(widget: QWidget, name: str, value: Any) -> None:
    """Set a dynamic property and let the sheet see it."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def set_tone(widget: QWidget, tone: str) -> None:
    """Text colour of a label: text text2 text3 accent human good warn bad."""
    set_property(widget, "tone", tone)


def set_region(widget: QWidget, region: str) -> None:
    """Background of a plain widget: canvas panel surface sunken clear."""
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
    set_property(widget, "region", region)


# ---------------------------------------------------------------- switching


def apply_theme(app: QApplication, choice: str = "system", scale: float | None = None) -> None:
    """Put a theme on the whole application: "dark", "light", or "system" to follow the desktop."""
    load_fonts()
    if scale is not None:
        _state.scale = min(1.5, max(0.9, scale))
    _follow(app)
    _state.choice = choice
    hints = app.styleHints()
    if choice == "system":
        hints.unsetColorScheme()
    else:
        hints.setColorScheme(Qt.ColorScheme.Dark if choice == "dark" else Qt.ColorScheme.Light)
    _put_on(app)


def _put_on(app: QApplication) -> None:
    name = _state.choice if _state.choice in NAMES else _system_name()
    _state.theme = Theme(name, _wants_high_contrast())
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(palette(_state.theme))
    # palette(role) in a sheet is fixed at polish time, and so are our filled-in colours: set the sheet again.
    app.setStyleSheet(style_sheet(_state.theme))
    _refresh_fonts(app)
    theme_changed.emit()


def _system_name() -> str:
    # Unknown (also what the offscreen platform says) counts as light, the default of most desktops.
    return "dark" if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"


def _wants_high_contrast() -> bool:
    preference = QGuiApplication.styleHints().accessibility().contrastPreference()
    return preference == Qt.ContrastPreference.HighContrast


def _follow(app: QApplication) -> None:
    """Listen to the desktop and to the keyboard focus, once per application."""
    if _state.following:
        return
    _state.following = True
    hints = app.styleHints()
    hints.colorSchemeChanged.connect(_system_changed)
    hints.accessibility().contrastPreferenceChanged.connect(_system_changed)
    app.focusChanged.connect(_mark_keyboard_focus)


def _system_changed() -> None:
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    name = _state.choice if _state.choice in NAMES else _system_name()
    if Theme(name, _wants_high_contrast()) != _state.theme:
        _put_on(app)


def _mark_keyboard_focus(old: QWidget | None, new: QWidget | None) -> None:
    """Show the ring of plain Qt controls for keyboard focus only.

    `focusChanged` does not tell the reason; a mouse button that is down at this moment does.
    """
    shown = (QAbstractButton, QComboBox, QSlider, QAbstractItemView)
    if isinstance(old, shown):
        set_property(old, "kbfocus", False)
    if isinstance(new, shown) and QApplication.mouseButtons() == Qt.MouseButton.NoButton:
        set_property(new, "kbfocus", True)


def motion(name: str = "base") -> int:
    """Milliseconds of an animation (fast, base, slow); 0 when the desktop asks for less motion."""
    hints = QGuiApplication.styleHints().accessibility()
    preference = getattr(hints, "motionPreference", None)  # Qt 6.12 and later
    if preference is not None and "Reduce" in str(preference()):
        return 0
    return int(tokens()["motion"][name])


# ---------------------------------------------------------------- palette and sheet


def palette(of: Theme) -> QPalette:
    """The palette of a theme, for what the sheet does not reach."""
    role = QPalette.ColorRole
    colors = {
        role.Window: "canvas", role.Base: "surface", role.AlternateBase: "panel", role.Button: "raised",
        role.Text: "text", role.WindowText: "text", role.ButtonText: "text", role.BrightText: "bad",
        role.PlaceholderText: "text3", role.Highlight: "accent", role.HighlightedText: "onAccent",
        role.Accent: "accent", role.Link: "accentText", role.LinkVisited: "accentText",
        role.Light: "line2", role.Midlight: "line", role.Mid: "line", role.Dark: "line2", role.Shadow: "canvas",
        role.ToolTipBase: "raised", role.ToolTipText: "text",
    }  # fmt: skip
    result = QPalette()
    for which, token in colors.items():
        result.setColor(which, of.color(token))
    for which in (role.Text, role.WindowText, role.ButtonText, role.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, which, of.color("text3"))
    return result


@cache
def style_sheet(of: Theme) -> str:
    """The sheet of a theme: the template with every token filled in."""
    folder = paths.resources() / "theme"
    values = {token: of.hex(token) for token in tokens()["color"][of.name]}
    values["handle"] = values["text"] if of.dark else values["accent"]
    for picture in ("check", "dash"):
        values[picture] = (folder / f"{picture}.svg").as_posix()
    values["chevron"] = (folder / f"chevron-{of.name}.svg").as_posix()
    return Template((folder / "workbench.qss").read_text("utf-8")).substitute(values)
