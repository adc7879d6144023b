"""Saying of a passage that it is good, bad or a wrong fact: stored at once, shown to the person who said it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QRect, QRectF, Qt, QTime, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QWidget

from ..errors import WorkbenchError
from ..feedback import mark as marking
from ..store import Response, Store
from ..store.queueing import Item
from ..store.records import Feedback
from . import keys
from .context import Context
from .data_words import MARKS
from .feedback_flow import Flow
from .feedback_marks import LETTER, Mark, MarkedText
from .feedback_mode import AnswerCard, ModeView
from .theme import theme
from .widgets import Button, row
from .widgets.painting import box

GAP = 6


def marks_given(store: Store, response_ids: Sequence[str], annotator: str) -> dict[str, list[Mark]]:
    """The passages that a person marked in some answers, by answer, in the order in which they were marked."""
    # CROSS JOIN keeps this order: from the few answers on screen, never over all that the person judged.
    sql = """SELECT s.response_id, f.id, f.value FROM json_each(?) c CROSS JOIN shown s ON s.response_id = c.value
        CROSS JOIN feedback f ON f.id = s.feedback_id
        WHERE f.kind = ? AND f.annotator = ? AND f.retracted_at IS NULL ORDER BY f.seq"""
    found: dict[str, list[Mark]] = {}
    for made in store.rows(sql, [json.dumps(list(response_ids)), marking.name, annotator]):
        value = json.loads(made["value"])
        found.setdefault(made["response_id"], []).append(Mark(made["id"], **value))
    return found


class MarkBar(QFrame):
    """Floats under a selected passage: the three labels, and a way to take a mark away."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self.setAccessibleName(self.tr("Mark the passage"))
        names = {"good": self.tr("Good"), "bad": self.tr("Bad"), "wrong": self.tr("Wrong fact")}
        self.buttons = {
            name: Button(names[name], MARKS[name][1], LETTER[name], kind="ghost", size="sm") for name in MARKS
        }
        self.remove = Button(self.tr("Take away"), "trash-2", "Delete", kind="ghost", size="sm")
        for button in (*self.buttons.values(), self.remove):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the selection goes when the text loses the focus
        self.setLayout(row(*self.buttons.values(), self.remove, spacing=2, margins=(6, 4, 6, 4)))
        self.hide()

    def offer(self, passage: bool, marked: bool) -> None:
        """What can be done now: there is a passage to mark, there is a mark to take away."""
        for button in self.buttons.values():
            button.setVisible(passage)
        self.remove.setVisible(marked)
        self.adjustSize()

    def show_at(self, under: QRect, right: int) -> None:
        """Show it under a rectangle of the host, or above where there is no room; it ends at `right` if it can."""
        host = self.parentWidget()
        assert host is not None
        x = max(8, min(under.left(), right - self.width()))
        y = under.bottom() + GAP
        if y + self.height() > host.height() - 8:
            y = under.top() - GAP - self.height()
        self.move(x, max(8, y))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box(painter, QRectF(self.rect()), 8, theme().color("raised"), theme().color("line2"))
        painter.end()


