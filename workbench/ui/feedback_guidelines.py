"""Changing the guidelines: a page over what is judged, with the text, a preview, what changed, and all versions.

A version is never overwritten: Save keeps a new one, and an old one that is used again is a new one too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QScrollArea, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..store.records import Guideline
from . import keys
from .context import Context
from .data_words import person, when_exactly
from .feedback_drafts import Drafts
from .feedback_editor import Editor
from .feedback_guide import GuideText, guidelines
from .feedback_text import RunsText
from .figures import MINUS, count
from .pane import Pane
from .theme import set_region
from .widgets import (
    Button,
    Card,
    Chip,
    ChoiceCard,
    ElidedLabel,
    LinkButton,
    Option,
    Segmented,
    column,
    holding,
    label,
    row,
    scrolling,
)
from .word_diff import Difference, difference

DRAFT_MS, SHOW_MS = 400, 90
STYLES = {"same": "plain", "removed": "removed", "added": "added"}


def show_difference(shown: RunsText, found: Difference) -> None:
    """What was removed struck through, what was added on a tint."""
    shown.show_runs([(STYLES[piece.change], piece.text) for piece in found.pieces])


class Versions(QWidget):
    """All versions, newest first: who wrote each and when, what was judged under it, and what it changed."""

    again_wanted = Signal(str)
    """The text of an old version that is to be the current one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._versions: list[Guideline] = []
        self._chosen = -1
        self.cards: list[ChoiceCard] = []
        self._list = column(spacing=6)
        self.area = scrolling(holding(column(self._list, None)))
        self.before = label("", "small", "text3", tabular=True)
        self.against = Segmented(
            [Option("before", self.tr("What it changed")), Option("now", self.tr("Against the current one"))],
            self.tr("Compare with"),
            "sm",
        )
        self.again = Button(self.tr("Use this again"), "rotate-ccw", size="sm")
        self.figures = label("", "small", "text2", tabular=True)
        self.changes = RunsText(self.tr("What changed between the versions"))
        head = row(self.against, self.figures, None, self.again)
        layout = column(self.area, self.before, head, self.changes, spacing=8)
        layout.setStretch(0, 2)
        layout.setStretch(3, 3)
        self.setLayout(layout)
        self.against.changed.connect(lambda _: self._show_changes())
        self.again.clicked.connect(lambda: self.again_wanted.emit(self._versions[self._chosen].text))

    def show_versions(self, versions: Sequence[Guideline], counts: Mapping[str | None, int]) -> None:
        """Show the versions, which come oldest first, with the number of judgements made under each by its id."""
        self._versions = list(versions)
        for card in self.cards:
            card.hide()
            card.deleteLater()
        self.cards = [self._card(place, counts.get(version.id, 0)) for place, version in enumerate(versions)]
        for card in reversed(self.cards):
            self._list.addWidget(card)
        earlier = counts.get(None, 0)
        self.before.setText(self.tr("Before the first version: {judged}").format(judged=self._judged(earlier)))
        self.before.setVisible(bool(earlier))
        self.choose(len(versions) - 1)

    def _judged(self, number: int) -> str:
        return self.tr("1 judgement") if number == 1 else self.tr("{n} judgements").format(n=count(number))

    def _card(self, place: int, judged: int) -> ChoiceCard:
        version, name = self._versions[place], self.tr("Version {number}").format(number=count(place + 1))
        top = row(label(name, "strong", tabular=True), None, label(self._judged(judged), "small", "text2"))
        if place == len(self._versions) - 1:
            top.insertWidget(1, Chip(self.tr("current"), None, "neutral"))
        who = label(f"{person(version.annotator)}, {when_exactly(version.created_at)}", "small", "text2")
        card = ChoiceCard(name, column(top, who, spacing=2, margins=(12, 7, 12, 7)))
        card.clicked.connect(lambda: self.choose(place))
        return card

    def choose(self, place: int) -> None:
        """Show what one version changed, 0 being the oldest."""
        self._chosen = place
        if 0 <= place < len(self.cards):
            self.cards[place].setChecked(True)
            self.area.ensureWidgetVisible(self.cards[place])
        self.again.setEnabled(0 <= place < len(self._versions) - 1)
        self._show_changes()

    def _show_changes(self) -> None:
        texts = [version.text for version in self._versions]
        if not 0 <= self._chosen < len(texts):
            self.changes.show_runs([])
            self.figures.setText("")
            return
        this = texts[self._chosen]
        before = texts[self._chosen - 1] if self._chosen else ""
        pair = (this, texts[-1]) if self.against.value() == "now" else (before, this)
        found = difference(*pair)
        self.figures.setText(f"+{count(found.added)} {MINUS}{count(found.removed)}")
        show_difference(self.changes, found)


