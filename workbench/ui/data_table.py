"""The lists of Data: pages of 200 rows from SQLite, read when they come into sight."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QAbstractItemView, QHeaderView

from ..store import Store
from ..store.browsing import PAGE
from ..store.filtering import Filter
from ..store.listing import Row, count, ids, page
from .data_columns import FEEDBACK, MODEL, NEWEST, PREDICTED, WHEN, WHO, columns
from .data_predicting import about
from .instant_head import InstantHead
from .rows import Cell, Index
from .tables import CELL, GROUP, PADDING, Table
from .theme import font
from .widgets.chips import chip_width

__all__ = ["FEEDBACK", "MODEL", "PAGES_KEPT", "PREDICTED", "WHEN", "WHO", "EntriesModel", "Filter", "entries_table"]

PAGES_KEPT = 24
MEASURED = 60
"""Rows that the widths of columns go by."""


class EntriesModel(QAbstractTableModel):
    """Rows of a list under a filter and in an order. Their number is known; their texts come by the page."""

    def __init__(self, store: Store, head: InstantHead | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._instant = store, head
        self._pages: OrderedDict[int, list[Row]] = OrderedDict()
        self._total = 0
        self._given: tuple[str, ...] = ()
        self.lists, self.filter, self.order = "judgements", Filter(), "newest"
        self.columns = columns(self.lists, head)

    def load(
        self, wanted: Filter | None = None, order: str | None = None, lists: str | None = None, counted: bool = True
    ) -> bool:
        """Show what a filter lets through, and read again what changed; return whether the number of rows is known.

        counted: False shows the first page when there are more, until `set_total` says how many there are.
        """
        self.beginResetModel()
        if lists is not None and lists != self.lists:
            self.lists, self.order = lists, "newest"
            self.columns = columns(lists, self._instant)
        self.filter = wanted or self.filter
        self.order = order or self.order
        self._given = self._instant.surprising() if self._instant is not None and self.order == "given" else ()
        self._pages.clear()
        self._total = PAGE
        known = True
        try:
            if counted:
                self._total = count(self._store, self.lists, self.filter)
            else:
                self._total = len(self._read(0))
                known = self._total < PAGE
        finally:
            self.endResetModel()
        return known

    def set_total(self, total: int) -> None:
        """How many rows there are, for a list that was loaded before they were counted."""
        if total > self._total:
            self.beginInsertRows(QModelIndex(), self._total, total - 1)
            self._total = total
            self.endInsertRows()

    def _read(self, number: int) -> list[Row]:
        if number not in self._pages:
            place = {"limit": PAGE, "offset": number * PAGE}
            self._pages[number] = page(self._store, self.lists, self.filter, self.order, given=self._given, **place)
            while len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return self._pages[number]

    def entry_at(self, place: int) -> Any:
        """The judgement, prompt, answer or run of a row; reads its page when it is not there. None beyond the end."""
        if not 0 <= place < self._total:
            return None
        number, inside = divmod(place, PAGE)
        rows = self._read(number)
        return rows[inside] if inside < len(rows) else None

    def place_of(self, row_id: str) -> int:
        """The row with an id among the pages that were read; -1 if it is not there."""
        for number, rows in self._pages.items():
            for inside, row in enumerate(rows):
                if row.id == row_id:
                    return number * PAGE + inside
        return -1

    def ids_of(self, ranges: list[tuple[int, int]]) -> list[str]:
        """The ids of ranges of rows (first, last), without reading their texts."""
        found: list[str] = []
        for first, last in sorted(ranges):
            place = {"limit": last - first + 1, "offset": first}
            found += ids(self._store, self.lists, self.filter, self.order, given=self._given, **place)
        return found

    # --- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self._total

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == GROUP:
            return False
        wanted = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole, CELL)
        if role not in wanted:
            return None
        row, column = self.entry_at(index.row()), self.columns[index.column()]
        cell = column.cell(row) if row is not None else Cell()
        if role == Qt.ItemDataRole.ToolTipRole:  # what may be cut off; prompts and answers are in the panel
            return cell.text if column.most and cell.chip is None else None
        return cell if role == CELL else cell.spoken()

    def headerData(self, section: int, side: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if side != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title + self._arrow(section)
        judged = self.lists == "judgements"
        if role == Qt.ItemDataRole.ToolTipRole and judged and section == PREDICTED and self._instant is not None:
            return about(self._instant)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side_of = Qt.AlignmentFlag.AlignRight if self.columns[section].right else Qt.AlignmentFlag.AlignLeft
            return side_of | Qt.AlignmentFlag.AlignVCenter
        return None

    def _arrow(self, section: int) -> str:
        """Newest and oldest are shown on When alone, because # says the same."""
        if self.columns[section].title == "#" or self.order not in self.columns[section].orders:
            return ""
        return " \u2191" if self.order == "oldest" else " \u2193"

    def order_after_click(self, section: int) -> str | None:
        """The order that a click on a header asks for; None where it asks for nothing."""
        orders = self.columns[section].orders
        if not orders:
            return None
        return orders[(orders.index(self.order) + 1) % len(orders)] if self.order in orders else orders[0]

    def next_order(self) -> str:
        """The order after this one, for a key."""
        orders = list(dict.fromkeys([*NEWEST, *(order for column in self.columns for order in column.orders)]))
        if self.lists == "judgements":
            orders += ["slowest", "fastest"]
        return orders[(orders.index(self.order) + 1) % len(orders)] if self.order in orders else orders[0]


class EntriesTable(Table):
    """The list over a model: columns fit their words, prompt and answer take what the others leave."""

    def __init__(self, model: EntriesModel, name: str) -> None:
        super().__init__(name)
        self._entries = model
        self.setModel(model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.horizontalHeader().setSectionsClickable(True)
        self.fit_columns(False)

    def fit_columns(self, narrow: bool, hidden: tuple[int, ...] = ()) -> None:
        """Size the columns to the first rows' words, and hide those that a narrow window has no room for."""
        header = self.horizontalHeader()
        rows = [self._entries.entry_at(place) for place in range(min(MEASURED, self._entries.rowCount()))]
        face = QFontMetricsF(font("body", tabular=True))
        for place, column in enumerate(self._entries.columns):
            self.setColumnHidden(place, place in hidden or (narrow and not column.narrow))
            if not column.width:
                header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
                continue
            widest = max((_width(face, column.cell(row)) for row in rows if row is not None), default=0)
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.Interactive)
            title = QFontMetricsF(font("small")).horizontalAdvance(column.title + " \u2193")
            least = max(column.width, round(title) + 2 * PADDING)
            header.resizeSection(place, max(least, min(column.most, widest + 2 * PADDING + 2)))

    def ranges(self) -> list[tuple[int, int]]:
        """The first and last row of each part of what is chosen."""
        parts: Any = self.selectionModel().selection()  # a list that says nothing of its items
        return sorted({(part.top(), part.bottom()) for part in parts})

    def chosen_amount(self) -> int:
        """How many rows are chosen."""
        return sum(last - first + 1 for first, last in self.ranges())


def _width(face: QFontMetricsF, cell: Cell) -> int:
    if cell.chip is not None:
        return chip_width(cell.text, cell.chip[1])
    return round(face.horizontalAdvance(cell.text[:120]))


def entries_table(model: EntriesModel, name: str) -> EntriesTable:
    """The list over a model."""
    return EntriesTable(model, name)
