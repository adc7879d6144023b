"""Rows of a table: what a Cell shows, columns, groups, and a model of any objects. See tables.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
CELL = Qt.ItemDataRole.UserRole + 1
GROUP = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)
class Cell:
    """What one cell shows. Only `text` is needed; parts are drawn from left to right."""

    text: str = ""
    sub: str = ""  # a second line, small
    tone: str = "text"  # colour token, or a tone such as "human", of the text
    role: str = "body"
    right: bool = False
    icon: str = ""
    icon_tone: str = "text2"
    dot: tuple[str, bool] | None = None  # colour token, hollow
    bar: tuple[float, str] | None = None  # fraction, colour token
    rating: int | None = None  # filled squares
    rating_tone: str = "human"  # their colour token
    of: int = 5
    chip: tuple[str, str] | None = None  # tone, icon: the text is drawn as a chip
    depth: int = 0  # levels under the row that it hangs on

    def spoken(self) -> str:
        """The cell in words, for screen readers."""
        parts = [self.text, self.sub]
        if self.rating is not None:
            parts.append(f"{self.rating} / {self.of}")
        if self.bar is not None and not self.text:
            parts.append(f"{self.bar[0]:.0%}")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Column:
    """One column: its title, how it makes a Cell from a row, its width; `key` makes it sortable."""

    title: str
    cell: Callable[[Any], Cell]
    width: int = 100
    stretch: bool = False
    key: Callable[[Any], Any] | None = None
    right: bool = False


@dataclass(frozen=True)
class Group:
    """A row that names the rows under it."""

    title: str


class RowsModel(QAbstractTableModel):
    """Any objects as rows, for tables of up to some thousands."""

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = list(columns)
        self._rows: list[Any] = []
        self._sorted: tuple[int, bool] | None = None

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show these rows, Groups among them."""
        self.beginResetModel()
        self._rows = list(rows)
        self._put_in_order()
        self.endResetModel()

    def rows(self) -> list[Any]:
        """The rows without Groups, in the order shown."""
        return [row for row in self._rows if not isinstance(row, Group)]

    def row_at(self, place: int) -> Any:
        """The object of a row; None for a Group or outside."""
        row = self._rows[place] if 0 <= place < len(self._rows) else None
        return None if isinstance(row, Group) else row

    def place_of(self, row: Any) -> int:
        """Where an object is, -1 if it is not there."""
        return self._rows.index(row) if row in self._rows else -1

    def update_row(self, place: int, row: Any) -> None:
        """Put another object in the place of one, without losing selection or scroll position."""
        self._rows[place] = row
        self.dataChanged.emit(self.index(place, 0), self.index(place, len(self.columns) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if role == GROUP:
            return isinstance(row, Group)
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, CELL):
            return None
        if isinstance(row, Group):
            cell = Cell(row.title, role="small") if index.column() == 0 else Cell()
        else:
            column = self.columns[index.column()]
            cell = column.cell(row)
            if column.right and not cell.right:
                cell = replace(cell, right=True)
        return cell if role == CELL else cell.spoken()

    def headerData(self, section: int, side: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if side != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            arrow = ""
            if self._sorted is not None and self._sorted[0] == section:
                arrow = " \u2193" if self._sorted[1] else " \u2191"
            return column.title + arrow
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side_of = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
            return side_of | Qt.AlignmentFlag.AlignVCenter
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if isinstance(self._rows[index.row()], Group):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and self.columns[column].key is not None:
            self._sorted = (column, order == Qt.SortOrder.DescendingOrder)
            self.set_rows(self._rows)

    def sort_by_click(self, column: int) -> None:
        """The other way round on a second click."""
        again = self._sorted is not None and self._sorted == (column, False)
        self.sort(column, Qt.SortOrder.DescendingOrder if again else Qt.SortOrder.AscendingOrder)

    def _put_in_order(self) -> None:
        """Sort inside each group; groups keep their places."""
        if self._sorted is None or (key := self.columns[self._sorted[0]].key) is None:
            return
        ordered: list[Any] = []
        part: list[Any] = []
        for row in [*self._rows, Group("")]:
            if isinstance(row, Group):
                ordered += sorted(part, key=key, reverse=self._sorted[1])
                ordered.append(row)
                part = []
            else:
                part.append(row)
        self._rows = ordered[:-1]