class Marker(QObject):
    """One person's marks in the answers that are on screen.

    A mark that was taken away can be put back until the person judges or marks something else.
    """

    saved = Signal(str)
    """A mark is on disk: "Saved 12:03"."""
    noted = Signal(str)
    """Something to say in the dock; "" when that is over."""

    def __init__(self, context: Context, flow: Flow, host: QWidget, is_blind: Callable[[], bool]) -> None:
        super().__init__(host)
        self._context, self._store, self._flow, self._is_blind = context, context.store, flow, is_blind
        self._view: ModeView | None = None
        self._item: Item | None = None
        self._answers: dict[MarkedText, Response] = {}
        self._heard: set[MarkedText] = set()
        self._reader: MarkedText | None = None
        self._taken: list[list[str]] = []
        self._replaced: dict[str, list[str]] = {}
        self.bar = MarkBar(host)
        for name, button in self.bar.buttons.items():
            button.clicked.connect(lambda _=False, name=name: self.mark(name))
        self.bar.remove.clicked.connect(lambda: self.take_away())
        flow.saved.connect(lambda _: self._taken.clear())
        context.person_changed.connect(lambda: self._taken.clear())
        self._make_actions(host)

    def _make_actions(self, host: QWidget) -> None:
        keys.action(host, self.tr("Select a passage to mark"), "V", self.enter).setAutoRepeat(False)
        texts = {
            "good": self.tr("Mark the selected passage as good"),
            "bad": self.tr("Mark the selected passage as bad"),
            "wrong": self.tr("Mark the selected passage as a wrong fact"),
        }
        for name, text in texts.items():
            # No shortcut: the text takes these keys while something in it is selected, see MarkedText.
            keys.action(host, text, "", lambda name=name: self.mark(name)).setProperty("key", f"V {LETTER[name]}")
        keys.action(host, self.tr("Take the mark away"), "", self.take_away).setProperty("key", "V Delete")

    # --- showing

    def show_item(self, view: ModeView, item: Item) -> None:
        """Answers are on screen: show what this person marked in them, and let more be marked."""
        self._view, self._item = view, item
        self._answers = dict(zip(view.readers(), item.responses, strict=False))
        for reader in self._answers.keys() - self._heard:
            self._heard.add(reader)
            reader.moved.connect(lambda reader=reader: self._on_move(reader))
            reader.said.connect(lambda name: self.mark(name) if name else self.take_away())
            if (card := _card_of(reader)) is not None:
                reader.left.connect(lambda card=card: card.setFocus(Qt.FocusReason.OtherFocusReason))
        self.refresh()

    def refresh(self) -> None:
        """Read the marks again."""
        if self._view is not None and self._item is not None:
            ids = self._item.response_ids
            given = marks_given(self._store, ids, self._context.annotator)
            self._view.set_marks([given.get(id_, []) for id_ in ids])

    def _on_move(self, reader: MarkedText) -> None:
        if not reader.selecting:
            if reader is self._reader:
                self._reader = None
                self.bar.hide()
                self.noted.emit("")
            return
        self._reader = reader
        passage, marked = reader.passage() is not None, bool(reader.touched())
        self.bar.offer(passage, marked)
        self._place_bar(reader) if passage or marked else self.bar.hide()

    def _place_bar(self, reader: MarkedText) -> None:
        host = self.bar.parentWidget()
        assert host is not None
        cursor = reader.textCursor()
        ends = []
        for place in (cursor.selectionStart(), cursor.selectionEnd()):
            cursor.setPosition(place)
            ends.append(reader.cursorRect(cursor))
        text = reader.viewport().rect()
        under = ends[0].united(ends[1]).intersected(text)
        if under.isEmpty():  # scrolled away
            under = text
        under.moveTopLeft(reader.viewport().mapTo(host, under.topLeft()))
        self.bar.show_at(under, reader.viewport().mapTo(host, text.topRight()).x())

    # --- by keys

    def enter(self) -> None:
        """Put a caret into the answer that takes the keys; once more goes to the next answer."""
        readers = [reader for reader in self._answers if reader.isVisible()]
        if not readers:
            self.noted.emit(self.tr("Passages are marked where answers are judged, not where they are edited."))
            return
        if self._reader in readers:
            reader = readers[(readers.index(self._reader) + 1) % len(readers)]
        else:
            reader = next((each for each in readers if _takes_keys(each)), readers[0])
        card = _card_of(reader)
        if card is not None:
            card.picked.emit()
        reader.select_by_keys()
        self.noted.emit(self.tr("Arrows move, Shift and the arrows select, Esc leaves."))

    # --- saying

    def mark(self, name: str) -> None:
        """Say "good", "bad" or "wrong" of the selected passage, and store it. Another label replaces the first."""
        reader, item = self._reader, self._item
        if reader is None or item is None:
            self.noted.emit(self.tr("Select a passage first: with the mouse, or press V."))
            return
        passage = reader.passage()
        if passage is None:
            self.noted.emit(self.tr("Select a passage first: Shift and the arrows."))
            return
        same = [mark for mark in reader.marks if (mark.start, mark.end) == passage]
        if any(mark.label == name for mark in same):
            self.noted.emit(self.tr("It is marked so already."))
            return
        if self._add(item, self._answers[reader], passage, name, [mark.id for mark in same]):
            self._done(reader)

    def _add(self, item: Item, answer: Response, passage: tuple[int, int], name: str, instead: list[str]) -> bool:
        start, end = passage
        value = {"start": start, "end": end, "label": name, "quote": answer.text[start:end]}
        guideline = self._store.guidelines.current()
        try:
            with self._store.writing():
                made = self._store.feedback.add(
                    marking.name,
                    item.prompt.id,
                    [answer.id],
                    value,
                    annotator=self._context.annotator,
                    blind=self._is_blind(),
                    run_id=self._flow.run_id,
                    guideline_id=guideline.id if guideline else None,
                    by=self.parent(),
                )
                self._store.feedback.retract(instead, by=self.parent())
        except WorkbenchError as error:
            self._context.tell(error)
            return False
        self._taken.clear()
        self._replaced[made.id] = instead
        self._tell_saved()
        return True

    def _done(self, reader: MarkedText) -> None:
        """Go on from the end of the passage; a mouse has nothing to go on with."""
        if reader.by_mouse:
            reader.leave()
        else:
            cursor = reader.textCursor()
            cursor.setPosition(cursor.selectionEnd())
            reader.setTextCursor(cursor)
        self.bar.hide()
        self.refresh()

    def take_away(self) -> None:
        """Take back the marks that the selection or the caret touches."""
        reader = self._reader
        ids = [mark.id for mark in reader.touched()] if reader is not None else []
        if reader is None or not ids:
            self.noted.emit(self.tr("There is no mark here."))
        elif self._set_retracted(ids, True):
            self._taken.append(ids)
            self._done(reader)

    # --- undo

    def put_back(self) -> bool:
        """Put back the marks that were taken away last, if nothing was judged since. False when there are none."""
        if not self._taken or not self._set_retracted(self._taken[-1], False):
            return False
        self._taken.pop()
        self.refresh()
        self.noted.emit(self.tr("The mark is back."))
        return True

    def undone(self, feedback: Feedback) -> None:
        """Undo took back a mark: what it had replaced stands again."""
        self._swap(feedback, False)
        words = " ".join(str(feedback.value["quote"]).split())
        self.noted.emit(self.tr("Mark taken back: “{quote}”").format(quote=words))

    def redone(self, feedback: Feedback) -> None:
        """Redo put a mark back: what it had replaced goes again."""
        self._swap(feedback, True)

    def _swap(self, feedback: Feedback, retracted: bool) -> None:
        if ids := self._replaced.get(feedback.id):
            self._set_retracted(ids, retracted)
        self.refresh()

    def _set_retracted(self, ids: Sequence[str], retracted: bool) -> bool:
        try:
            self._store.feedback.retract(ids, retracted, by=self.parent())
        except WorkbenchError as error:
            self._context.tell(error)
            return False
        self._tell_saved()
        return True

    def _tell_saved(self) -> None:
        self.saved.emit(self.tr("Saved {time}").format(time=QTime.currentTime().toString("HH:mm")))


def _card_of(reader: QWidget) -> AnswerCard | None:
    parent = reader.parentWidget()
    while parent is not None and not isinstance(parent, AnswerCard):
        parent = parent.parentWidget()
    return parent


def _takes_keys(reader: QWidget) -> bool:
    card = _card_of(reader)
    return card is not None and (card.active or card.hasFocus())
