"""Who wrote the answers: hidden until a person asks, and what was seen with names is recorded."""

from __future__ import annotations

from PySide6.QtCore import QObject

from ..store import Store
from ..store.queueing import Item
from .feedback_frame import SessionBar
from .feedback_guide import GuidePanel
from .feedback_mode import LETTERS, ModeView
from .feedback_sources import author


class Names(QObject):
    """Shows and hides them on the view that is on, and those of the last item in the panel."""

    def __init__(self, store: Store, bar: SessionBar, guide: GuidePanel, parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._bar, self._guide = store, bar, guide
        self.blind = True
        """Whether names are hidden now."""
        self._seen = False
        self._last: Item | None = None

    @property
    def judged_blind(self) -> bool:
        """Whether the item on screen was never shown with names."""
        return self.blind and not self._seen

    def begin(self, blind: bool) -> None:
        """Another item comes; `blind` says whether what was said of it before was said without names."""
        self._seen = not blind

    def show(self, view: ModeView, item: Item) -> None:
        """Show the names on a view, or hide them."""
        self._seen = self._seen or not self.blind
        view.set_names(None if self.blind else self._of(item))

    def toggle(self, view: ModeView, item: Item | None) -> None:
        """Show them, or hide them again."""
        self.blind = not self.blind
        self._bar.show_blind(self.blind)
        if item is not None:
            self.show(view, item)

    def set_last(self, item: Item | None) -> None:
        """The item that was submitted last, whose authors may be shown; None when there is none to return to."""
        self._last = item
        self._guide.offer_reveal(item is not None)

    def reveal_last(self) -> bool:
        """Show who wrote the answers of the item that was submitted last; False when there is none."""
        if self._last is None:
            return False
        pairs = zip(LETTERS, self._of(self._last), strict=False)
        self._guide.show_authors([f"{letter}  {name}" for letter, name in pairs])
        return True

    def _of(self, item: Item) -> list[str]:
        return [author(self._store, response) or self.tr("imported") for response in item.responses]
