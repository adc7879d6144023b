"""The frame round every pane: Rail, Header, StatusBar.

rail = Rail([RailItem("models", self.tr("Models"), "box", "Ctrl 1"), ...])   # None is a dividing line
rail.chosen.connect(window.show_pane); rail.set_current("models")
rail.set_count("feedback", 128); rail.set_job("train", 0.41, "running")      # paused, failed, or "" for none
header.add(pane); header.show_pane(pane)
status.set_device("RTX 4070", 9.4e9, 12e9, load=0.61, celsius=67); status.set_model("Qwen... loaded", "good")
status.set_job("PPO helpful-v3", "41% · 18 min left", 0.41); status.set_round("Round 3", "86 new ratings since v2")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QStackedWidget, QToolButton, QWidget

from . import icons, keys
from .figures import percent
from .pane import Pane
from .theme import font, theme, theme_changed
from .widgets import Bar, Button, Divider, ElidedLabel, SpinRing, StatusDot, column, holding, label, row
from .widgets.meters import paint_ring
from .widgets.painting import KeyboardFocus, ShowsKeys, box, keys_width, paint_keys, ring

RAIL_WIDTH, HEADER_HEIGHT, STATUS_HEIGHT = 72, 49, 29
LONGEST_PERSON = 18


class Strip(QWidget):
    """A panel-coloured strip with a line on one side: "right", "bottom" or "top"."""

    def __init__(self, line: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = line

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color("panel"))
        edge = self.rect()
        if self._line == "right":
            edge.setLeft(edge.right())
        elif self._line == "bottom":
            edge.setTop(edge.bottom())
        else:
            edge.setBottom(edge.top())
        painter.fillRect(edge, theme().color("line"))
        painter.end()


@dataclass(frozen=True)
class RailItem:
    """One place in the rail."""

    name: str
    text: str
    icon: str
    keys: str = ""


class RailButton(KeyboardFocus, QToolButton):
    """An icon over a word, with a badge."""

    def __init__(self, item: RailItem, height: int = 54) -> None:
        super().__init__()
        self._item, self._count, self._job = item, 0, ("", 0.0)
        self._words = bool(item.text) and height > 40
        self.setCheckable(self._words)
        self.setAutoExclusive(self._words)
        self.setText(item.text)
        self.setAccessibleName(item.text)
        self.setToolTip(f"{item.text} ({item.keys})" if item.keys else item.text)
        self.setFixedSize(60, height)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_count(self, count: int) -> None:
        """The amber count of what waits for a person."""
        self._count = count
        self.setAccessibleDescription(str(count) if count else "")
        self.update()

    def set_job(self, state: str, fraction: float) -> None:
        """A ring while running, bars while paused, a red sign after a failure."""
        self._job = (state, fraction)
        words = {
            "running": self.tr("Running, {share} done"),
            "paused": self.tr("Paused at {share}"),
            "failed": self.tr("Failed at {share}"),
        }
        self.setAccessibleDescription(words[state].format(share=percent(fraction)) if state else "")
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self._item.keys:
            self.setToolTip(f"{self._item.text} ({keys.hint(self, self._item.keys)})")
        return super().event(event)

    def sizeHint(self) -> QSize:
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect, lit = QRectF(self.rect()), self.isChecked()
        if lit:
            box(painter, rect, 8, theme().color("selected"))
        elif self.underMouse():
            box(painter, rect, 8, theme().color("hover"))
        top = 8 if self._words else (self.height() - 20) / 2
        icons.paint(painter, self._item.icon, "accentText" if lit else "text2", (self.width() - 20) / 2, top, 20)
        if self._words:
            painter.setFont(font("micro"))
            painter.setPen(theme().color("text" if lit else "text2"))
            painter.drawText(rect.adjusted(0, 31, 0, -4), Qt.AlignmentFlag.AlignCenter, self.text())
        self._paint_badge(painter)
        if self.ring_shown():
            ring(painter, rect, 8)
        painter.end()

    def _paint_badge(self, painter: QPainter) -> None:
        state, fraction = self._job
        if state == "running":
            paint_ring(painter, QRectF(self.width() - 19, 4, 13, 13), fraction)
        elif state:
            name, tone = ("pause", "warn") if state == "paused" else ("circle-alert", "bad")
            icons.paint(painter, name, tone, self.width() - 20, 3, 14)
        if self._count:
            text = str(self._count) if self._count < 1000 else "999+"
            face = font("micro", tabular=True)
            width = max(16.0, QFontMetricsF(face).horizontalAdvance(text) + 6)
            badge = QRectF(min(self.width() / 2 + 6, self.width() - width), 3, width, 14)
            box(painter, badge, 5, theme().color("human"))
            painter.setFont(face)
            painter.setPen(theme().color("onHuman"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)


class Rail(Strip):
    """The way round the loop, always on the left."""

    chosen = Signal(str)
    shortcuts_wanted = Signal()
    settings_wanted = Signal()

    def __init__(self, items: Sequence[RailItem | None], parent: QWidget | None = None) -> None:
        super().__init__("right", parent)
        self.setFixedWidth(RAIL_WIDTH)
        self.setAccessibleName(self.tr("Panes"))
        self._buttons: dict[str, RailButton] = {}
        self._logo = QLabel()
        self._logo.setFixedHeight(HEADER_HEIGHT - 1)
        self._logo.setAlignment(Qt.AlignmentFlag.AlignCenter)
        stack = column(self._logo, 5, spacing=2, margins=(5, 0, 6, 14))
        for item in items:
            if item is None:
                line = Divider()
                line.setFixedWidth(28)
                stack.addLayout(row(None, line, None, margins=(0, 5, 0, 5)))
            else:
                stack.addWidget(self._place(item))
        stack.addStretch(1)
        sheet = RailButton(RailItem("shortcuts", self.tr("Shortcuts"), "keyboard", "?"), 34)
        sheet.clicked.connect(self.shortcuts_wanted)
        settings = RailButton(RailItem("settings", self.tr("Settings"), "settings", "Ctrl ,"), 34)
        settings.clicked.connect(self.settings_wanted)
        stack.addWidget(sheet)
        stack.addWidget(settings)
        self.setLayout(stack)
        theme_changed.connect(self._restyle)
        self._restyle()

    def _place(self, item: RailItem) -> RailButton:
        button = RailButton(item)
        button.clicked.connect(lambda: self.chosen.emit(item.name))
        self._buttons[item.name] = button
        return button

    def _restyle(self) -> None:
        self._logo.setPixmap(icons.logo(26))

    def set_current(self, name: str) -> None:
        """Mark a place as the one shown, without sending `chosen`."""
        self._buttons[name].setChecked(True)

    def set_count(self, name: str, count: int) -> None:
        """Amber count on a place; 0 takes it away."""
        self._buttons[name].set_count(count)

    def set_job(self, name: str, fraction: float = 0.0, state: str = "running") -> None:
        """State of the job on a place: running, paused, failed, or "" for none."""
        self._buttons[name].set_job(state, fraction)


class CommandField(KeyboardFocus, ShowsKeys, QPushButton):
    """Looks like a field, opens the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(self.tr("Search or run…"))
        self.setAccessibleName(self.tr("Search or run a command"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font("small")).horizontalAdvance(self.text())
        return QSize(max(196, round(words + keys_width(self._keys())) + 56), 30)

    def _keys(self) -> str:
        return keys.hint(self, "Ctrl K")

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill = theme().color("hover" if self.underMouse() else "surface")
        box(painter, rect, 6, fill, theme().color("line2"))
        icons.paint(painter, "search", "text2", 10, 8, 14)
        painter.setFont(font("small"))
        painter.setPen(theme().color("text3"))
        painter.drawText(rect.adjusted(30, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        paint_keys(painter, self.width() - keys_width(self._keys()) - 8, self.height() / 2, self._keys())
        if self.ring_shown():
            ring(painter, rect, 6)
        painter.end()


class Header(Strip):
    """Title and mode switch of the pane on the left; command field and the pane's actions on the right."""

    command_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("bottom", parent)
        self.setFixedHeight(HEADER_HEIGHT)
        self.title = label("", "title")
        self._left, self._right = QStackedWidget(), QStackedWidget()
        self._left.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._right.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._places: dict[Pane, int] = {}
        self.command = CommandField()
        self.command.clicked.connect(self.command_wanted)
        self.setLayout(row(self.title, self._left, self.command, self._right, spacing=12, margins=(16, 0, 12, 1)))

    def add(self, pane: Pane) -> None:
        """Take in the header widgets of a pane."""
        left = holding(row(*pane.header_widgets(), None))
        right = holding(row(*pane.header_actions()))
        for part in (left, right):
            part.setProperty(keys.FROM, pane)
        self._left.addWidget(left)
        self._places[pane] = self._right.addWidget(right)

    def show_pane(self, pane: Pane) -> None:
        """Show title, mode switch and actions of a pane."""
        self.title.setText(pane.title)
        place = self._places[pane]
        for stack in (self._left, self._right):
            stack.setCurrentIndex(place)
            for other in range(stack.count()):  # only the shown page may claim width
                wanted = QSizePolicy.Policy.Preferred if other == place else QSizePolicy.Policy.Ignored
                if (page := stack.widget(other)) is not None:
                    page.setSizePolicy(wanted, QSizePolicy.Policy.Preferred)
            stack.updateGeometry()
        self._right.setVisible(bool(pane.header_actions()))


class StatusBar(Strip):
    """What the machine and the work are doing, always at the bottom."""

    shortcuts_wanted = Signal()
    job_wanted = Signal()
    person_wanted = Signal(object)
    """The button with the name of who judges was pressed; carries the button, to open a menu at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("top", parent)
        self.setFixedHeight(STATUS_HEIGHT)
        self._narrow, self._celsius, self._file = False, "", ""
        self._build_device()
        self._build_work()
        self._build_saved()
        parts = (
            self._device_part, self._model_part, self._job_part, None,
            self._round_part, self._person_part, self._saved_part, self._keys_part,
        )  # fmt: skip
        self.setLayout(row(*parts, spacing=10, margins=(12, 1, 8, 0)))
        self._job_part.hide()
        self._round_part.hide()

    def _build_device(self) -> None:
        self._device, self._memory_text = label("", "small", "text2"), label("", "small", "text2", tabular=True)
        self._load, self._heat = label("", "small", "text2", tabular=True), label("", "small", "text2", tabular=True)
        self._memory = Bar(self.tr("Device memory"), height=4)
        self._memory.setFixedWidth(64)
        chip, self._heat_icon = _picture("cpu"), _picture("thermometer")
        self._device_part = holding(
            row(chip, self._device, self._memory, self._memory_text, 4, self._load, self._heat_icon, self._heat)
        )

    def _build_work(self) -> None:
        self._model_dot, self._model = StatusDot("text3", True), ElidedLabel("", "small", "text2")
        self._model_part = holding(row(_upright(), self._model_dot, self._model))
        self._job_ring = SpinRing(self.tr("Progress of the job"), 13)
        self._job_sign = _Picture("pause", "warn")
        self._job_name, self._job = ElidedLabel("", "smallb"), ElidedLabel("", "small", "text2")
        self._job_part = holding(row(_upright(), self._job_ring, self._job_sign, self._job_name, self._job))

    def _build_saved(self) -> None:
        self._round, self._round_note = label("", "smallb", "human"), label("", "small", "text2")
        self._round_part = holding(row(self._round, self._round_note))
        self._saved_sign, self._saved = _Picture("check", "good"), label("", "small", "text2")
        self._saved_part = holding(row(_upright(), self._saved_sign, self._saved))
        self.person = Button(icon="user", kind="quiet", size="sm", tip=self.tr("Who judges here"))
        self.person.clicked.connect(lambda: self.person_wanted.emit(self.person))
        self._person_part = holding(row(_upright(), self.person, spacing=2))
        sheet = Button(self.tr("Shortcuts"), key="?", kind="quiet", size="sm")
        sheet.set_keys("?", first=True)
        sheet.clicked.connect(self.shortcuts_wanted)
        self._keys_part = holding(row(_upright(), sheet, spacing=2))

    def set_device(
        self, name: str, used: float, total: float, load: float | None = None, celsius: float | None = None
    ) -> None:
        """The device and its memory in bytes; load from 0 to 1 and temperature where they are known."""
        fraction = used / total if total else 0.0
        self._device.setText(name)
        self._memory.set_fraction(fraction, "s1" if fraction < 0.9 else "warn")
        self._memory_text.setText(
            self.tr("{used} / {total} GB").format(used=f"{used / 1e9:.1f}", total=f"{total / 1e9:.1f}")
        )
        self._load.setText("" if load is None else f"{load:.0%}")
        self._celsius = "" if celsius is None else f"{celsius:.0f} °C"
        self._show_heat()

    def _show_heat(self) -> None:
        shown = bool(self._celsius) and not self._narrow
        self._heat.setText(self._celsius)
        self._heat.setVisible(shown)
        self._heat_icon.setVisible(shown)

    def set_model(self, text: str, tone: str = "good", hollow: bool = False) -> None:
        """The loaded model in words, with the colour of its dot."""
        self._model.setText(text)
        self._model_dot.set_dot(tone, hollow)

    def set_job(self, name: str, text: str = "", fraction: float = 0.0, state: str = "running") -> None:
        """The job that holds the machine: running, paused or failed; an empty name for none."""
        self._job_part.setVisible(bool(name))
        self._job_name.setText(name)
        self._job.setText(text)
        self._job_ring.set_fraction(fraction)
        self._job_ring.setVisible(state == "running")
        self._job_sign.setVisible(state in ("paused", "failed"))
        self._job_sign.set_picture(*(("circle-alert", "bad") if state == "failed" else ("pause", "warn")))

    def set_round(self, text: str, note: str = "") -> None:
        """The round and what is new in it."""
        self._round_part.setVisible(bool(text))
        self._round.setText(text)
        self._round_note.setText(note)
        self._round_note.setVisible(bool(note))

    def set_person(self, name: str) -> None:
        """Who judges."""
        shown = name if len(name) <= LONGEST_PERSON else f"{name[:LONGEST_PERSON]}…"
        self.person.set_text(shown)
        self.person.setAccessibleName(self.tr("Who judges here: {name}").format(name=name))

    def set_saved(self, text: str, file: str = "", good: bool = True) -> None:
        """The last write, with the file's name where there is room."""
        self._file = file
        self._saved.setText(text)
        self._saved.setToolTip(file)
        self._saved_sign.set_picture("check" if good else "triangle-alert", "good" if good else "warn")

    def set_narrow(self, narrow: bool) -> None:
        """Under 1360 px: no temperature."""
        self._narrow = narrow
        self._show_heat()
        self._round_note.setVisible(bool(self._round_note.text()))


class _Picture(QLabel):
    """A small icon that follows the theme."""

    def __init__(self, name: str, tone: str = "text2", size: int = 14) -> None:
        super().__init__()
        self._name, self._tone, self._size = name, tone, size
        self.setFixedSize(size, size)

    def set_picture(self, name: str, tone: str) -> None:
        self._name, self._tone = name, tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icons.paint(painter, self._name, self._tone, 0, 0, self._size)
        painter.end()


def _picture(name: str) -> _Picture:
    return _Picture(name)


def _upright() -> Divider:
    line = Divider(vertical=True)
    line.setFixedHeight(14)
    return line
