"""Saving the filter of the list under a name, and renaming and removing saved ones; Ctrl Z undoes each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ..errors import WorkbenchError
from ..store.filtering import Filter
from ..store.saved_filters import SavedFilter, remove, rename, save, saved
from .context import Context
from .data_tabs import FilterTabs, NameDialog
from .data_words import tr


class Saving(QObject):
    """Stands between the tabs and the project."""

    picked = Signal(str, object, str)
    """(list, Filter, order): a tab was chosen."""
    changed = Signal()

    def __init__(self, context: Context, tabs: FilterTabs, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._tabs, self._over = context, tabs, parent
        self._saved: list[SavedFilter] = []
        self.dialog: NameDialog | None = None
        tabs.picked.connect(self._on_picked)

    def refresh(self) -> None:
        """Read them again."""
        self._saved = saved(self._context.store)
        self._tabs.show_filters(self._saved)

    def mark(self, lists: str, wanted: Filter) -> None:
        """Mark the tab whose filter the list shows, if one does."""
        if lists == "judgements" and wanted in (Filter(), Filter(aside=False)):
            self._tabs.mark("")
            return
        same = [each.id for each in self._saved if each.lists == lists and _plain(each.filter) == _plain(wanted)]
        self._tabs.mark(same[0] if same else None)

    def _on_picked(self, tab_id: str) -> None:
        for each in self._saved:
            if each.id == tab_id:
                self.picked.emit(each.lists, each.filter, each.order)
                return
        self.picked.emit("judgements", Filter(aside=False), "newest")

    def choose(self, lists: str, wanted: Filter, order: str) -> None:
        """Have a person name a filter that is to be kept."""
        who, store = self._context.annotator, self._context.store
        self._ask(
            tr("Save this filter"),
            tr("Save"),
            "",
            lambda name: save(store, name, wanted, who, lists=lists, order=order),
        )

    def choose_name(self) -> None:
        """Have a person rename the saved filter that is shown."""
        who, store = self._context.annotator, self._context.store
        if (shown := self._shown()) is not None:
            act: Callable[[str], object] = lambda name: rename(store, shown.id, name, who)
            self._ask(tr("Rename this filter"), tr("Rename"), shown.name, act)

    def remove(self) -> None:
        """Remove the saved filter that is shown; what it lists stays."""
        if (shown := self._shown()) is not None:
            self._do(lambda: remove(self._context.store, shown.id, self._context.annotator))
            text = tr("Removed the filter {name}.").format(name=shown.name)
            self._context.message.emit(text, tr("Ctrl Z undoes it."), "info")

    def _shown(self) -> SavedFilter | None:
        """The saved filter that the list shows; says so when it shows none."""
        for each in self._saved:
            if each.id == self._tabs.current:
                return each
        self._context.message.emit(tr("Choose a saved filter first."), "", "info")
        return None

    def _ask(self, title: str, go: str, text: str, act: Callable[[str], object]) -> None:
        dialog = NameDialog(title, go, text, parent=self._over)
        dialog.given.connect(lambda name: self._do(lambda: act(name)))
        dialog.finished.connect(lambda _: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.changed.emit()


def _plain(wanted: Filter) -> Filter:
    """The same filter with the values of each field in one order."""
    lists = {name: tuple(sorted(value)) for name, value in vars(wanted).items() if isinstance(value, tuple)}
    return replace(wanted, **lists)