class GuidelinesPage(QWidget):
    """The text of the guidelines to write in, and beside it how it reads, what changed, and the versions."""

    closed = Signal()
    saved = Signal()
    """There is a new version."""

    def __init__(self, context: Context, drafts: Drafts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._drafts = context, drafts
        self._versions: list[Guideline] = []
        self._base = ""
        set_region(self, "canvas")
        self.note = ElidedLabel("", "small", "text2")
        self.discard = LinkButton(self.tr("Discard the draft"))
        self.closer = Button(self.tr("Close"), key="Esc", kind="ghost")
        self.save_button = Button(self.tr("Save"), key="Ctrl Enter", kind="primary")
        self.editor = Editor(self.tr("Guidelines in Markdown"))
        self.sides = Segmented(
            [
                Option("preview", self.tr("Preview"), "eye"),
                Option("changes", self.tr("Changes"), "git-compare"),
                Option("history", self.tr("Versions"), "history"),
            ],
            self.tr("Beside the text"),
            "sm",
        )
        self.preview = GuideText()
        self.changes = RunsText(self.tr("What you changed"))
        self.versions = Versions()
        self._stack = QStackedWidget()
        for part in (self._reading(), self.changes, self.versions):
            self._stack.addWidget(part)
        self._build()
        keys.action(self, self.tr("Save the guidelines"), "Ctrl Enter", self.save).setAutoRepeat(False)
        self._drafting = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self._drafting.timeout.connect(self.keep_draft)
        self._showing = QTimer(self, singleShot=True, interval=SHOW_MS)
        self._showing.timeout.connect(self._show)
        self._connect()

    def _reading(self) -> QScrollArea:
        return scrolling(holding(column(self.preview, None)))

    def _build(self) -> None:
        title = label(self.tr("Edit the guidelines"), "head")
        head = row(title, self.note, self.discard, self.closer, self.save_button)
        head.setStretch(1, 1)
        left, right = Card(), Card()
        words = label(self.tr("Markdown: 1. **Title.** Text, - item, ## heading"), "small", "text3")
        left.setLayout(column(words, self.editor, spacing=8, margins=(16, 12, 14, 14)))
        right.setLayout(column(row(self.sides, None), self._stack, spacing=10, margins=(16, 12, 14, 14)))
        cards = row(left, right, spacing=12)
        for place in range(2):
            cards.setStretch(place, 1)
        layout = column(head, cards, spacing=12, margins=(16, 12, 16, 16))
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.editor.focused.connect(lambda on: setattr(left, "active", on))

    def _connect(self) -> None:
        self.editor.textChanged.connect(self._on_typed)
        self.editor.left.connect(self.close_page)
        self.closer.clicked.connect(self.close_page)
        self.save_button.clicked.connect(self.save)
        self.discard.clicked.connect(self._discard)
        self.sides.changed.connect(lambda _: self._show())
        self.versions.again_wanted.connect(self._use_again)

    # --- opening and closing

    def open_page(self) -> None:
        """Show the current guidelines, or the draft of this person."""
        text, self._base = self._drafts.guidelines()
        self._read()
        if not text:
            self._base = self._versions[-1].id if self._versions else ""
        self.editor.show_text(text or self._current())
        self._show()
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_page(self) -> None:
        """Go back to judging; a draft is kept."""
        self.keep_draft()
        self.closed.emit()

    def _read(self) -> None:
        self._versions = self._context.store.guidelines.list()
        self.versions.show_versions(self._versions, self._context.store.guidelines.counts())

    def _current(self) -> str:
        return guidelines(self._context.store)

    def has_draft(self) -> bool:
        """Whether a text is here or kept that is not saved."""
        return bool(self._drafts.guidelines()[0])

    # --- showing

    def _on_typed(self) -> None:
        self._drafting.start()
        self._showing.start()

    def _show(self) -> None:
        self._show_side()
        number = len(self._versions)
        touched = self._touched()
        self.save_button.set_text(self.tr("Save version {number}").format(number=count(number + 1)))
        self.save_button.setEnabled(bool(self._text()) and (touched or not number))
        self.discard.setVisible(touched)
        self.note.setText(self._about(number, touched))

    def _about(self, number: int, touched: bool) -> str:
        if not self._text():
            return self.tr("Write what people should go by.")
        if not number:
            return self.tr("The sample text. Saving makes version 1 of this project.")
        last = self._versions[-1]
        if touched and self._base != last.id:
            return self.tr("Version {number} was saved by {who} since you began: see Changes.").format(
                number=count(number), who=person(last.annotator)
            )
        if touched:
            return self.tr("A draft, kept until you save or discard it. Judgements go by version {number}.").format(
                number=count(number)
            )
        return self.tr("Version {number}, {who}, {when}").format(
            number=count(number), who=person(last.annotator), when=when_exactly(last.created_at)
        )

    def _show_side(self) -> None:
        self._showing.stop()
        side = self.sides.value()
        self._stack.setCurrentIndex(("preview", "changes", "history").index(side))
        if side == "preview":
            self.preview.show_text(self.editor.text())
        elif side == "changes":
            show_difference(self.changes, difference(self._current().strip(), self._text()))

    # --- saving

    def _text(self) -> str:
        return self.editor.text().strip()

    def _touched(self) -> bool:
        return self._text() != self._current().strip()

    def keep_draft(self) -> None:
        """Keep what is written, now; what the current version says already is no draft."""
        self._drafting.stop()
        self._drafts.keep_guidelines(self.editor.text() if self._touched() else "", self._base)
        self._show()

    def _discard(self) -> None:
        self.editor.replace(self._current())  # which Ctrl Z takes back
        self._base = self._versions[-1].id if self._versions else ""
        self.keep_draft()
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def save(self) -> None:
        """Keep the text as a new version, and go back to judging under it."""
        self._show()  # the last letters may be younger than the timer
        if self.save_button.isEnabled() and self._add(self.editor.text()):
            self._drafting.stop()
            self._drafts.keep_guidelines("", "")
            self.closed.emit()

    def _use_again(self, text: str) -> None:
        untouched = not self._touched()
        if self._add(text):
            self._read()
            if untouched:
                self.editor.show_text(self._current())
                self._base = self._versions[-1].id
            self.keep_draft()

    def _add(self, text: str) -> bool:
        try:
            self._context.store.guidelines.add(text, self._context.annotator, by=self)
        except WorkbenchError as error:
            self._context.tell(error)
            return False
        self.saved.emit()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_page()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._drafting.isActive():
            self.keep_draft()


class Desk(QStackedWidget):
    """The body of Feedback: what is judged, or over it the guidelines page. While that is open no key judges."""

    changed = Signal()
    """The page was opened or closed, or there is a new version."""

    def __init__(self, pane: Pane, work: QWidget, page: GuidelinesPage) -> None:
        super().__init__()
        self._pane, self._work, self.page = pane, work, page
        self._right, self._held = False, list[QAction]()
        self.addWidget(work)
        self.addWidget(page)
        page.closed.connect(self.close_page)
        page.saved.connect(self.changed)

    @property
    def is_open(self) -> bool:
        """Whether the guidelines are being changed."""
        return self.currentWidget() is self.page

    def open_page(self) -> None:
        """Show the page. The pane's keys are taken off, and with them all that they could do unseen."""
        if self.is_open or self._pane.right is None:
            return
        self._held = self._pane.actions()
        for action in self._held:
            self._pane.removeAction(action)
        self._pane.addActions(self.page.actions())
        self._right = not self._pane.right.isHidden()
        self._pane.right.hide()
        self.setCurrentWidget(self.page)
        self.page.open_page()
        self.changed.emit()

    def close_page(self) -> None:
        """Go back to what is judged."""
        if not self.is_open or self._pane.right is None:
            return
        self.setCurrentWidget(self._work)
        for action in self.page.actions():
            self._pane.removeAction(action)
        self._pane.addActions(self._held)
        self._pane.right.setVisible(self._right and self._pane.step != "narrow")
        self.changed.emit()
