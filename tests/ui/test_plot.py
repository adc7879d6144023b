"""Charts: values, gaps, ranges, the shared crosshair, words."""

import math

import numpy as np
import pytest
from PySide6.QtCore import Qt

from workbench.ui.charts import DensityPanel, Line, Sampled, ScatterLinePanel, WinBars, Wins, density
from workbench.ui.figures import change, count, duration, figure, percent, size
from workbench.ui.plot import LinePanel, link
from workbench.ui.series import thinned
from workbench.ui.theme import theme


@pytest.fixture
def panel(shown):
    return shown(LinePanel("KL to base", note="in nats"), 320, 200)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.984, "0.984"), (-0.0171, "−0.0171"), (4.56, "4.56"), (1230.4, "1\u202f230"), (0, "0"), (12.0, "12.0"),
        (math.nan, "–"), (None, "–"), (math.inf, "–"), (3e-7, "3.00e−07"),
    ],
)  # fmt: skip
def test_figures(value, text):
    assert figure(value) == text


def test_other_figures():
    assert count(1230) == "1\u202f230"
    assert (change(3.7), change(-0.01), change(0)) == ("+3.70", "−0.0100", "0")
    assert percent(0.64) == "64%"
    assert (size(17e6), size(0.99e9), size(6.17e9), size(300)) == ("17 MB", "0.990 GB", "6.17 GB", "300 B")
    assert (duration(21), duration(1080), duration(7800), duration(7200)) == ("21 s", "18 min", "2 h 10 min", "2 h")


def test_header_shows_the_latest_value(panel):
    panel.append(1, 2.0)
    panel.flush()
    assert panel.shown_value() == "2.00"


def test_gaps_do_not_stop_a_curve(panel):
    for step, value in enumerate([1.0, math.nan, None, 1.0, 1.0]):
        panel.append(step, value)
    panel.flush()
    xs, ys = panel._main().smooth.getData()
    assert list(xs) == [0, 1, 2, 3, 4]
    assert list(np.isnan(ys)) == [False, True, True, False, False]
    assert panel.shown_value() == "1.00"
    panel.grab()


def test_only_gaps_leave_an_en_dash(panel):
    panel.append(0, math.nan)
    panel.flush()
    assert panel.shown_value() == "–"
    assert "no values yet" in panel.accessibleDescription()


def test_smoothing_starts_unbiased(panel):
    panel.set_series(range(20), [5.0] * 20)
    assert panel._main().smooth.getData()[1] == pytest.approx([5.0] * 20)


def test_axis_runs_to_the_planned_end(panel):
    panel.set_planned_end(3000)
    panel.append(10, 1.0)
    panel.flush()
    (_, right), _ = panel.plot.viewRange()
    assert right > 3000


def test_threshold_is_in_view_with_its_words(panel):
    panel.set_series([0, 1, 2], [0.1, 0.2, 0.3])
    panel.set_threshold(6.0, "target 6")
    _, (low, high) = panel.plot.viewRange()
    assert low < 0.1
    assert high > 6.0
    panel.set_threshold(None)
    assert panel.plot.viewRange()[1][1] < 1.0


def test_one_wild_step_does_not_flatten_the_rest(panel):
    panel.set_series(range(1000), [1.0 + step / 1000 for step in range(999)] + [1e9])
    assert panel.plot.viewRange()[1][1] < 10


def test_repaints_are_gathered(panel):
    for step in range(500):
        panel.append(step, 1.0)
    assert panel.shown_value() == "", "nothing is drawn before the timer"
    assert panel._timer.isActive()
    assert panel._timer.interval() == 100


def test_timer_draws(panel, qtbot):
    panel.append(3, 7.0)
    qtbot.waitUntil(lambda: panel.shown_value() == "7.00")


def test_linked_panels_show_the_values_of_one_step(shown):
    from workbench.ui.widgets import column, holding

    first, second = LinePanel("Reward"), LinePanel("KL")
    shown(holding(column(first, second)), 400, 400)
    first.set_series([0, 10, 20], [1.0, 1.0, 1.0])
    second.set_series([0, 10, 20], [4.0, 4.0, 9.0])
    crosshair = link([first, second])
    crosshair.moved.emit(9.0)
    assert second.shown_value() == "4.00"
    assert first.shown_value() == "1.00"
    crosshair.moved.emit(None)
    assert second.shown_value() == "5.94", "the running mean of 4, 4 and 9 at 0.85"


def test_crosshair_by_keyboard(panel, qtbot):
    panel.set_series([0, 10, 20], [1.0, 1.0, 50.0])
    panel.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(panel, Qt.Key.Key_Left)
    assert panel.shown_value() == "1.00"
    assert panel._line.isVisible()
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel._line.isVisible()


def test_panel_says_what_it_shows(panel):
    panel.set_series([0, 500, 1000], [1.0, 2.0, 3.0])
    said = panel.accessibleDescription()
    assert said.startswith("KL to base: ")
    assert "step 1\u202f000" in said


