"""The list of judgements: pages of 200 rows from SQLite, read when they come into sight."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView

from ..store import Store
from ..store.browsing import PAGE, Entry, count, entries
from .data_predicting import about, predicted_of
from .data_words import answer_text, feedback_cell, models_of, person, when
from .figures import count as number_text
from .instant_head import InstantHead
from .rows import Cell, Index
from .tables import CELL, GROUP, Table

PAGES_KEPT = 24
NUMBER, PROMPT, ANSWER, MODEL, FEEDBACK, PREDICTED, WHO, WHEN = range(8)
WIDTHS = {NUMBER: 64, MODEL: 100, FEEDBACK: 148, PREDICTED: 100, WHO: 84, WHEN: 88}
ORDERS = {
    NUMBER: ("newest", "oldest"),
    FEEDBACK: ("kind",),
    WHO: ("annotator",),
    WHEN: ("newest", "oldest"),
    PREDICTED: ("given",),
}


@dataclass(frozen=True)
class Filter:
    """What the list shows. None is all, a tuple any of these."""

    kinds: tuple[str, ...] | None = None
    annotators: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    split: str | None = None
    search: str = ""
    retracted: bool | None = False
    used_by: str | None = None

    def to_query(self) -> dict[str, Any]:
        """As browsing takes it."""
        return dict(vars(self))


class EntriesModel(QAbstractTableModel):
    """Judgements under a filter and in an order. The number of rows is known; their texts come by the page."""

    def __init__(self, store: Store, head: InstantHead | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._instant = store, head
        self._pages: OrderedDict[int, list[Entry]] = OrderedDict()
        self._total = 0
        self._given: tuple[str, ...] = ()
        self.filter, self.order = Filter(), "newest"
        self._titles = [
            "#", self.tr("Prompt"), self.tr("Answer"), self.tr("Model"), self.tr("Feedback"), self.tr("Predicted"),
            self.tr("Who"), self.tr("When"),
        ]  # fmt: skip

    def load(self, wanted: Filter | None = None, order: str | None = None) -> None:
        """Show what a filter lets through, and read again what changed."""
        self.beginResetModel()
        self.filter = wanted or self.filter
        self.order = order or self.order
        self._given = self._instant.surprising() if self._instant is not None and self.order == "given" else ()
        self._pages.clear()
        self._total = count(self._store, **self.filter.to_query())
        self.endResetModel()

    def entry_at(self, place: int) -> Entry | None:
        """The judgement of a row; reads its page when it is not there."""
        if not 0 <= place < self._total:
            return None
        page, inside = divmod(place, PAGE)
        if page not in self._pages:
            about_page: dict[str, Any] = {"given": self._given, "limit": PAGE, "offset": page * PAGE}
            found = entries(self._store, **self.filter.to_query(), order=self.order, **about_page)
            self._pages[page] = found
            while len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        self._pages.move_to_end(page)
        rows = self._pages[page]
        return rows[inside] if inside < len(rows) else None

    def place_of(self, feedback_id: str) -> int:
        """The row of a judgement among the pages that were read; -1 if it is not there."""
        for page, rows in self._pages.items():
            for inside, entry in enumerate(rows):
                if entry.id == feedback_id:
                    return page * PAGE + inside
        return -1

    # --- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self._total

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == GROUP:
            return False
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, CELL):
            return None
        entry = self.entry_at(index.row())
        cell = self._cell(entry, index.column()) if entry is not None else Cell()
        return cell if role == CELL else cell.spoken()

    def _cell(self, entry: Entry, column: int) -> Cell:
        if column == NUMBER:
            cell = Cell(number_text(entry.seq), tone="text2")
        elif column == PROMPT:
            cell = Cell(entry.prompt, tone="text2")
        elif column == ANSWER:
            cell = Cell(answer_text(entry))
        elif column == MODEL:
            cell = Cell(models_of(entry), tone="text2")
        elif column == FEEDBACK:
            if entry.retracted:
                return Cell(self.tr("Taken back"), chip=("neutral", "undo-2"))
            return feedback_cell(entry)
        elif column == PREDICTED:
            cell = Cell(predicted_of(self._instant, entry) if self._instant else "", tone="accent")
        elif column == WHO:
            cell = Cell(person(entry.annotator), tone="text2")
        else:
            cell = Cell(when(entry.created_at), tone="text2", right=True)
        return replace(cell, tone="text3") if entry.retracted else cell

    def headerData(self, section: int, side: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if side != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section] + self._arrow(section)
        if role == Qt.ItemDataRole.ToolTipRole and section == PREDICTED and self._instant is not None:
            return about(self._instant)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = Qt.AlignmentFlag.AlignRight if section == WHEN else Qt.AlignmentFlag.AlignLeft
            return left | Qt.AlignmentFlag.AlignVCenter
        return None

    def _arrow(self, section: int) -> str:
        """Newest and oldest are shown on When alone, because # says the same."""
        if section == NUMBER or self.order not in ORDERS.get(section, ()):
            return ""
        return " \u2191" if self.order == "oldest" else " \u2193"

    def order_after_click(self, section: int) -> str | None:
        """The order that a click on a header asks for; None where it asks for nothing."""
        orders = ORDERS.get(section)
        if orders is None:
            return None
        return orders[(orders.index(self.order) + 1) % len(orders)] if self.order in orders else orders[0]


def entries_table(model: EntriesModel, name: str) -> Table:
    """The list over a model: prompt and answer take what the others leave."""
    table = Table(name)
    table.setModel(model)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    header = table.horizontalHeader()
    header.setSectionsClickable(True)
    for place, width in WIDTHS.items():
        header.setSectionResizeMode(place, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(place, width)
    for place in (PROMPT, ANSWER):
        header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
    return table
