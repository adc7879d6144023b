"""Draw every widget in both themes into a folder: python tests/ui/gallery.py FOLDER."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QGridLayout, QLineEdit, QWidget

from workbench.ui import icons
from workbench.ui.charts import DensityPanel, Line, Sampled, ScatterLinePanel, WinBars, Wins
from workbench.ui.frame import Header, Rail, RailItem, StatusBar
from workbench.ui.messages import MessageStrip
from workbench.ui.palette import Item, Palette, action_items
from workbench.ui.pane import Pane
from workbench.ui.plot import LinePanel, link
from workbench.ui.tables import Cell, Column, Group, RowsModel, Table
from workbench.ui.theme import apply_theme, set_region, theme
from workbench.ui.widgets import (
    Banner,
    Bar,
    Button,
    Card,
    Chip,
    ChoiceCard,
    Divider,
    EmptyState,
    FactRows,
    KeyHint,
    LetterBadge,
    Option,
    RatingRow,
    ReadingText,
    SearchField,
    Segmented,
    SliderField,
    Spark,
    SpinRing,
    StatusDot,
    Switch,
    ToggleChip,
    column,
    holding,
    label,
    row,
)  # fmt: skip


def card(title: str, *items: object) -> Card:
    result = Card()
    result.setLayout(column(label(title, "head"), *items, spacing=12, margins=(16, 14, 16, 14)))  # type: ignore[arg-type]
    return result


def controls() -> Card:
    focused = Button("Focus ring")
    disabled = Button("Disabled")
    disabled.setEnabled(False)
    segmented = Segmented([Option("1", "One"), Option("2", "Two"), Option("3", "Three")], "Numbers")
    segmented.set_value("2")
    choice = QComboBox()
    choice.addItems(["Choice", "Another one"])
    field = SearchField("Placeholder", "")
    field.setFixedWidth(140)
    ticked = QCheckBox()
    ticked.setChecked(True)
    lit = Switch("On")
    lit.setChecked(True)
    rating = RatingRow("Answer A")
    rating.set_value(4)
    active = LetterBadge("C")
    active.set_look("active")
    result = card(
        "Controls: 24, 30 and 36 high, radius 6",
        row(
            Button("Primary", key="Enter", kind="primary", size="lg"),
            Button("Default", "box"),
            focused,
            Button("Ghost", "undo-2", "Z", "ghost"),
            disabled,
            Button("Small", size="sm"),
            None,
        ),
        row(segmented, choice, field, ticked, QCheckBox(), lit, Switch("Off"), None),
        row(
            rating, 8, Chip("neutral"), Chip("model", "box", "model"), Chip("person", "user", "person"),
            Chip("good", "check", "good"), Chip("warn", "triangle-alert", "warn"), Chip("bad", "circle-alert", "bad"),
            KeyHint("Ctrl K"), LetterBadge("A"), active, None,
        ),
    )  # fmt: skip
    focused.setObjectName("focused")
    return result


def more_controls() -> Card:
    modes = Segmented(
        [
            Option("rate", "Rate", "star", "Alt 1"),
            Option("compare", "Compare", "columns-2", "Alt 2"),
            Option("rank", "Rank", "list-ordered", "Alt 3"),
            Option("edit", "Edit", "pencil", "Alt 4"),
        ],
        "Kind of feedback",
    )
    tag = ToggleChip("Invented fact")
    tag.setChecked(True)
    memory, progress = Bar("Memory", height=10), Bar("Progress", "accentText")
    memory.set_segments([(0.09, "s1"), (0.02, "s5"), (0.06, "s3"), (0.27, "ref")])
    progress.set_fraction(0.41)
    spark, spin = Spark("GPU"), SpinRing("PPO helpful-v3")
    spark.set_values([math.sin(i / 3) + i % 5 / 4 for i in range(40)])
    spin.set_fraction(0.41)
    steps = row(spacing=6)
    for number, text in enumerate(["A much better", "A better", "About the same"], start=1):
        step = Button(text, kind="person", size="lg")
        step.set_keys(str(number), first=True)
        step.setCheckable(True)
        step.setChecked(number == 2)
        steps.addWidget(step, 1)
    return card(
        "More",
        row(modes, None),
        steps,
        row(tag, ToggleChip("Off tone"), ToggleChip("Not skipped", "x", "neutral", False), spin, spark, StatusDot(),
            label("Loaded", "body"), StatusDot("text3", True), label("Ready", "body", "text2"), None),
        memory,
        progress,
        SliderField("Temperature", 0, 2, 0.8),
        QLineEdit("helpful-v4"),
    )  # fmt: skip


def words() -> Card:
    text = ReadingText("Answer A", fit=True)
    text.set_text("Reading text 14/22.  模型生成了四个候选回答，请选出最好的一个。\n" * 2 + "hidden \u202e turned")
    facts = FactRows()
    facts.set_facts([("Memory to train", "10.3 GB with PPO"), ("Won against base", "61% of 200, ± 6.8")])
    return card(
        "Type: Inter 13, JetBrains Mono 12, Noto Sans CJK SC",
        row(
            label("Display 22", "display"), label("Title 16", "title"), label("Head 13", "head"),
            label("Strong 13", "strong"), label("Body 13"), label("Small 12", "small", "text2"),
            label("Micro 11", "micro", "text3"), label("mono 12", "small", mono=True), None, spacing=16,
        ),
        text,
        facts,
    )  # fmt: skip


def picks() -> Card:
    presets = row(spacing=12)
    for name, note in (("Quick", "800 steps. Checks it learns."), ("Balanced", "3 000 steps. Usual choice.")):
        inside = column(label(name, "strong"), label(note, "small", "text2", wrap=True), margins=(12, 10, 12, 10))
        preset = ChoiceCard(name, inside)
        preset.setChecked(name == "Balanced")
        presets.addWidget(preset)
    healthy = Banner("Healthy so far", "Reward is rising, KL sits under its target.", "good")
    healthy.add_action("What to watch for", lambda: None, as_link=True)
    grown = Banner("Answers grew 28%.", "Part of the gain may be length.", "warn")
    grown.add_action("Compare at equal length", lambda: None)
    empty = EmptyState("No models yet.", "Get from Hub", link="Use a folder")
    return card("Cards and banners", presets, healthy, grown, Banner("", "Sides are shuffled.", "info"), empty)


def icon_set() -> Card:
    grid = QGridLayout()
    for place, name in enumerate(icons.names()):
        picture = label()
        picture.setPixmap(icons.pixmap(name, "text2", 16))
        grid.addWidget(picture, place // 24, place % 24)
    return card("Icons: Lucide (ISC), tinted at run time", grid)


def page() -> QWidget:
    left = column(words(), controls(), more_controls(), None, spacing=12)
    right = column(picks(), icon_set(), None, spacing=12)
    result = holding(row(holding(left), holding(right), spacing=12, margins=(16, 16, 16, 16)))
    set_region(result, "canvas")
    return result


def run_charts() -> QWidget:
    noise, steps = np.random.default_rng(3), np.arange(0, 1231, 6)
    climb = 1.5 * (1 - np.exp(-steps / 500)) - 0.4
    shapes = {
        "Reward": (climb, 0.15, "mean of batch"),
        "KL to base": (6 * (1 - np.exp(-steps / 500)), 0.3, "in nats"),
        "Policy loss": (-0.03 + 0.015 * steps / 1200, 0.012, ""),
        "Value loss": (0.62 * np.exp(-steps / 250) + 0.1, 0.01, ""),
        "Entropy": (2.6 - 0.5 * steps / 1200, 0.04, ""),
        "Clip fraction": (0.05 + 0.1 * steps / 1200, 0.015, ""),
    }
    panels, grid = [], QGridLayout()
    grid.setSpacing(12)
    for place, (title, (mean, spread, note)) in enumerate(shapes.items()):
        panel = LinePanel(title, note=note)
        panel.set_steps_shown(place >= 3)
        panel.set_planned_end(3000)
        values = mean + noise.normal(0, spread, len(steps))
        values[60:66] = math.nan
        if title == "Reward":
            panel.set_band(steps, mean - 0.4, mean + 0.4)
        if title in ("KL to base", "Clip fraction"):
            panel.set_threshold(6 if "KL" in title else 0.3, "target 6" if "KL" in title else "too much above 0.30")
        panel.set_series(steps, values)
        panels.append(panel)
        grid.addWidget(panel, place // 3, place % 3)
    link(panels).moved.emit(900)
    return holding(grid)


def comparison_charts() -> QWidget:
    noise = np.random.default_rng(4)
    wins = WinBars("Wins against base", "helpful-v3", "base")
    wins.set_rows([
        Wins("All 200", 128, 18, 54, 0.57, 0.71), Wins("Complaints", 71, 9, 20, 0.62, 0.8),
        Wins("Questions", 36, 7, 17, 0.49, 0.71), Wins("Refusals", 14, 5, 11, 0.28, 0.66),
    ])  # fmt: skip
    rewards = DensityPanel("Reward of every answer", "scored by reward r3")
    rewards.set_samples([
        Sampled("base", noise.normal(-0.06, 0.6, 200).tolist(), "ref"),
        Sampled("helpful-v3", [*noise.normal(0.9, 0.5, 170), *noise.normal(-0.6, 0.3, 30)]),
    ])  # fmt: skip
    drift = ScatterLinePanel("Reward against drift", "KL to base, in nats")
    drift.set_lines([
        Line("helpful-v3", [0, 0.9, 1.8, 3, 4, 4.8, 5.6], [-0.05, 0.16, 0.34, 0.5, 0.58, 0.64, 0.66]),
        Line("v2-hot: reward", [0, 1.4, 3, 5, 7.4, 9.6, 11.7], [-0.05, 0.2, 0.4, 0.6, 0.83, 1.05, 1.24], "s3", "s"),
        Line("v2-hot: people", [0, 1.4, 3, 5, 7.4, 9.6, 11.7], [-0.05, 0.2, 0.33, 0.38, 0.32, 0.16, -0.05], "s2", ""),
    ])  # fmt: skip
    return holding(row(card("Wins against base", wins), rewards, drift, spacing=12))


def charts() -> QWidget:
    result = holding(column(run_charts(), comparison_charts(), spacing=12, margins=(16, 14, 16, 14)))
    set_region(result, "canvas")
    return result


class SamplePane(Pane):
    """Stands for any pane: a filter and a table between two panels."""

    def __init__(self) -> None:
        super().__init__("gallery")
        self.title = "Models"
        self.modes = Segmented([Option("all", "Monitor"), Option("mine", "Compare runs")], "Mode")
        self.new_run = self.action("New run", "N", lambda: None, icon="plus")
        self.new_button = Button.of(self.new_run, kind="primary")
        self.table = self.build_table()
        tools = row(SearchField("Filter models"), Button("Fits this GPU", size="sm"), None, label("11 models", "small"),
                    Button("Scan folders", "refresh-cw", kind="ghost"), margins=(12, 7, 12, 7))  # fmt: skip
        self.set_left(holding(column(label("Runs", "head"), None, margins=(10, 14, 10, 10))), width=204)
        body = holding(column(tools, Divider(), self.table, spacing=0))
        set_region(body, "surface")
        self.set_body(body)
        facts = FactRows()
        facts.set_facts([("Memory to train", "10.3 GB with PPO"), ("Won against base", "61% of 200, ± 6.8")])
        right = column(label("helpful-v2", "title"), Divider(), facts, None, spacing=12, margins=(16, 14, 16, 14))
        self.set_right(holding(right), width=328)

    def build_table(self) -> Table:
        model = RowsModel([
            Column("Name", lambda r: Cell(r[0], r[1], icon="puzzle", icon_tone="s1"), stretch=True, key=lambda r: r[0]),
            Column("On disk", lambda r: Cell(r[2], tone="text2"), 96, right=True),
            Column("Memory", lambda r: Cell(f"{r[3]} GB", bar=(r[3] / 12, "s1" if r[3] < 9 else "warn")), 160),
            Column("State", lambda r: Cell(r[4], dot=("good", r[4] != "Loaded"), tone="text2"), 130),
            Column("Feedback", lambda r: Cell(rating=3), 90),
            Column("Note", lambda r: Cell("Off course", chip=("warn", "triangle-alert")), 120),
            Column("Last used", lambda r: Cell("09:46", tone="text3"), 90, right=True),
        ])  # fmt: skip
        table = Table("Models", two_lines=True)
        table.setModel(model)
        model.set_rows([
            Group("Trained by me"), ("helpful-v3", "PPO on Qwen2.5-0.5B-Instruct, round 3", "+ 17 MB", 2.0, "Ready"),
            ("helpful-v2", "PPO on Qwen2.5-0.5B-Instruct, round 2", "+ 17 MB", 2.0, "Loaded"), Group("Bases"),
            ("Qwen2.5-3B-Instruct", "Hub, 3.09 B parameters", "6.17 GB", 10.9, "Ready"),
        ])  # fmt: skip
        table.selectRow(2)
        return table

    def header_widgets(self) -> list[QWidget]:
        return [self.modes]

    def header_actions(self) -> list[QWidget]:
        return [self.new_button]


def frame(width: int) -> QWidget:
    rail = Rail([
        RailItem("models", "Models", "box", "Ctrl 1"), None, RailItem("generate", "Generate", "sparkles", "Ctrl 2"),
        RailItem("feedback", "Feedback", "message-square-text", "Ctrl 3"), RailItem("train", "Train", "chart-line"),
        RailItem("evaluate", "Evaluate", "scale"), None, RailItem("data", "Data", "database"),
    ])  # fmt: skip
    rail.set_current("models")
    rail.set_count("feedback", 128)
    rail.set_job("train", 0.4)
    header, pane, status = Header(), SamplePane(), StatusBar()
    header.add(pane)
    header.show_pane(pane)
    status.set_device("RTX 4070", 9.4e9, 12e9, 0.61, 67)
    status.set_model("Qwen2.5-0.5B-Instruct loaded")
    status.set_job("PPO helpful-v3", "41% · 18 min left", 0.41)
    status.set_round("Round 3", "86 new ratings since v2")
    status.set_saved("Saved to support-replies.db")
    status.set_narrow(width < 1360)
    pane.set_window_width(width)
    strip = MessageStrip(pane)
    strip.show_message("Imported 86 ratings.", action=("Undo", lambda: None))
    strip.show_message("The graphics card ran out of memory.", "Try a smaller batch.", "bad", details="CUDA error")
    inside = holding(row(rail, column(header, pane, spacing=0), spacing=0))
    result = holding(column(inside, status, spacing=0))
    palette = Palette(result)
    palette.add_source(lambda: action_items(pane, "Models"))
    palette.add_source(
        lambda: [Item("Go to Train", "Panes", keys="Ctrl 4", icon="chart-line"), Item("helpful-v2", "Models")]
    )
    return result


def save(app: QApplication, widget: QWidget, width: int, height: int, path: Path) -> None:
    widget.resize(width, height)
    widget.show()
    widget.activateWindow()
    app.processEvents()
    focused = widget.findChild(Button, "focused")
    if focused is not None:
        focused.setFocus(Qt.FocusReason.TabFocusReason)
    found = widget.findChild(Palette)
    if found is not None and theme().name == "light":
        found.open()
    app.processEvents()
    widget.grab().save(str(path))
    widget.deleteLater()


def draw(folder: Path) -> None:
    app = QApplication.instance() or QApplication(sys.argv)
    assert isinstance(app, QApplication)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    app.setOrganizationName("gallery")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dark", "light"):
        apply_theme(app, name)
        save(app, page(), 1440, 900, folder / f"widgets-{name}.png")
        save(app, charts(), 1440, 900, folder / f"charts-{name}.png")
        save(app, frame(1440), 1440, 900, folder / f"frame-{name}.png")
        save(app, frame(1280), 1280, 800, folder / f"frame-1280-{name}.png")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
