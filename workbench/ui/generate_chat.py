"""A conversation in Generate: what was said so far, and a field for what is said next.

Each turn of it is a prompt of the project, with answers of its own that are judged and learned from like any others.
One of them, the chosen one, is what the next turn goes on from.
"""

from __future__ import annotations

import json

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from ..errors import WorkbenchError
from ..feedback.base import Message
from ..store import Prompt, Response
from .context import Context
from .generate_prompt_card import said
from .generate_prompts import CHAT
from .theme import set_role
from .widgets import Button, Card, ElidedLabel, ReadingText, column, label, row

HIGHEST = 260
DRAFT_MS = 500
DRAFT = "generate/chat"


class SayingField(QPlainTextEdit):
    """`said` when a person presses Enter; Shift Enter begins a new line."""

    said = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier:
            self.said.emit()
            return
        super().keyPressEvent(event)


class ChatCard(Card):
    """The conversation over the columns. `typed` when what would be said changes, `said` at Enter, `left` when a new
    conversation begins."""

    typed = Signal()
    said = Signal()
    left = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.prompt: Prompt | None = None
        """The last turn that was said; None before the first."""
        self.goes_on_from: Response | None = None
        """The answer to it that the conversation goes on from."""
        self._anew: Button | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DRAFT_MS)
        self._timer.timeout.connect(self.keep_draft)
        self.title, self.system_line = label("", "smallb", "text2"), ElidedLabel("", "small", "text2")
        self._head = row(self.title, 8, self.system_line, spacing=8)
        self._head.setStretch(2, 1)
        self.transcript = ReadingText(self.tr("Conversation"), fit=True, max_height=HIGHEST)
        self.system_field = QLineEdit()
        self.system_field.setAccessibleName(self.tr("System text"))
        self.system_field.setPlaceholderText(
            self.tr("System text: who the model is and what it knows. May stay empty.")
        )
        self.field = SayingField()
        self.field.setAccessibleName(self.tr("Say"))
        self.field.setTabChangesFocus(True)
        self.field.setFixedHeight(56)
        set_role(self.field, "read")
        self.field.said.connect(self.said)
        for change in (self.field.textChanged, self.system_field.textChanged):
            change.connect(lambda *_: self.typed.emit())
        self.typed.connect(self._timer.start)
        self.setLayout(
            column(self._head, self.system_field, self.transcript, self.field, spacing=8, margins=(16, 12, 16, 12))
        )
        self._show()

    def add_actions(self, tokens: QAction, anew: QAction) -> None:
        """Put small buttons at the upper right; the second is there once something was said."""
        self._anew = Button.of(anew, "ghost", "sm")
        for button in (Button.of(tokens, "ghost", "sm"), self._anew):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._head.addWidget(button)
        self._show()

    # -- what is said

    def fields(self) -> tuple[str, str]:
        """(system text, what is typed)."""
        return self._system(), self.field.toPlainText().strip()

    def messages(self) -> tuple[str, tuple[Message, ...]]:
        """(system text, turns) with what is typed as the last one; no turns where nothing is."""
        system, text = self.fields()
        return system, (*self._before(), {"role": "user", "content": text}) if text else ()

    def _system(self) -> str:
        return self.prompt.system if self.prompt is not None else self.system_field.text().strip()

    def _before(self) -> tuple[Message, ...]:
        """The turns before the one that is typed. Where nothing was answered yet, it takes the last one's place."""
        if self.prompt is None:
            return ()
        if self.goes_on_from is None:
            return self.prompt.turns[:-1]
        return (*self.prompt.turns, {"role": "assistant", "content": self.goes_on_from.text})

    def add_prompt(self, by: object) -> tuple[Prompt, bool]:
        """Say what is typed: keep the conversation as a prompt, with True when it is new. Raises WorkbenchError."""
        system, turns = self.messages()
        prompt, new = self._context.store.prompts.add(turns=turns, system=system, source=CHAT, by=by)
        self.show_picked(prompt)
        self.field.clear()
        self.keep_draft()
        return prompt, new

    # -- where it stands

    def show_picked(self, prompt: Prompt) -> None:
        """Go on from a turn that was said before."""
        self.prompt, self.goes_on_from = prompt, None
        self._show()
        self.typed.emit()

    def choose(self, response: Response | None) -> None:
        """Go on from this answer."""
        self.goes_on_from = response
        self._show()
        self.typed.emit()

    def start_anew(self) -> None:
        """Leave this conversation, with its system text for the next one."""
        self.system_field.setText(self._system())
        self.prompt = self.goes_on_from = None
        self._show()
        self.typed.emit()
        self.left.emit()
        self.field.setFocus()

    def _show(self) -> None:
        begun = self.prompt is not None
        if self._anew is not None:
            self._anew.setVisible(begun)
        self.title.setText(self.tr("Conversation") if begun else self.tr("New conversation"))
        self.system_field.setVisible(not begun)
        system = self._system() if begun else ""
        self.system_line.setText(self.tr("System: {text}").format(text=system) if system else "")
        self.transcript.setVisible(begun)
        self.transcript.set_text(said(self.prompt.turns) if self.prompt is not None else "")
        QTimer.singleShot(0, self, self._show_last)
        self.field.setPlaceholderText(self._invitation())

    def _invitation(self) -> str:
        if self.prompt is None:
            return self.tr("Say something, then press Enter. Shift Enter begins a new line.")
        if self.goes_on_from is None:
            return self.tr("Say it differently, or wait for an answer.")
        return self.tr("Go on from the answer that is marked.")

    def _show_last(self) -> None:
        bar = self.transcript.verticalScrollBar()
        bar.setValue(bar.maximum())

    # -- drafts

    def read_draft(self) -> None:
        """Put back the conversation and what was typed the last time."""
        store = self._context.store
        kept = json.loads(store.draft(DRAFT) or "{}")
        found = store.prompts.of([kept.get("prompt_id", "")])
        self.prompt, self.goes_on_from = (found[0] if found else None), None
        self.system_field.setText(kept.get("system", ""))
        self.field.setPlainText(kept.get("text", ""))
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self._show()
        self._timer.stop()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._timer.isActive():
            self.keep_draft()

    def keep_draft(self) -> None:
        """Keep what is typed and where the conversation stands, so that closing the app loses nothing."""
        self._timer.stop()
        kept = {
            "prompt_id": self.prompt.id if self.prompt else "",
            "system": self.system_field.text().strip(),
            "text": self.field.toPlainText().strip(),
        }
        try:
            self._context.store.set_draft(DRAFT, json.dumps(kept) if any(kept.values()) else "")
        except WorkbenchError as error:
            self._context.tell(error)
