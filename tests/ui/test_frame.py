"""Rail, header, status bar, and panes with their panels."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from workbench.ui.frame import Header, Rail, RailButton, RailItem, StatusBar
from workbench.ui.pane import Pane
from workbench.ui.theme import theme
from workbench.ui.widgets import Button, Option, Segmented, holding, row


class SamplePane(Pane):
    def __init__(self, name="sample"):
        super().__init__(name)
        self.title = name.title()
        self.modes = Segmented([Option("a", "Monitor"), Option("b", "Compare")], "Mode")
        self.primary = Button("New run", kind="primary")
        self.set_left(QWidget(), 204)
        self.set_body(QWidget())
        self.set_right(QWidget(), 300)
        self.set_third(QWidget(), 400)

    def header_widgets(self):
        return [self.modes]

    def header_actions(self):
        return [self.primary]


@pytest.fixture
def rail(shown):
    items = [RailItem("models", "Models", "box", "Ctrl 1"), None, RailItem("train", "Train", "chart-line", "Ctrl 4")]
    return shown(Rail(items), 72, 500)


@pytest.fixture
def pane(shown):
    made = SamplePane()
    made.set_window_width(1440)
    return shown(made, 1368, 800)


def buttons(rail):
    return {button.text(): button for button in rail.findChildren(RailButton)}


def test_rail_tells_which_place_is_wanted(rail, qtbot):
    with qtbot.waitSignal(rail.chosen) as heard:
        qtbot.mouseClick(buttons(rail)["Train"], Qt.MouseButton.LeftButton)
    assert heard.args == ["train"]
    rail.set_current("models")
    assert buttons(rail)["Models"].isChecked()
    assert not buttons(rail)["Train"].isChecked()


def test_rail_badges_are_drawn_and_said(rail):
    train = buttons(rail)["Train"]
    plain = train.grab().toImage()
    rail.set_count("train", 128)
    assert train.accessibleDescription() == "128"
    inks = [train.grab().toImage().pixelColor(x, 5).name() for x in range(60)]
    assert theme().color("human").name() in inks
    rail.set_count("train", 0)
    for state in ("running", "paused", "failed"):
        rail.set_job("train", 0.5, state)
        assert train.grab().toImage() != plain
    assert train.accessibleDescription() == "Failed at 50%"
    rail.set_job("train", state="")
    assert train.grab().toImage() == plain


def test_rail_bottom_asks_for_shortcuts_and_settings(rail, qtbot):
    for text, signal in (("Shortcuts", rail.shortcuts_wanted), ("Settings", rail.settings_wanted)):
        with qtbot.waitSignal(signal):
            buttons(rail)[text].click()


def test_header_shows_the_widgets_of_one_pane(shown):
    header, first, second = Header(), SamplePane("train"), SamplePane("data")
    shown(header, 1200, 49)
    for pane in (first, second):
        header.add(pane)
    header.show_pane(second)
    assert header.title.text() == "Data"
    assert second.primary.isVisible()
    assert second.modes.isVisible()
    assert not first.primary.isVisible()


def test_command_field_asks_for_the_palette(shown, qtbot):
    header = shown(Header(), 900, 49)
    with qtbot.waitSignal(header.command_wanted):
        qtbot.keyClick(header.command, Qt.Key.Key_Space)


def words(widget):
    return [part.text() for part in widget.findChildren(QLabel) if part.isVisible() and part.text()]


def test_status_bar(shown, qtbot):
    bar = shown(StatusBar(), 1400, 29)
    bar.set_device("RTX 4070", 9.4e9, 12e9, 0.61, 67)
    bar.set_model("Qwen2.5-0.5B-Instruct loaded")
    bar.set_job("PPO helpful-v3", "41% · 18 min left", 0.41)
    bar.set_round("Round 3", "86 new ratings since v2")
    bar.set_saved("Saved", "support-replies.db")
    for text in ("9.4 / 12.0 GB", "61%", "67 °C", "PPO helpful-v3", "Round 3", "Saved"):
        assert text in words(bar)
    bar.set_narrow(True)
    assert "67 °C" not in words(bar)
    bar.set_job("")
    assert "PPO helpful-v3" not in words(bar)
    buttons = {button.text(): button for button in bar.findChildren(Button)}
    with qtbot.waitSignal(bar.shortcuts_wanted):
        buttons["Shortcuts"].click()
    bar.set_person("Noor")
    with qtbot.waitSignal(bar.person_wanted) as heard:
        bar.person.click()
    assert heard.args == [bar.person]
    assert bar.person.accessibleName() == "Who judges here: Noor"
    bar.set_person("a very long name that would not fit")
    assert len(bar.person.text()) < 20


def test_pane_regions_have_their_widths(pane):
    assert pane.left.width() == 204
    assert pane.right.width() == 300
    assert not pane.third.isVisible()
    assert pane.body.width() == pytest.approx(1368 - 504, abs=3)


def test_g_and_shift_g_toggle_panels(pane, qtbot):
    pane.setFocus()
    qtbot.keyClick(pane, Qt.Key.Key_G)
    assert not pane.right.isVisible()
    qtbot.keyClick(pane, Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    assert not pane.left.isVisible()
    qtbot.keyClick(pane, Qt.Key.Key_G)
    assert pane.right.isVisible()


def test_narrow_window_floats_the_right_panel(pane):
    pane.set_window_width(1280)
    pane.resize(1208, 700)
    assert not pane.right.isVisible()
    assert not pane.left.isVisible()
    body = pane.body.geometry()
    pane.toggle_right()
    assert pane.right.isVisible()
    assert pane.body.geometry() == body, "the panel opens over the body"
    assert pane.right.geometry().right() == pane.rect().right()
    pane.set_window_width(1440)
    assert pane.right.isVisible()
    assert pane.left.isVisible()


def test_wide_window_has_a_third_panel(pane):
    heard = []
    pane.step_changed.connect(heard.append)
    pane.set_window_width(2560)
    assert pane.third.isVisible()
    pane.set_window_width(1440)
    assert not pane.third.isVisible()
    assert heard == ["wide", "normal"]


def test_closed_panel_stays_closed_next_time(pane, shown):
    pane.toggle_right()
    again = SamplePane()
    again.set_window_width(1440)
    shown(again, 1368, 800)
    assert not again.right.isVisible()
    assert again.left.isVisible()


def test_title_is_the_name_for_screen_readers(qtbot):
    pane = Pane("models")
    qtbot.addWidget(pane)
    with qtbot.waitSignal(pane.title_changed):
        pane.title = "Models"
    assert pane.accessibleName() == "Models"


def test_pane_without_side_panels_still_works(shown):
    pane = Pane("plain")
    pane.set_body(holding(row(Button("One"))))
    shown(pane, 900, 500)
    pane.toggle_left()
    pane.toggle_right()
    pane.set_window_width(1000)
    assert pane.body.width() == 900
