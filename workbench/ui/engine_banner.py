"""The sentence over a pane while nothing can be computed, with the way to where that is changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from .. import paths
from ..errors import NoEngine
from .context import Context
from .widgets import Banner, column, holding


class EngineBanner(QWidget):
    """Says that there is no compute engine; not there while there is one."""

    def __init__(
        self, context: Context, margins: Sequence[int] = (16, 12, 16, 12), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.banner = Banner("", NoEngine().text, "warn")
        words = self.tr("Add an engine") if context.engines.standalone else self.tr("What to do")
        self.open = self.banner.add_action(words, lambda: context.show_settings("compute"))
        self.setLayout(column(self.banner, margins=margins))
        context.engines.changed.connect(self.refresh)
        if paths.has_engine():  # shown without a parent it would be a window for an instant
            self.hide()

    def refresh(self) -> None:
        """Be there or not."""
        self.setVisible(not paths.has_engine())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()


def under_banner(context: Context, body: QWidget) -> QWidget:
    """The body of a pane, with room for the sentence above it."""
    layout: QVBoxLayout = column(EngineBanner(context), body, spacing=0)
    layout.setStretch(1, 1)
    return holding(layout)
