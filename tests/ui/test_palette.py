"""The command palette and the sheet of shortcuts."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from workbench.ui import keys
from workbench.ui.palette import Item, Palette, ShortcutSheet, action_items, ranked, recent_texts, remember, score
from workbench.ui.widgets import KeyHint, column

ITEMS = [Item("Generate", "Panes"), Item("New run", "Train"), Item("Start run", "Train"), Item("helpful-v2", "Models")]


@pytest.fixture
def window(shown):
    widget = QWidget()
    widget.field = QLineEdit()
    widget.setLayout(column(widget.field, None))
    return shown(widget, 900, 600)


@pytest.mark.parametrize(("query", "text"), [("nr", "New run"), ("NEW", "New run"), ("hv2", "helpful-v2"), ("", "x")])
def test_subsequences_fit(query, text):
    assert score(query, text) is not None


@pytest.mark.parametrize(("query", "text"), [("rn w", "New run"), ("z", "New run"), ("newrunn", "New run")])
def test_others_do_not(query, text):
    assert score(query, text) is None


def test_word_starts_and_runs_of_letters_win():
    assert score("nr", "New run") > score("nr", "generator")
    assert score("run", "Start run") > score("run", "Return later")
    assert score("run", "Run") > score("run", "Run a very long thing with many words")


def test_ranking():
    assert [item.text for item in ranked("run", ITEMS)] == ["New run", "Start run"]
    assert [item.text for item in ranked("train", ITEMS)][:2] == ["New run", "Start run"], "the group counts too"
    assert ranked("", ITEMS, ["helpful-v2"])[0].text == "helpful-v2"
    assert ranked("", ITEMS) == ITEMS


def test_recent_ones_are_kept_newest_first():
    for text in ["a", "b", "a", *"cdefghij"]:
        remember(text)
    assert recent_texts()[:3] == ["j", "i", "h"]
    assert len(recent_texts()) == 8


def test_typing_and_enter_run_an_item(window, qtbot):
    heard = []
    palette = Palette(window)
    palette.add_source(lambda: [Item("New run", "Train", lambda: heard.append("new")), Item("Quit", "App")])
    window.field.setFocus()
    palette.open()
    qtbot.keyClicks(palette.field, "nrun")
    assert [item.text for item in palette.shown_items()] == ["New run"]
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert heard == ["new"]
    assert not palette.isVisible()
    assert window.field.hasFocus(), "the focus goes back to where it was"
    assert recent_texts() == ["New run"]


def test_arrows_move_and_escape_closes(window, qtbot):
    heard = []
    palette = Palette(window)
    palette.add_source(lambda: [Item("a", run=lambda: heard.append("a")), Item("b", run=lambda: heard.append("b"))])
    palette.open()
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert heard == ["b"]
    palette.open()
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_nothing_found_is_said(window, qtbot):
    palette = Palette(window)
    palette.add_source(lambda: ITEMS)
    palette.open()
    qtbot.keyClicks(palette.field, "zzz")
    assert palette.nothing.isVisible()
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.grab()


def test_actions_become_items(window):
    heard = []
    keys.action(window, "Scan folders", "Ctrl R", lambda: heard.append(1), icon="refresh-cw")
    keys.action(window, "Off", "").setEnabled(False)
    items = action_items(window, "Models")
    assert [(item.text, item.group, item.keys, item.icon) for item in items] == [
        ("Scan folders", "Models", "Ctrl R", "refresh-cw")
    ]
    items[0].run()
    assert heard == [1]


def test_a_palette_of_many_items_is_drawn(window):
    palette = Palette(window)
    palette.add_source(
        lambda: [Item(f"run {number} " + "long " * 40, "Runs", keys="G", icon="play") for number in range(500)]
    )
    palette.open()
    assert not palette.grab().isNull()


def test_sheet_lists_actions_with_keys_only(window, qtbot):
    keys.action(window, "Flag", "F")
    keys.action(window, "No keys")
    sheet = ShortcutSheet(window, [("Feedback", window.actions()), ("Empty", [])])
    qtbot.addWidget(sheet)
    texts = [part.text() for part in sheet.findChildren(QLabel)]
    assert "Flag" in texts
    assert "Feedback" in texts
    assert "No keys" not in texts
    assert "Empty" not in texts
    assert [hint.text() for hint in sheet.findChildren(KeyHint)] == ["F"]
    assert not sheet.isModal()