def test_second_run_is_dashed_and_named(panel):
    panel.set_series([0, 1], [1, 1])
    panel.set_series([0, 1], [2, 2], "helpful-v2", "s3")
    other = panel._series["helpful-v2"]
    assert other.smooth.opts["pen"].dashPattern() == [3, 2]
    assert other.label.toPlainText() == "helpful-v2"
    panel.clear()
    assert panel.shown_value() == ""


def test_pens_follow_the_theme(panel, theming):
    panel.set_series([0, 1], [1, 1])
    for name in ("light", "dark"):
        theming(name)
        assert panel._main().smooth.opts["pen"].color().name() == theme().color("s1").name()


def test_band_skips_gaps(panel):
    panel.set_band([0, 1, 2], [0, math.nan, 0], [1, 1, 1])
    assert list(panel._band[0].getData()[0]) == [0, 2]
    panel.grab()


def test_thinning_keeps_peaks_order_and_gaps():
    values = np.sin(np.arange(50_000) / 900)
    values[31_234], values[40_000:45_000] = 9.0, np.nan
    xs, ys = thinned(np.arange(50_000), values)
    assert len(xs) == len(ys) == 4000
    assert np.nanmax(ys) == 9.0
    assert np.all(np.diff(xs) >= 0)
    assert np.isnan(ys).sum() == pytest.approx(400, abs=4)
    few = thinned([1, 2], [3, 4])
    assert list(few[1]) == [3, 4]


def test_density_is_a_density():
    grid = np.linspace(-10, 10, 2001)
    curve = density([*np.random.default_rng(0).normal(1, 1, 500), math.nan], grid)
    assert np.trapezoid(curve, grid) == pytest.approx(1.0, abs=1e-3)
    assert grid[curve.argmax()] == pytest.approx(1.0, abs=0.4)


def test_density_panel(shown, theming):
    chart = shown(DensityPanel("Reward of every answer"), 400, 250)
    chart.set_samples([Sampled("base", [-1.0, 0.0, 1.0], "ref"), Sampled("v3", [1.0, 1.0, 1.0]), Sampled("none", [])])
    assert chart.accessibleDescription() == "base: 0; v3: 1.00"
    theming("light")
    chart.grab()
    chart.set_samples([])
    assert chart.accessibleDescription() == "No values yet"


def test_scatter_lines(shown):
    chart = shown(ScatterLinePanel("Reward against drift"), 400, 250)
    chart.set_lines(
        [Line("v3", [0, 5], [0.0, 0.66]), Line("people", [0, 5], [0.0, -0.1], "s2", ""), Line("new", [], [])]
    )
    assert chart.accessibleDescription() == "v3: 0.660; people: −0.100"
    (left, right), (low, high) = chart.plot.viewRange()
    assert left < 0 < 5 < right
    assert low < -0.1 < 0.66 < high
    chart.set_lines([])
    chart.grab()


def test_win_bars(shown):
    bars = shown(WinBars("Wins against base", "v3", "base"), 420, 240)
    bars.set_rows([Wins("All 200", 128, 18, 54, 0.57, 0.71), Wins("None", 0, 0, 0, 0.0, 1.0)])
    assert "All 200: v3 won 128, tied 18, lost 54, 64% (57% to 71%)" in bars.accessibleDescription()
    image = bars.grab().toImage()
    inks = {image.pixelColor(x, 17).name() for x in range(image.width())}
    assert {theme().color("s1").name(), theme().color("ref").name()} <= inks


def test_the_label_of_a_line_at_the_top_stays_inside_the_chart(panel):
    panel.set_series([0, 1, 2], [0.4, 0.5, 0.6])
    panel.set_series([0, 1, 2], [1.0, 1.0, 1.0], "training", "s2")
    panel.flush()
    label = panel._series["training"].label
    corner = label.mapRectToScene(label.boundingRect())
    chart = panel.plot.getViewBox().sceneBoundingRect()
    assert chart.top() <= corner.top()
    assert corner.bottom() <= chart.bottom()


@pytest.mark.parametrize(
    ("values", "spacing", "said"),
    [
        ([0.0, 5e-5, 1e-4, 1.5e-4], 5e-5, ["0", "5e\u22125", "1e\u22124", "1.5e\u22124"]),
        ([0.0, 0.005, 0.01], 0.005, ["0", ".005", ".010"]),
        ([-2e-4, 1.0], 1e-4, ["\u22122e\u22124", "1e0"]),
        ([0.0, 1000.0], 500.0, ["0", "1\u202f000"]),
    ],
)
def test_ticks_fit_beside_the_axis(qtbot, values, spacing, said):
    panel = LinePanel("Learning rate")
    qtbot.addWidget(panel)
    assert panel.axis("left").tickStrings(values, 1.0, spacing) == said


def test_a_long_note_gives_way_to_the_title_and_the_value(qtbot):
    panel = LinePanel("Chosen and rejected", note="the implicit reward of answers to held-out prompts, in nats")
    qtbot.addWidget(panel)
    panel.append(1, -0.00775)
    panel.resize(300, 200)
    panel.show()
    panel.layout().activate()
    for part in (panel.title, panel.value):
        assert part.width() >= part.sizeHint().width() > 0
    assert panel.note.geometry().right() < panel.value.geometry().left()
