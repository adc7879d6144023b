"""Draw every widget in both themes into a folder: python tests/ui/gallery.py FOLDER."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QGridLayout, QLineEdit, QWidget

from workbench.ui import icons
from workbench.ui.theme import apply_theme, set_region, theme
from workbench.ui.widgets import (
    Banner,
    Bar,
    Button,
    Card,
    Chip,
    ChoiceCard,
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


def draw(folder: Path) -> None:
    app = QApplication.instance() or QApplication(sys.argv)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dark", "light"):
        apply_theme(app, name)  # type: ignore[arg-type]
        shown = page()
        shown.resize(1440, 900)
        shown.show()
        shown.activateWindow()
        app.processEvents()
        focused = shown.findChild(Button, "focused")
        if focused is not None:
            focused.setFocus(Qt.FocusReason.TabFocusReason)
        app.processEvents()
        shown.grab().save(str(folder / f"widgets-{theme().name}.png"))
        shown.deleteLater()


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
