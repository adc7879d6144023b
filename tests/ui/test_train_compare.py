"""The page that compares runs, driven by keys on a real window pane."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer

from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.theme import theme
from workbench.ui.train_compare import MOST, TOKENS
from workbench.ui.train_pane import TrainPane


@pytest.fixture
def context(tmp_path, qapp):
    store = Store.open(tmp_path / "project")
    context = Context(store)
    for name, rate, factor in (("slow", 1e-4, 1.0), ("fast", 3e-4, 2.0), ("wild", 9e-4, 100.0)):
        options = {"learning_rate": rate, "steps": 9}
        run = store.runs.add(name=name, method="ppo", options=options, summary={"objective/kl": 9 * factor})
        store.runs.update(run.id, status="finished", step=9, total=9)
        for step in range(1, 10):
            store.runs.add_metrics(run.id, step, {"objective/kl": step * factor, "loss/policy_avg": -0.5})
    yield context
    context.close()
    store.close()


@pytest.fixture
def page(context, shown, qtbot):
    pane = TrainPane(context)
    pane.set_window_width(1440)
    shown(pane, 1368, 820)
    qtbot.keyClick(pane, Qt.Key.Key_C)
    assert pane.body_stack.currentWidget() is pane.compare_page
    yield pane.compare_page
    pane.hide()


def pane_of(page):
    found = page
    while not isinstance(found, TrainPane):
        found = found.parentWidget()
    return found


def titles(page):
    return [panel.title.text() for panel in page.panels]


def test_it_begins_with_the_run_on_screen_and_the_one_before(page):
    assert [panel._series.keys() for panel in page.panels] == [{"A", "B"}] * 2
    assert titles(page) == ["KL to base", "Policy loss"]
    left = pane_of(page).left
    assert left is not None and left.isHidden()


def test_space_takes_a_run_in_and_out_and_its_letter_follows(page, qtbot):
    page.runs.setFocus()
    for _ in range(3):
        qtbot.keyClick(page.runs, Qt.Key.Key_Down)
    qtbot.keyClick(page.runs, Qt.Key.Key_Space)
    assert set(page.panels[0]._series) == {"A", "B", "C"}
    assert "C" in page.panels[0].value.text()
    qtbot.keyClick(page.runs, Qt.Key.Key_Space)
    qtbot.keyClick(page.runs, Qt.Key.Key_Up)
    qtbot.keyClick(page.runs, Qt.Key.Key_Space)
    assert len(page.runs.marked()) == 1 and not page.panels
    assert page.empty.isVisible() and not page.save_picture.isEnabled()


def test_the_tables_say_what_was_set_otherwise_and_what_came_of_it(page):
    model = page.settings.model()
    told = [[model.index(row, place).data() for place in range(model.columnCount())] for row in range(model.rowCount())]
    assert told == [["Learning rate", "0.000900", "0.000300"]]
    model = page.figures.model()
    assert [model.index(0, place).data() for place in range(3)] == ["KL to base", "900", "18.0"]


def test_a_log_axis_shows_powers_and_leaves_out_what_is_not_above_zero(page, qtbot):
    kl, loss = page.panels
    page.smoothing.spin.setValue(0.0)
    qtbot.keyClick(page, Qt.Key.Key_L)
    assert page.logarithmic.isChecked()
    low, high = kl._limits()
    assert (low, high) == pytest.approx((0.30103, 2.954243), abs=1e-4)  # 2 to 900
    assert kl.axis("left").tickStrings([1.0, 2.0], 1.0, 1.0) == ["10.0", "100"]
    assert "900" in kl.value.text()  # the figure stays what it is
    assert all(value != value for one in loss._series.values() for value in loss.heights(one.values))
    qtbot.keyClick(page, Qt.Key.Key_L)
    assert kl._limits() == (2.0, 900.0)


def test_smoothing_changes_the_lines_and_not_the_points(page, qtbot):
    series = page.panels[0]._series["A"]
    before = list(series.values)
    page.smoothing.spin.setValue(0.0)
    assert series.smoothed == series.values == before
    page.smoothing.spin.setValue(0.9)
    assert series.values == before and series.smoothed[-1] < before[-1]


def test_one_crosshair_gives_every_runs_value_at_a_step(page, qtbot):
    page.smoothing.spin.setValue(0.0)
    first = page.panels[0]
    first.setFocus()
    first.crosshair.moved.emit(3.0)
    assert "A&nbsp;300" in first.value.text() and "B&nbsp;6.00" in first.value.text()
    assert "0.500" in page.panels[1].value.text()


def test_the_curves_are_saved_as_pictures_and_as_a_table(page, tmp_path, qtbot):
    for name in ("curves.png", "curves.svg", "curves.csv"):
        target = tmp_path / name
        page.save_table_to(target) if name.endswith("csv") else page.save_picture_to(target)
    picture = QImage(str(tmp_path / "curves.png"))
    assert picture.width() == 2 * page._charts.width()
    lines = {theme().color(token).name() for token in ("s1", "s2")}
    colours = {picture.pixelColor(x, y).name() for x in range(0, picture.width(), 2) for y in range(0, 360, 2)}
    assert lines <= colours
    assert QSvgRenderer(str(tmp_path / "curves.svg")).isValid()
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 1 + 2 * 18


def test_a_picture_that_cannot_be_written_is_told(page, context, qtbot, tmp_path):
    with qtbot.waitSignal(context.message) as said:
        page.save_picture_to(tmp_path / "no" / "curves.png")
    assert "cannot be written" in said.args[0]


def test_escape_leads_back_to_the_run(page, qtbot):
    pane = pane_of(page)
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert pane.body_stack.currentWidget() is pane.monitor
    assert pane.left is not None and pane.left.isVisible()


def test_every_run_has_a_colour_and_a_dash_of_its_own():
    from workbench.ui.series import DASHES

    assert len({tuple(DASHES[token]) for token in TOKENS}) == len(TOKENS) == MOST
