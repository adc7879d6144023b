"""The right panel of Feedback: guidelines, what the numbers mean, who wrote the last item, and the comment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QWidget

from .. import paths
from ..store import Store
from .feedback_editor import CommentBox
from .figures import count
from .theme import set_region
from .widgets import Button, Divider, LetterBadge, LinkButton, SectionLabel, column, holding, label, row

_NUMBERED = re.compile(r"(\d+)\.\s+(?:\*\*(.+?)\*\*\s*)?(.*)")
_MEANING = re.compile(r"[-*]\s+\*\*\d\*\*")


@dataclass(frozen=True)
class Block:
    """A part of the guidelines. kind: "heading", "numbered", "bullet" or "text"."""

    kind: str
    text: str
    title: str = ""
    number: str = ""


def guidelines(store: Store) -> str:
    """The project's guidelines, or the sample ones."""
    own = store.guidelines.current()
    if own is not None:
        return own.text
    return (paths.samples() / "guidelines.md").read_text("utf-8")


def blocks(text: str) -> list[Block]:
    """The few marks of Markdown that guidelines need; anything else is text as it stands.

    The meanings of the numbers are left out: the panel shows them itself, next to the keys.
    """
    found: list[Block] = []
    for line in (line.strip() for line in text.splitlines()):
        if _MEANING.match(line) and found and found[-1].kind == "heading":
            found.pop()
        if not line or line.startswith("# ") or _MEANING.match(line):
            continue
        if line.startswith("#"):
            found.append(Block("heading", line.lstrip("# ")))
        elif numbered := _NUMBERED.fullmatch(line):
            number, title, rest = numbered.groups()
            found.append(Block("numbered", _plain(rest), _plain(title or "").rstrip("."), number))
        elif line.startswith(("- ", "* ")):
            found.append(Block("bullet", _plain(line[2:])))
        else:
            found.append(Block("text", _plain(line)))
    return found


def _plain(text: str) -> str:
    return text.replace("**", "")


class GuideText(QWidget):
    """Guidelines as they are read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = column(spacing=7)
        self.setLayout(self._text)

    def show_text(self, text: str) -> None:
        """Show the Markdown of some guidelines."""
        while (item := self._text.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for block in blocks(text):
            self._text.addWidget(self._drawn(block))

    def _drawn(self, block: Block) -> QWidget:
        if block.kind == "heading":
            return label(block.text, "small", "text2", wrap=True)
        if block.kind == "numbered":
            words = column(spacing=1)
            if block.title:
                words.addWidget(label(block.title, "strong", wrap=True))
            if block.text:
                words.addWidget(label(block.text, "small", "text2", wrap=True))
            number = label(block.number, "strong", "human", tabular=True)
            number.setFixedWidth(14)
            line = row(holding(column(number, None)), words)
            line.setStretch(1, 1)
            return holding(line)
        text = f"•  {block.text}" if block.kind == "bullet" else block.text
        return label(text, "small", "text2", wrap=True)


class GuidePanel(QWidget):
    """Guidelines above, comment below; what is between scrolls."""

    closed = Signal()
    reveal_wanted = Signal()
    edit_wanted = Signal()

    def __init__(self, meanings: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        closer = Button(icon="x", kind="ghost", size="sm", tip=self.tr("Close the guidelines"))
        closer.clicked.connect(self.closed)
        self.version = label("", "small", "text3", tabular=True)
        editing = Button(icon="pencil", kind="ghost", size="sm", key="E", tip=self.tr("Edit the guidelines"))
        editing.set_keys("")
        editing.clicked.connect(self.edit_wanted)
        title = label(self.tr("Guidelines"), "head")
        head = row(title, None, self.version, editing, closer, margins=(16, 8, 10, 0), spacing=4)
        self._text = GuideText()
        self._meanings = self._numbers(meanings)
        self.last = self._last_item()
        inside = column(self._text, self._meanings, None, spacing=12, margins=(16, 0, 14, 12))
        body = holding(inside)
        set_region(body, "clear")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        area.setAccessibleName(self.tr("Guidelines"))
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.comment = CommentBox()
        words = label(self.tr("Your comment"), "small", "text2")
        self.head = label("", "small", "text3", wrap=True, tabular=True)
        self.head.hide()
        foot = column(Divider(), self.head, self.last, words, self.comment, spacing=6, margins=(16, 0, 16, 14))
        layout = column(head, area, foot, spacing=4)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _numbers(self, meanings: Sequence[tuple[str, str]]) -> QWidget:
        lines = column(Divider(), 4, SectionLabel(self.tr("What the numbers mean")), spacing=6)
        for number, meaning in meanings:
            line = row(LetterBadge(number), label(meaning, "small", "text2", wrap=True))
            line.setStretch(1, 1)
            lines.addLayout(line)
        return holding(lines)

    def _last_item(self) -> QWidget:
        self.reveal = LinkButton(self.tr("Show who wrote it"))
        self.reveal.clicked.connect(self.reveal_wanted)
        self._authors = label("", "small", "text2", wrap=True)
        self._authors.hide()
        result = holding(column(row(SectionLabel(self.tr("The last item")), None, self.reveal), self._authors))
        result.hide()
        return result

    def show_guidelines(self, store: Store, draft: bool = False) -> None:
        """Show the project's guidelines and their version; draft: a change was begun and not saved."""
        self._text.show_text(guidelines(store))
        number = len(store.guidelines.list())
        version = self.tr("v{number}").format(number=count(number)) if number else self.tr("sample")
        self.version.setText(self.tr("{version}, draft").format(version=version) if draft else version)

    def show_head(self, text: str) -> None:
        """What the instant head has learned, or what it lacks; "" says nothing."""
        self.head.setText(text)
        self.head.setVisible(bool(text))

    def show_numbers(self, shown: bool) -> None:
        """The numbers mean something only where there are stars."""
        self._meanings.setVisible(shown)

    def offer_reveal(self, there_is: bool) -> None:
        """After an item was submitted, its authors may be shown: it can no longer be judged by them."""
        self.last.setVisible(there_is)
        self.reveal.show()
        self._authors.hide()

    def show_authors(self, lines: Sequence[str]) -> None:
        """Who wrote the last item's answers."""
        self._authors.setText("\n".join(lines))
        self._authors.show()
        self.reveal.hide()
