"""What is asked in Generate: a prompt of the list, one that is typed, or the next turn of a conversation."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from ..feedback.base import Message
from ..store import Prompt
from .context import Context
from .generate_chat import ChatCard
from .generate_prompt_card import PromptCard
from .generate_prompts import CHAT
from .widgets import Option, Segmented, column, holding

SET, SINGLE = "set", "single"


class Asking(QObject):
    """The switch between the three, and the cards that show or take what is asked. `typed` when what would be asked
    changes."""

    typed = Signal()

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        options = [
            Option(SET, self.tr("Prompt set")),
            Option(SINGLE, self.tr("Single prompt")),
            Option(CHAT, self.tr("Chat")),
        ]
        self.switch = Segmented(options, self.tr("Mode"))
        self.card, self.chat = PromptCard(context), ChatCard(context)
        self.chat.hide()
        self.card.typed.connect(self.typed)
        self.chat.typed.connect(self.typed)
        self.widget = holding(column(self.card, self.chat, spacing=0, margins=(16, 14, 16, 12)))

    @property
    def mode(self) -> str:
        """ "set", "single" or "chat"."""
        return self.switch.value()

    @property
    def types(self) -> bool:
        """Whether what is asked is typed, and not picked from a list."""
        return self.mode != SET

    @property
    def chats(self) -> bool:
        """Whether it is a conversation."""
        return self.mode == CHAT

    @property
    def _fields(self) -> PromptCard | ChatCard:
        return self.chat if self.chats else self.card

    def add_actions(self, tokens: QAction, anew: QAction) -> None:
        """Put small buttons at the upper right: the first on both cards, the other over a conversation."""
        self.card.add_action(tokens)
        self.chat.add_actions(tokens, anew)

    def show_mode(self) -> None:
        """Show the card of the mode that is on."""
        self.card.setVisible(not self.chats)
        self.chat.setVisible(self.chats)
        self.card.set_typing(self.mode == SINGLE)

    def first_field(self) -> QWidget | None:
        """Where a person begins to type; None where nothing is typed."""
        if not self.types:
            return None
        return self.chat.field if self.chats else self.card.first_field()

    def messages(self) -> tuple[str, tuple[Message, ...]]:
        """(system text, turns) as typed; no turns where nothing is."""
        if self.chats:
            return self.chat.messages()
        system, text = self.card.fields() if self.types else ("", "")
        return system, ({"role": "user", "content": text},) if text else ()

    def add_prompt(self, by: object) -> tuple[Prompt, bool]:
        """Keep what is typed as a prompt, with True when it is new. Raises WorkbenchError."""
        return self._fields.add_prompt(by)

    def show_picked(self, prompt: Prompt) -> None:
        """Go on from a prompt that was typed before."""
        self._fields.show_picked(prompt)

    def read_drafts(self) -> None:
        """Put back what was typed the last time."""
        self.card.read_draft()
        self.chat.read_draft()
