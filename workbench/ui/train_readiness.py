"""Whether the judgements are enough, said where a run is about to learn from them."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from ..evaluation.readiness import Readiness
from ..events import Event, Finished
from ..jobs.reporting import readiness_of
from ..store import Store
from . import icons
from .report_advice import readiness_words
from .theme import theme_changed
from .widgets import Card, LinkButton, column, label, row

TONES = {"ready": ("good", "check"), "thin": ("warn", "triangle-alert"), "missing": ("bad", "circle-alert")}


def reading_readiness(store: Store) -> Iterator[Event]:
    """Work out the readiness, with its learning curve, as work beside the window."""
    yield Finished({"readiness": readiness_of(store)})


class ReadinessCard(Card):
    """The verdict of the quality report, why, and the way to the whole of it."""

    report_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict = "thin"
        self._mark = label()
        self.title = label("", "strong", wrap=True)
        self.text = label("", "small", "text2", wrap=True)
        self.link = LinkButton(self.tr("Open the quality report"))
        self.link.clicked.connect(self.report_wanted)
        words = column(self.title, self.text, row(self.link, None), spacing=2)
        body = row(self._mark, words, spacing=10, margins=(10, 8, 12, 9))
        body.setAlignment(self._mark, Qt.AlignmentFlag.AlignTop)
        body.setStretch(1, 1)
        self.setLayout(body)
        theme_changed.connect(self._restyle)

    def show_readiness(self, ready: Readiness) -> None:
        """Show the verdict."""
        title, why = readiness_words(ready, self.tr)
        self._verdict = ready.verdict
        self.title.setText(title)
        self.text.setText(why)
        self.setAccessibleName(f"{title}. {why}")
        self._restyle()

    def _restyle(self) -> None:
        tone, icon = TONES[self._verdict]
        self._mark.setPixmap(icons.pixmap(icon, tone, 16))
        self.set_fill(f"{tone}Soft")
        self.set_edge(f"{tone}Soft")
