"""Rows, groups, sorting, keys and drawing of tables."""

import pytest
from PySide6.QtCore import QModelIndex, Qt

from workbench.ui.tables import CELL, Cell, Column, Group, RowsModel, Table
from workbench.ui.theme import theme

ROWS = [Group("Mine"), ("b", 2), ("a", 3), Group("Bases"), ("c", 1)]


def build(rows=ROWS):
    model = RowsModel([
        Column("Name", lambda r: Cell(r[0], sub="note", icon="box"), stretch=True, key=lambda r: r[0]),
        Column("Size", lambda r: Cell(str(r[1]), tone="text3"), 80, key=lambda r: r[1], right=True),
        Column("Memory", lambda r: Cell("2 GB", bar=(0.5, "s1")), 140),
        Column("Rating", lambda r: Cell(rating=r[1]), 90),
        Column("State", lambda r: Cell("Off", chip=("warn", "triangle-alert"), dot=("good", False)), 120),
    ])  # fmt: skip
    model.set_rows(rows)
    return model


@pytest.fixture
def table(shown):
    made = Table("Models", two_lines=True)
    made.setModel(build())
    return shown(made, 700, 320)


def test_rows_and_groups():
    model = build()
    assert model.rowCount() == 5
    assert model.rows() == [("b", 2), ("a", 3), ("c", 1)]
    assert model.row_at(0) is None
    assert model.row_at(99) is None
    assert model.place_of(("c", 1)) == 4
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsSelectable


def test_cells_are_said_in_words():
    model = build()
    assert model.index(1, 0).data() == "b, note"
    assert model.index(1, 3).data(Qt.ItemDataRole.AccessibleTextRole) == "2 / 5"
    assert model.index(1, 1).data(CELL).right
    assert model.index(0, 0).data() == "Mine"


def test_sorting_stays_inside_groups():
    model = build()
    model.sort_by_click(0)
    assert model.rows() == [("a", 3), ("b", 2), ("c", 1)]
    model.sort_by_click(0)
    assert model.rows() == [("b", 2), ("a", 3), ("c", 1)]
    assert model.headerData(0, Qt.Orientation.Horizontal) == "Name ↓"
    model.sort_by_click(2)
    assert model.headerData(0, Qt.Orientation.Horizontal) == "Name ↓", "a column without a key does not sort"


def test_groups_are_lower_and_run_across(table):
    assert table.rowHeight(0) == 28
    assert table.rowHeight(1) == 48
    assert table.columnSpan(0, 0) == 5


def test_arrow_keys_pick_rows(table, qtbot):
    heard = []
    table.picked.connect(heard.append)
    table.choose(("b", 2))
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert heard == [("b", 2), ("a", 3)]
    assert table.chosen() == ("a", 3)


def test_step_passes_over_groups(table):
    table.choose(("a", 3))
    table.step(1)
    assert table.chosen() == ("c", 1)
    table.step(1)
    assert table.chosen() == ("c", 1)
    table.step(-1)
    assert table.chosen() == ("a", 3)


def test_enter_opens_a_row(table, qtbot):
    table.choose(("a", 3))
    with qtbot.waitSignal(table.opened) as heard:
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert heard.args == [("a", 3)]


def test_tab_leaves_the_table(table):
    assert not table.tabKeyNavigation()


def test_header_click_sorts_and_keeps_the_chosen_row(table):
    table.choose(("b", 2))
    table.horizontalHeader().sectionClicked.emit(0)
    assert table.chosen() == ("b", 2)
    assert table.currentIndex().row() == 2


def test_selected_row_is_drawn(table):
    table.choose(("b", 2))
    image = table.viewport().grab().toImage()
    y = table.rowViewportPosition(1) + 5
    assert image.pixelColor(0, y).name() == theme().color("accentText").name()
    assert image.pixelColor(5, y).name() == theme().color("selected").name()


def inks(table, row, column):
    rect = table.visualRect(table.model().index(row, column))
    image = table.viewport().grab().toImage()
    return {
        image.pixelColor(x, y).name()
        for x in range(rect.left(), rect.right())
        for y in range(rect.top(), rect.bottom())
    }


def test_grey_text_is_lifted_on_a_selected_row(table):
    assert theme().color("text3").name() in inks(table, 1, 1)
    table.choose(("b", 2))
    assert theme().color("text3").name() not in inks(table, 1, 1)
    assert theme().color("text2").name() in inks(table, 1, 1)


def test_rating_squares_are_amber(table):
    assert theme().color("human").name() in inks(table, 1, 3)


def test_huge_text_is_cut_before_it_is_measured(shown):
    table = Table("Answers")
    model = RowsModel([Column("Text", lambda r: Cell(r), stretch=True)])
    table.setModel(model)
    model.set_rows(["x" * 1_000_000, "line\nbreaks\n" * 10_000])
    shown(table, 400, 200)
    assert not table.grab().isNull()


def test_changed_row_keeps_the_selection(table):
    table.choose(("a", 3))
    table.model().update_row(2, ("a", 4))
    assert table.chosen() == ("a", 4)


def test_row_height_follows_the_text_size(table, theming):
    theming("dark", 1.5)
    assert table.rowHeight(1) == 72
    assert table.rowHeight(0) == 28


def test_empty_model_has_nothing_chosen(shown):
    table = Table("Models")
    table.setModel(build([]))
    shown(table)
    assert table.chosen() is None
    table.step(1)
    assert table.currentIndex() == QModelIndex()
