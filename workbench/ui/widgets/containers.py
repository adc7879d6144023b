"""What holds other widgets: Card, ChoiceCard, Banner, EmptyState, LinkButton, PanelSplitter, and layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSettings, QSize, Qt
from PySide6.QtGui import QEnterEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QSplitterHandle,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from .. import icons
from ..theme import font, theme, tokens
from .buttons import Button
from .painting import KeyboardFocus, box, ring, text_width
from .text import label

GRAB = 7


def row(*items: QWidget | QLayout | int | None, spacing: int = 8, margins: Sequence[int] = (0, 0, 0, 0)) -> QHBoxLayout:
    """A row of widgets and layouts; a number is a gap, None a stretch."""
    return cast(QHBoxLayout, _filled(QHBoxLayout(), items, spacing, margins))


def column(
    *items: QWidget | QLayout | int | None, spacing: int = 8, margins: Sequence[int] = (0, 0, 0, 0)
) -> QVBoxLayout:
    """A column of widgets and layouts; a number is a gap, None a stretch."""
    return cast(QVBoxLayout, _filled(QVBoxLayout(), items, spacing, margins))


def _filled(
    layout: QBoxLayout, items: Sequence[QWidget | QLayout | int | None], spacing: int, margins: Sequence[int]
) -> QBoxLayout:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)
    return layout


def holding(layout: QLayout, parent: QWidget | None = None) -> QWidget:
    """A plain widget with this layout."""
    result = QWidget(parent)
    result.setLayout(layout)
    return result


def scrolling(widget: QWidget) -> QScrollArea:
    """A widget that scrolls up and down when it is taller than its place; what is behind shows through."""
    result = QScrollArea()
    result.setWidgetResizable(True)
    result.setFrameShape(QFrame.Shape.NoFrame)
    result.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    result.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    result.setWidget(widget)
    return result


class Card(QFrame):
    """A surface with a line around it, for things to judge or pick.

    `chosen` tints it, `active` draws the 2 px ring of the card that takes the keys, `edge` names a colour
    token for the line, such as "humanText" on what a person preferred. Put a layout into it.
    """

    def __init__(self, parent: QWidget | None = None, fill: str = "surface") -> None:
        super().__init__(parent)
        self._fill, self._chosen, self._active, self._edge = fill, False, False, ""

    @property
    def chosen(self) -> bool:
        return self._chosen

    @chosen.setter
    def chosen(self, value: bool) -> None:
        if value != self._chosen:
            self._chosen = value
            self.update()

    @property
    def active(self) -> bool:
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        if value != self._active:  # drawing a card draws all that is on it
            self._active = value
            self.update()

    def set_fill(self, token: str) -> None:
        """Colour token of the surface."""
        self._fill = token
        self.update()

    def set_edge(self, token: str) -> None:
        """Colour token of the line; "" is the usual one."""
        if token != self._edge:
            self._edge = token
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, rect, radius = theme(), QRectF(self.rect()), tokens()["radius"]["card"]
        edge = "accentText" if self._chosen else self._edge or "line"
        box(painter, rect, radius, on.color("accentSoft" if self._chosen else self._fill), on.color(edge))
        if self._active:
            ring(painter, rect, radius)
        painter.end()


class ChoiceCard(KeyboardFocus, QPushButton):
    """A card to pick among others: a checkable button that holds a layout. Siblings exclude each other."""

    def __init__(self, name: str, layout: QLayout | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        if layout is not None:
            self.setLayout(layout)
            self.let_clicks_through()

    def let_clicks_through(self) -> None:
        """Call after adding children later: a click on a label inside must reach the card."""
        for child in self.findChildren(QLabel):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        inside = self.layout()
        return inside.totalSizeHint() if inside is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        inside = self.layout()
        return inside.totalMinimumSize() if inside is not None else super().minimumSizeHint()

    def hasHeightForWidth(self) -> bool:
        inside = self.layout()
        return inside is not None and inside.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        inside = self.layout()
        return inside.totalHeightForWidth(width) if inside is not None else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, rect, radius = theme(), QRectF(self.rect()), tokens()["radius"]["card"]
        hover = self.underMouse() and self.isEnabled()
        fill = "accentSoft" if self.isChecked() else "hover" if hover else "surface"
        box(painter, rect, radius, on.color(fill), on.color("accentText" if self.isChecked() else "line"))
        if self.ring_shown():
            ring(painter, rect, radius)
        painter.end()


class LinkButton(KeyboardFocus, QPushButton):
    """A word to press that looks like a link."""

    def __init__(self, text: str, tone: str = "accentText", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._tone = tone
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(round(text_width("smallb", self.text())) + 9, 24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        face = font("smallb")
        face.setUnderline(self.underMouse())
        painter.setFont(face)
        painter.setPen(theme().color(self._tone if self.isEnabled() else "text3"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        if self.ring_shown():
            ring(painter, QRectF(self.rect()), 4)
        painter.end()


BANNER_TONES = {  # tone -> fill, icon colour, icon
    "good": ("goodSoft", "good", "circle-check"),
    "warn": ("warnSoft", "warn", "triangle-alert"),
    "bad": ("badSoft", "bad", "circle-alert"),
    "info": ("accentSoft", "accentText", "info"),
}


class Banner(QFrame):
    """A sentence that matters, on a tint: icon, strong words, the rest, and up to two actions."""

    def __init__(
        self, strong: str = "", text: str = "", tone: str = "info", icon: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tone, self._icon_name = tone, icon
        self._strong = label(strong, "strong")
        self._text = label(text, "body", "text2", wrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._actions = row(spacing=8)
        self.setLayout(row(self._strong, self._text, self._actions, margins=(38, 4, 8, 4)))
        self.setMinimumHeight(30)
        self.set_banner(strong, text, tone, icon)

    def set_banner(self, strong: str, text: str = "", tone: str = "info", icon: str = "") -> None:
        """Change words and tone: good warn bad info."""
        self._tone, self._icon_name = tone, icon
        self._strong.setText(strong)
        self._strong.setVisible(bool(strong))
        self._text.setText(text)
        self.setAccessibleName(f"{strong} {text}".strip())
        self.update()

    def add_action(self, text: str, slot: Callable[[], object], as_link: bool = False) -> QPushButton:
        """Add a button at the right end."""
        button: QPushButton = LinkButton(text) if as_link else Button(text, size="sm")
        button.clicked.connect(lambda: slot())
        self._actions.addWidget(button)
        return button

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        fill, ink, name = BANNER_TONES[self._tone]
        box(painter, QRectF(self.rect()), 6, theme().color(fill))
        icons.paint(painter, self._icon_name or name, ink, 12, round(self.height() / 2 - 8))
        painter.end()


class EmptyState(QWidget):
    """What a place says while it holds nothing: one sentence, one primary action, one link."""

    def __init__(
        self,
        sentence: str,
        action: str = "",
        on_action: Callable[[], object] | None = None,
        link: str = "",
        on_link: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.sentence = label(sentence, "body", "text2", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.action = Button(action, kind="primary", size="lg")
        # Hidden, never shown: setVisible(True) on a widget without a parent opens a window for an instant.
        if not action:
            self.action.hide()
        self.link = LinkButton(link)
        if not link:
            self.link.hide()
        if on_action is not None:
            self.action.clicked.connect(lambda: on_action())
        if on_link is not None:
            self.link.clicked.connect(lambda: on_link())
        self.setLayout(
            column(None, self.sentence, row(None, self.action, None), row(None, self.link, None), None, spacing=12)
        )

    def set_sentence(self, text: str) -> None:
        """Change the sentence."""
        self.sentence.setText(text)


class _Handle(QSplitterHandle):
    """One pixel to see, seven to grab; a double click gives back the first sizes."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Under a splitter whose width is 1 Qt makes the handle 5 px wide and masks it to the line;
        # two more pixels make the line easier to hit.
        side = self.geometry()
        if self.orientation() == Qt.Orientation.Horizontal and side.width() < GRAB:
            self.setGeometry(side.adjusted(-1, 0, GRAB - 1 - side.width(), 0))
        elif self.orientation() == Qt.Orientation.Vertical and side.height() < GRAB:
            self.setGeometry(side.adjusted(0, -1, 0, GRAB - 1 - side.height()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cast(PanelSplitter, self.splitter()).reset()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        across = self.rect().center()
        if self.orientation() == Qt.Orientation.Horizontal:
            painter.fillRect(across.x(), 0, 1, self.height(), theme().color("line"))
        else:
            painter.fillRect(0, across.y(), self.width(), 1, theme().color("line"))
        painter.end()


class PanelSplitter(QSplitter):
    """A splitter between regions; its sizes are kept in QSettings under its name."""

    def __init__(
        self, name: str, orientation: Qt.Orientation = Qt.Orientation.Horizontal, parent: QWidget | None = None
    ) -> None:
        super().__init__(orientation, parent)
        self._name = name
        self._first: list[int] = []
        self.setChildrenCollapsible(False)
        # With a width of 1 Qt itself lets the handle be grabbed some pixels beside the line.
        self.setHandleWidth(1)
        self.splitterMoved.connect(self.save)

    def createHandle(self) -> QSplitterHandle:
        return _Handle(self.orientation(), self)

    def set_first_sizes(self, sizes: Sequence[int]) -> None:
        """The sizes at first and after a double click; sizes kept from last time win."""
        self._first = list(sizes)
        kept = QSettings().value(f"sizes/{self._name}")
        if not (isinstance(kept, QByteArray) and self.restoreState(kept)):
            self.setSizes(self._first)
        self.setHandleWidth(1)

    def reset(self) -> None:
        """Go back to the first sizes."""
        if self._first:
            self.setSizes(self._first)
        self.save()

    def save(self) -> None:
        """Keep the present sizes."""
        QSettings().setValue(f"sizes/{self._name}", self.saveState())
