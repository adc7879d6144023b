"""Shading by chance: how likely a model found each word of an answer, and under the mouse what else it might have said.

It is asked for when shading is on, by one pass of the model over the answer; nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QGridLayout, QTextEdit, QWidget

from .. import events as ev
from ..errors import WorkbenchError
from ..lm.refs import SERVER
from ..store import Response
from .context import Context
from .feedback_marks import Places
from .generate_cards import AnswerCard
from .generate_columns import ColumnsArea
from .theme import set_region, theme, theme_changed
from .widgets import Bar, column, label, visible

TONE = "s5"
FULL = 0.55
"""Opacity behind a word that the model all but ruled out."""
MOST_KEPT = 200
"""Answers whose chances are kept in memory."""


class Chances(QObject):
    """Asks for the chances of the answers that are shown, and shades them."""

    def __init__(self, context: Context, area: ColumnsArea, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._area = context, area
        self._known: dict[str, list[Any]] = {}
        self._asked = ""
        self.on = False
        context.looked_at.connect(self._on_looked)
        context.session_changed.connect(self._on_session_change)
        theme_changed.connect(self.show)

    def set_on(self, on: bool) -> None:
        """Shade from now on, or no longer."""
        self.on = on
        self.show()

    def show(self) -> None:
        """Shade what is known of the answers on screen, and ask for the next one."""
        for id_, card in self._cards().items():
            Shading.on(card).set_tokens(self._known.get(id_, []) if self.on else [])
        self._ask()

    def _cards(self) -> dict[str, AnswerCard]:
        """Cards of whole answers by what is asked of them; a model on a server cannot say it."""
        return {
            f"{response_id} {view.model.id}": card
            for view in self._area.views
            if view.model is not None and view.model.kind != SERVER
            for response_id, card in view.cards.items()
        }

    def _ask(self) -> None:
        """One at a time, and only while nobody writes: it holds the other models up."""
        if not self.on or self._asked or (self._context.session and self._context.session.feeder.writing):
            return
        for id_, card in self._cards().items():
            response: Response | None = card.response
            if id_ in self._known or response is None:
                continue
            try:
                self._asked = self._context.request_chances(response, id_.split()[1])
            except WorkbenchError as error:
                self._context.tell(error)
                self._known[id_] = []
            return

    def _on_looked(self, event: ev.Chances) -> None:
        self._asked = ""
        if event.problem:
            self._context.message.emit(event.problem, "", "warn")
        while len(self._known) >= MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known[event.id] = event.tokens
        self.show()

    def _on_session_change(self) -> None:
        if self._context.session is None:
            self._asked = ""


class Shading(QObject):
    """The shades behind one answer's words, and the window over the word under the mouse."""

    def __init__(self, text: Any) -> None:
        super().__init__(text)
        self._text = text
        self._tokens: list[Any] = []
        self._spans: list[tuple[int, int]] = []
        text.viewport().installEventFilter(self)

    @classmethod
    def on(cls, card: AnswerCard) -> Shading:
        """The shading of a card, made when it is first wanted."""
        return card.text.findChild(cls) or cls(card.text)

    def set_tokens(self, tokens: Sequence[Any]) -> None:
        """Shade these: [text, probability, alternatives] in order. Nothing where they are another text's."""
        fits = "".join(token[0] for token in tokens) == self._text.plain()
        self._tokens = list(tokens) if fits else []
        self._spans = self._places()
        self._text.setExtraSelections(
            [self._shade(span, token[1]) for span, token in zip(self._spans, self._tokens, strict=True)]
        )

    def _places(self) -> list[tuple[int, int]]:
        if not self._tokens:
            return []
        places, start, found = Places(self._text.plain()), 0, []
        for token in self._tokens:
            found.append(places.shown(start, start + len(token[0])))
            start += len(token[0])
        return found

    def _shade(self, span: tuple[int, int], p: float) -> QTextEdit.ExtraSelection:
        selection: Any = QTextEdit.ExtraSelection()
        selection.cursor = QTextCursor(self._text.document())
        selection.cursor.setPosition(span[0])
        selection.cursor.setPosition(span[1], QTextCursor.MoveMode.KeepAnchor)
        selection.format = QTextCharFormat()
        selection.format.setBackground(theme().color(TONE, FULL * (1 - p)))
        return selection

    def token_at(self, point: QPoint) -> Any:
        """The token under a point of the text's viewport, None where there is none."""
        here = self._text.cursorForPosition(point).position()
        for place, (start, end) in enumerate(self._spans):
            if start <= here < end:
                return self._tokens[place]
        return None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._tokens:
            token = self.token_at(event.pos())
            if token is not None:
                ChancesTip.over(self._text, token, event.globalPos())
            return True
        if event.type() in (QEvent.Type.Leave, QEvent.Type.MouseMove, QEvent.Type.Hide, QEvent.Type.Wheel):
            ChancesTip.close_over(self._text)
        return super().eventFilter(watched, event)


class ChancesTip(QFrame):
    """What a model might have said in the place of a word, with bars."""

    def __init__(self, token: Any, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        set_region(self, "surface")
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        rows = [(text, p) for text, p in token[2]]
        if all(text != token[0] for text, _ in rows):
            rows.append((token[0], token[1]))
        for place, (text, p) in enumerate(rows):
            bar = Bar(self.tr("Chance"), TONE)
            bar.setFixedWidth(72)
            bar.set_fraction(p)
            mine = text == token[0]
            grid.addWidget(label(_spelled(text), "strong" if mine else "small"), place, 0)
            grid.addWidget(bar, place, 1)
            grid.addWidget(label(_share(p), "small", "text2", tabular=True), place, 2, Qt.AlignmentFlag.AlignRight)
        self.setLayout(column(label(self.tr("Chances for this word"), "small", "text2"), grid, spacing=6,
                              margins=(12, 8, 12, 10)))  # fmt: skip

    @classmethod
    def over(cls, text: QWidget, token: Any, point: QPoint) -> ChancesTip:
        """Show it below a point of the screen; another one over the same text goes."""
        cls.close_over(text)
        tip = cls(token, text)
        tip.adjustSize()
        room = text.screen().availableGeometry()
        x = min(point.x(), room.right() - tip.width())
        below = point.y() + 18
        tip.move(x, below if below + tip.height() <= room.bottom() else point.y() - tip.height() - 8)
        tip.show()
        return tip

    @classmethod
    def close_over(cls, text: QWidget) -> None:
        """Take it away."""
        for tip in text.findChildren(cls):
            tip.hide()
            tip.deleteLater()


def _spelled(text: str) -> str:
    """A token as it can be read: spaces at its ends and line breaks as signs."""
    shown = visible(text).replace("\n", "\u21b5")
    return shown if shown.strip() else "\u2423" * len(shown)


def _share(p: float) -> str:
    return "<1%" if p < 0.01 else f"{100 * p:.0f}%"
