"""Where a model came from, as a graph: models down a line, judgements joining from the side in amber."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from . import models_words as words
from .models_library import Node
from .theme import font, text_scale, theme
from .widgets import column
from .widgets.painting import KeyboardFocus, box, ring

GUTTER = 48
LINE_X, SIDE_X = 10, 29


class NodeButton(KeyboardFocus, QPushButton):
    """One node in words, to press: a name and what it is."""

    def __init__(self, node: Node, title: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.node, self.note = node, note
        self.setAccessibleName(f"{title}, {note}" if note else title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setEnabled(node.kind != "more")
        if self.isEnabled():
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(120, round(37 * max(1.0, text_scale())))

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        people = "humanText" if self.node.human else "text2"
        tone = {"people": people, "more": "text2"}.get(self.node.kind, "text")
        half = self.height() / 2
        self._line(painter, QRectF(4, 1, self.width() - 8, half - 1), self.text(), "strong", tone, self.underMouse())
        self._line(painter, QRectF(4, half, self.width() - 8, half - 2), self.note, "small", "text2")
        if self.ring_shown():
            ring(painter, QRectF(self.rect()), 4)
        painter.end()

    def _line(self, painter: QPainter, rect: QRectF, text: str, role: str, tone: str, underlined: bool = False) -> None:
        face = font(role, tabular=True)
        face.setUnderline(underlined and self.isEnabled())
        painter.setFont(face)
        painter.setPen(theme().color(tone))
        shown = QFontMetricsF(face).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)


class LineageView(QWidget):
    """The graph. `model_wanted(id)` and `people_wanted(run id)` when a node is pressed."""

    model_wanted = Signal(str)
    people_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Where it came from"))
        self.buttons: list[NodeButton] = []
        self._current = ""
        self._column = column(spacing=0, margins=(GUTTER, 0, 0, 0))
        self.setLayout(self._column)

    def set_nodes(self, nodes: Sequence[Node], current: str) -> None:
        """Show these nodes; `current` is the id of the model that is looked at."""
        for button in self.buttons:
            self._column.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = [self._button(node) for node in nodes]
        self._current = current
        for button in self.buttons:
            self._column.addWidget(button)
        self.updateGeometry()
        self.update()

    def _button(self, node: Node) -> NodeButton:
        if node.kind == "people":
            button = NodeButton(node, words.judgements(node.counts), self._who(node))
            button.clicked.connect(lambda: self.people_wanted.emit(node.run_id))
            return button
        if node.model is None:
            return NodeButton(node, self.tr("{count} models grew from this").format(count=node.more), "")
        button = NodeButton(node, node.model.name, self._note(node))
        button.clicked.connect(lambda _=False, id=node.model.id: self.model_wanted.emit(id))
        return button

    def _who(self, node: Node) -> str:
        if len(node.who) <= 2:
            return self.tr("judged by {names}").format(names=", ".join(node.who))
        people, other = len(node.people), len(node.who) - len(node.people)
        if other and people:
            return self.tr("judged by {count} people and {other} judges or rules").format(count=people, other=other)
        words = self.tr("judged by {count} judges or rules") if other else self.tr("judged by {count} people")
        return words.format(count=len(node.who))

    def _note(self, node: Node) -> str:
        model = node.model
        assert model is not None
        if model.kind == "base":
            return self.tr("base, {origin}").format(origin=words.origin(model))
        method = words.method_title(model)
        if node.reward_name:
            return self.tr("{method} with {reward}").format(method=method, reward=node.reward_name)
        return method or self.tr("adapter")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middles = [(button.node, button.geometry().center().y() + 0.5) for button in self.buttons]
        self._paint_lines(painter, middles)
        for node, y in middles:
            self._paint_node(painter, node, y)
        painter.end()

    def _paint_lines(self, painter: QPainter, middles: list[tuple[Node, float]]) -> None:
        trunk = [y for node, y in middles if node.kind != "people"]
        if len(trunk) > 1:
            painter.setPen(QPen(theme().color("line2"), 2))
            painter.drawLine(QPointF(LINE_X, trunk[0]), QPointF(LINE_X, trunk[-1]))
        for (node, y), (_, below) in pairwise(middles):
            if node.kind == "people":
                path = QPainterPath(QPointF(SIDE_X, y))
                path.cubicTo(SIDE_X, y + 18, LINE_X, below - 22, LINE_X, below)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme().color("s2" if node.human else "ref"), 2))
                painter.drawPath(path)

    def _paint_node(self, painter: QPainter, node: Node, y: float) -> None:
        on = theme()
        if node.kind == "people":
            box(painter, QRectF(SIDE_X - 5, y - 5, 10, 10), 2, on.color("s2" if node.human else "ref"))
            return
        if node.kind == "more":
            box(painter, QRectF(LINE_X - 4, y - 4, 8, 8), 4, on.color("panel"), on.color("text3"), 1.4)
            return
        assert node.model is not None
        token = "ref" if node.model.kind == "base" else "s1"
        if node.model.id == self._current:
            box(painter, QRectF(LINE_X - 9, y - 9, 18, 18), 9, on.color("panel"), on.color("accentText"), 2)
        box(painter, QRectF(LINE_X - 5, y - 5, 10, 10), 5, on.color(token))
