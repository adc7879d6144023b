"""Tables: no grid, calm rows, and one delegate that draws whatever a Cell says.

    model = RowsModel([
        Column(self.tr("Name"), lambda m: Cell(m.name, sub=m.note, icon="puzzle"), stretch=True),
        Column(self.tr("On disk"), lambda m: Cell(size(m.bytes), tone="text2", right=True), 96, key=lambda m: m.bytes),
        Column(self.tr("State"), lambda m: Cell("Loaded", dot=("good", False)), 130),
    ])
    table = Table(self.tr("Models"), two_lines=True); table.setModel(model)
    model.set_rows([Group("Trained by me"), a, b])
    table.picked.connect(self.show)        # the row object under the cursor, None for none
    table.opened.connect(self.load)        # double click or Enter

A model of your own (pages from SQLite) returns a Cell for CELL and text for DisplayRole. Sorting is by a click
on a header whose column has a `key`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)  # fmt: skip

from . import icons
from .rows import CELL, GROUP, Cell, Column, Group, Index, RowsModel
from .theme import font, set_role, text_scale, theme, theme_changed
from .widgets.chips import chip_width, paint_chip
from .widgets.meters import paint_bar
from .widgets.painting import box, ring

PADDING = 12
STEP, DEEPEST = 18, 6
"""Pixels of a level of a tree, and the levels that are drawn."""
TONES = {"human": "humanText", "accent": "accentText"}  # words of set_tone


class CellDelegate(QStyledItemDelegate):
    """Draws Cells: icon, dot, bar, squares, chip, and one or two lines of elided text."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._table = table

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(80, self._table.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        selected = self._table.selectionModel().isRowSelected(index.row(), QModelIndex())
        self._paint_ground(painter, rect, index, selected)
        cell = index.data(CELL)
        if isinstance(cell, Cell):
            self._paint_cell(painter, rect.adjusted(PADDING, 0, -PADDING, -1), cell, selected, bool(index.data(GROUP)))
        painter.restore()

    def _paint_ground(self, painter: QPainter, rect: QRectF, index: Index, selected: bool) -> None:
        on, group = theme(), bool(index.data(GROUP))
        if group:
            painter.fillRect(rect, on.color("panel"))
        elif selected:
            painter.fillRect(rect, on.color("selected"))
        elif index.row() == self._table.hovered:
            painter.fillRect(rect, on.color("hover"))
        painter.fillRect(QRectF(rect.x(), rect.bottom() - 1, rect.width(), 1), on.color("line"))
        if selected and index.column() == self._table.first_column():
            painter.fillRect(QRectF(rect.x(), rect.y(), 2, rect.height() - 1), on.color("accentText"))

    def _paint_cell(self, painter: QPainter, rect: QRectF, cell: Cell, selected: bool, group: bool) -> None:
        middle = rect.center().y()
        if cell.depth:
            self._paint_branch(painter, rect, min(cell.depth, DEEPEST))
        if cell.icon and cell.chip is None:
            icons.paint(painter, cell.icon, cell.icon_tone, round(rect.x()), round(middle - 8))
            rect.setLeft(rect.x() + 24)
        if cell.dot is not None:
            color = theme().color(TONES.get(cell.dot[0], cell.dot[0]))
            shape = QRectF(rect.x(), middle - 3.5, 7, 7)
            box(painter, shape, 3.5, None if cell.dot[1] else color, color if cell.dot[1] else None, 1.4)
            rect.setLeft(rect.x() + 15)
        if cell.bar is not None:
            paint_bar(painter, QRectF(rect.x(), middle - 3, min(64.0, rect.width()), 6), [cell.bar])
            rect.setLeft(rect.x() + 72)
        if cell.rating is not None:
            self._paint_rating(painter, rect, cell)
        elif cell.chip is not None:
            width = min(rect.width(), chip_width(cell.text, cell.chip[1] or None))
            paint_chip(painter, QRectF(rect.x(), middle - 10, width, 20), cell.text, cell.chip[1] or None, cell.chip[0])
        elif cell.text:
            self._paint_text(painter, rect, cell, selected, group)

    def _paint_branch(self, painter: QPainter, rect: QRectF, depth: int) -> None:
        """The way from the row above, and room for it."""
        rect.setLeft(rect.x() + STEP * depth)
        x, middle = rect.x() - STEP + 8, rect.center().y()
        painter.fillRect(QRectF(x, rect.y(), 1, middle - rect.y()), theme().color("line2"))
        painter.fillRect(QRectF(x, middle, STEP - 12, 1), theme().color("line2"))

    def _paint_rating(self, painter: QPainter, rect: QRectF, cell: Cell) -> None:
        for place in range(cell.of):
            square = QRectF(rect.x() + 11 * place, rect.center().y() - 4, 8, 8)
            box(painter, square, 2, theme().color(cell.rating_tone if place < (cell.rating or 0) else "line2"))

    def _paint_text(self, painter: QPainter, rect: QRectF, cell: Cell, selected: bool, group: bool) -> None:
        side = Qt.AlignmentFlag.AlignRight if cell.right else Qt.AlignmentFlag.AlignLeft
        role = "smallb" if group else ("strong" if cell.sub and cell.role == "body" else cell.role)
        top = QRectF(rect)
        if cell.sub:
            line = 17.0 * text_scale()
            top = QRectF(rect.x(), rect.center().y() - line - 0.5, rect.width(), line)
            self._paint_line(painter, top.translated(0, line + 0.5), cell.sub, "small", "text2", side, selected)
        self._paint_line(painter, top, cell.text, role, "text2" if group else cell.tone, side, selected)

    def _paint_line(
        self, painter: QPainter, rect: QRectF, text: str, role: str, tone: str, side: Qt.AlignmentFlag, selected: bool
    ) -> None:
        # text3 on `selected` is under 4.5:1, so a selected row uses text2 for it.
        token = "text2" if selected and tone == "text3" else TONES.get(tone, tone)
        face = font(role, tabular=True)
        painter.setFont(face)
        painter.setPen(theme().color(token))
        flat = text.replace("\n", " ")[:2000]  # enough for any width; eliding a megabyte would stall the table
        shown = QFontMetricsF(face).elidedText(flat, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)


class Table(QTableView):
    """A table of rows to pick from, by mouse or keyboard."""

    picked = Signal(object)
    opened = Signal(object)

    def __init__(self, name: str, two_lines: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._two_lines, self.hovered = two_lines, -1
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setFixedHeight(28)
        set_role(header, "small")
        self.setItemDelegate(CellDelegate(self))
        self.entered.connect(self._hover)
        self.activated.connect(self._open)
        header.sectionClicked.connect(self._sort)
        theme_changed.connect(self._resize_rows)
        self._resize_rows()

    @property
    def row_height(self) -> int:
        """38 for one line, 48 for two, times the text size."""
        return round((48 if self._two_lines else 38) * max(1.0, text_scale()))

    def _resize_rows(self) -> None:
        self.verticalHeader().setDefaultSectionSize(self.row_height)
        self._shape_groups()

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is None:
            return
        self.selectionModel().currentRowChanged.connect(self._pick)
        model.modelReset.connect(self._shape_groups)
        if isinstance(model, RowsModel):
            self._size_columns(model.columns)
        self._shape_groups()

    def _size_columns(self, columns: Sequence[Column]) -> None:
        header = self.horizontalHeader()
        for place, column in enumerate(columns):
            mode = QHeaderView.ResizeMode.Stretch if column.stretch else QHeaderView.ResizeMode.Interactive
            header.setSectionResizeMode(place, mode)
            if not column.stretch:
                header.resizeSection(place, column.width)
        header.setSectionsClickable(any(column.key is not None for column in columns))

    def _shape_groups(self) -> None:
        """Group rows are lower and run across the whole width."""
        model = self.model()
        if not isinstance(model, RowsModel):
            return
        self.clearSpans()
        for place in range(model.rowCount()):
            group = bool(model.index(place, 0).data(GROUP))
            self.setRowHeight(place, 28 if group else self.row_height)
            if group and model.columnCount() > 1:
                self.setSpan(place, 0, 1, model.columnCount())

    def _sort(self, column: int) -> None:
        model = self.model()
        if isinstance(model, RowsModel):
            chosen = self.chosen()
            model.sort_by_click(column)
            self.choose(chosen)

    def first_column(self) -> int:
        """The leftmost column that is shown."""
        header = self.horizontalHeader()
        shown = [i for i in range(header.count()) if not header.isSectionHidden(header.logicalIndex(i))]
        return header.logicalIndex(shown[0]) if shown else 0

    # -- rows

    def chosen(self) -> Any:
        """The object of the current row of a RowsModel, or None."""
        model = self.model()
        return model.row_at(self.currentIndex().row()) if isinstance(model, RowsModel) else None

    def choose(self, row: Any) -> None:
        """Make an object of a RowsModel the current row."""
        model = self.model()
        if row is not None and isinstance(model, RowsModel) and (place := model.place_of(row)) >= 0:
            self.selectRow(place)
            self.setCurrentIndex(model.index(place, 0))

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) row that can be picked; for J and K."""
        model, place = self.model(), self.currentIndex().row() + by
        while model is not None and 0 <= place < model.rowCount():
            index = model.index(place, 0)
            if model.flags(index) & Qt.ItemFlag.ItemIsSelectable:
                self.setCurrentIndex(index)
                return
            place += by

    def _object(self, index: QModelIndex) -> Any:
        model = self.model()
        return model.row_at(index.row()) if isinstance(model, RowsModel) else index

    def _pick(self, current: QModelIndex, previous: QModelIndex) -> None:
        self.picked.emit(self._object(current) if current.isValid() else None)

    def _open(self, index: QModelIndex) -> None:
        if (row := self._object(index)) is not None:
            self.opened.emit(row)

    # -- hover and focus

    def _hover(self, index: QModelIndex) -> None:
        if index.row() != self.hovered:
            self.hovered = index.row()
            self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if not self.indexAt(event.position().toPoint()).isValid():
            self._hover(QModelIndex())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(QModelIndex())

    def paintEvent(self, event: Any) -> None:
        super().paintEvent(event)
        if self.hasFocus() and self.property("kbfocus"):
            painter = QPainter(self.viewport())
            ring(painter, QRectF(self._focus_rect()), 4)
            painter.end()

    def _focus_rect(self) -> QRectF:
        """The current row where there is one, else the whole table."""
        current = self.currentIndex()
        whole = QRectF(self.viewport().rect())
        if not current.isValid():
            return whole
        return QRectF(0, self.rowViewportPosition(current.row()), whole.width(), self.rowHeight(current.row()) - 1)


__all__ = ["CELL", "GROUP", "Cell", "CellDelegate", "Column", "Group", "Index", "RowsModel", "Table"]
