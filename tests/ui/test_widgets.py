"""Widgets: by keyboard, by name, and with hostile text."""

import pytest
from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QAccessible, QAction
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget
from shiboken6 import isValid

from workbench.ui.theme import set_property, set_region, theme
from workbench.ui.widgets import (
    Banner,
    Bar,
    Button,
    Card,
    Chip,
    ChoiceCard,
    ElidedLabel,
    EmptyState,
    FactRows,
    KeyHint,
    LetterBadge,
    LinkButton,
    NumberField,
    Option,
    PanelSplitter,
    RatingRow,
    ReadingText,
    SearchField,
    SectionLabel,
    Segmented,
    SliderField,
    Spark,
    SpinRing,
    Switch,
    ToggleChip,
    WholeField,
    column,
    holding,
    label,
    row,
    scrolling,
    soft_broken,
    visible,
)  # fmt: skip

NUMBERS = [Option("1", "One"), Option("2", "Two", "star", "Alt 2"), Option("3", "Three")]


def test_button_is_pressed_by_space(shown, qtbot):
    button = Button("Start run", "play", "Ctrl Enter", "primary", "lg")
    shown(holding(row(button)))
    button.setFocus(Qt.FocusReason.TabFocusReason)
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Space)
    assert button.height() == 36


@pytest.mark.parametrize(("size", "height"), [("sm", 24), ("md", 30), ("lg", 36)])
def test_button_heights(qtbot, size, height):
    button = Button("Skip", size=size)
    qtbot.addWidget(button)
    assert button.sizeHint().height() == height


@pytest.mark.parametrize(("dense", "height"), [(False, 30), (True, 24)])
def test_field_heights(shown, dense, height):
    fields = [QLineEdit(), QComboBox(), NumberField("Rate", dense), WholeField("Steps", dense)]
    for field in fields:
        set_property(field, "dense", dense)
    shown(holding(column(*fields, None)))
    assert [field.height() for field in fields] == [height] * 4


def test_keys_and_icon_make_a_button_wider(qtbot):
    widths = [Button("Skip", *more).sizeHint().width() for more in ((), ("flag",), ("flag", "F"), ("flag", "Ctrl F"))]
    assert widths == sorted(set(widths))


def test_button_of_an_action_follows_it(qtbot):
    owner = QWidget()
    qtbot.addWidget(owner)
    action = QAction("Load", owner)
    heard = []
    action.triggered.connect(lambda: heard.append("load"))
    button = Button.of(action)
    qtbot.addWidget(button)
    button.click()
    assert heard == ["load"]
    action.setEnabled(False)
    action.setText("Unload")
    assert not button.isEnabled()
    assert button.text() == button.accessibleName() == "Unload"


def test_ring_shows_for_keyboard_focus_only(shown):
    button, other = Button("One"), Button("Two")
    shown(holding(row(button, other)))
    other.setFocus()  # the first button takes the focus when a window opens
    button.setFocus(Qt.FocusReason.TabFocusReason)
    assert button.ring_shown()
    assert button.grab().toImage().pixelColor(button.width() // 2, 0).name() == theme().color("focus").name()
    other.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not other.ring_shown()
    assert not button.ring_shown()


def test_segmented_by_arrow_keys(shown, qtbot):
    choices = Segmented(NUMBERS, "Numbers")
    shown(holding(row(choices)))
    heard = []
    choices.changed.connect(heard.append)
    choices.button("1").setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(choices.button("1"), Qt.Key.Key_Right)
    assert choices.value() == "2"
    assert heard == ["2"]


def test_segmented_is_exclusive_and_quiet_when_set(qtbot):
    choices = Segmented(NUMBERS, "Numbers")
    qtbot.addWidget(choices)
    heard = []
    choices.changed.connect(heard.append)
    choices.set_value("3")
    assert (choices.value(), heard) == ("3", [])
    choices.pick("1")
    assert (choices.value(), heard) == ("1", ["1"])
    choices.button("2").setEnabled(False)
    choices.pick("2")
    assert choices.value() == "1"


def test_rating_row(qtbot):
    rating = RatingRow("Answer A", ["Harmful or false", "Misses the point"])
    qtbot.addWidget(rating)
    heard = []
    rating.rated.connect(heard.append)
    rating.set_value(2)
    assert heard == []
    rating.rate(5)
    assert (rating.value(), heard) == (5, [5])
    rating.set_value(None)
    assert rating.value() is None
    names = [button.accessibleName() for button in rating.findChildren(QWidget)]
    assert "Answer A: 1, Harmful or false" in names


@pytest.mark.parametrize("name", ["dark", "light"])
def test_given_rating_is_amber(shown, theming, name):
    theming(name)
    rating = RatingRow("Answer A")
    shown(holding(row(rating)))
    rating.set_value(1)
    image = rating.grab().toImage()
    assert image.pixelColor(6, 14).name() == theme().color("human").name()
    assert image.pixelColor(38 + 6, 14).name() != theme().color("human").name()


def test_switch_by_space(shown, qtbot):
    switch = Switch("One job at a time")
    shown(holding(row(switch)))
    switch.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert switch.isChecked()
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert not switch.isChecked()


def test_tag_keeps_its_width_when_ticked(qtbot):
    tag = ToggleChip("Invented fact")
    qtbot.addWidget(tag)
    before = tag.sizeHint()
    tag.setChecked(True)
    assert tag.sizeHint() == before
    assert before.height() >= 24


def test_choice_cards_exclude_each_other(shown, qtbot):
    cards = [
        ChoiceCard(name, column(label(name, "strong"), label("words " * 20, wrap=True))) for name in ("PPO", "DPO")
    ]
    shown(holding(row(*cards)))
    qtbot.mouseClick(cards[0], Qt.MouseButton.LeftButton)
    assert cards[0].isChecked()
    qtbot.keyClick(cards[1], Qt.Key.Key_Space)
    assert [card.isChecked() for card in cards] == [False, True]


def test_card_states_are_drawn(shown):
    card = Card()
    shown(holding(column(card, margins=(0, 0, 0, 0))))
    plain = card.grab().toImage().pixelColor(60, 60)
    card.chosen = True
    assert card.grab().toImage().pixelColor(60, 60) == theme().color("accentSoft") != plain
    card.chosen, card.active = False, True
    assert card.grab().toImage().pixelColor(60, 0).name() == theme().color("focus").name()


def test_slider_field_keeps_both_controls_together(qtbot):
    field = SliderField("Temperature", 0.0, 2.0, 0.8, step=0.05)
    qtbot.addWidget(field)
    heard = []
    field.changed.connect(heard.append)
    field.slider.setValue(600)
    assert field.value() == pytest.approx(1.2)
    field.spin.setValue(0.5)
    assert field.slider.value() == 250
    assert heard == [pytest.approx(1.2), pytest.approx(0.5)]
    field.set_value(1.0)
    assert len(heard) == 2


def test_search_field_escape_empties_then_leaves(shown, qtbot):
    field = SearchField("Filter models")
    shown(holding(column(field, Button("Other"))))
    field.setFocus()
    qtbot.keyClicks(field, "qwen")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""
    assert field.hasFocus()
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not field.hasFocus()


def test_hidden_characters_are_shown():
    assert visible("a\u202eb\x07c\u200bd") == "a⟨U+202E⟩b⟨U+0007⟩c⟨U+200B⟩d"
    assert visible("tab\tnew\r\nline\u2028end") == "tab\tnew\nline\nend"
    assert visible("👩\u200d🔬 می\u200cخواهم") == "👩\u200d🔬 می\u200cخواهم", "joiners are part of the writing"


def test_soft_breaks_only_touch_very_long_runs():
    usual = "word " * 3000
    assert soft_broken(usual) == usual
    assert max(len(line) for line in soft_broken("x" * 100_001).split("\n")) == 2000


def test_reading_text_interprets_nothing_and_keeps_the_source(shown):
    text = ReadingText("Answer A", fit=True)
    shown(holding(column(text, None)))
    given = "<b>not bold</b> <img src='x'>\n\u202eturned" + "y" * 5000
    text.set_text(given)
    assert text.plain() == given
    assert "<b>not bold</b>" in text.toPlainText()
    assert "\u202e" not in text.toPlainText()


def test_reading_text_has_one_line_height_for_all_scripts(shown):
    text = ReadingText("Answer A", fit=True)
    shown(holding(column(text, None)), 500)
    text.set_text("one line\nanother one")
    latin = text.height()
    text.set_text("一行\n另一行")
    assert abs(text.height() - latin) <= 2
    assert latin == pytest.approx(2 * 22, abs=3)


def test_reading_text_streams(shown):
    text = ReadingText("Answer A")
    shown(holding(column(text)))
    text.set_text("")
    for piece in ("Hello", ", ", "world"):
        text.append_text(piece)
    assert text.toPlainText() == text.plain() == "Hello, world"


def test_streamed_runs_without_a_gap_are_broken(shown):
    text = ReadingText("Answer A")
    shown(holding(column(text)))
    for _ in range(500):
        text.append_text("xxxxxxxxxx")
    text.append_text(" end")
    assert max(len(line) for line in text.toPlainText().split("\n")) <= 2010
    assert text.plain() == "x" * 5000 + " end"


def test_button_of_an_action_may_go_before_it(qtbot, qapp):
    owner = QWidget()
    qtbot.addWidget(owner)
    action = QAction("Load", owner)
    button = Button.of(action)
    button.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    action.setText("Unload")
    assert not isValid(button)


def test_scrolled_widgets_let_the_panel_through(shown):
    area = scrolling(holding(column(label("words"), None)))
    widget = shown(holding(column(area)))
    set_region(widget, "panel")
    assert widget.grab().toImage().pixelColor(200, 200) == theme().color("panel")


def test_reading_text_height_follows_up_to_its_limit(shown):
    text = ReadingText("Prompt", fit=True, max_height=100)
    shown(holding(column(text, None)))
    text.set_text("one")
    assert text.height() < 40
    text.set_text("line\n" * 50)
    assert text.height() == 100


def test_labels_never_read_markup(qtbot):
    for made in (label("<b>x</b>"), SectionLabel("<b>x</b>"), ElidedLabel("<b>x</b>"), Chip("<b>x</b>")):
        qtbot.addWidget(made)
        assert made.textFormat() == Qt.TextFormat.PlainText


def test_elided_label_tells_the_whole_text_in_its_tooltip(shown):
    text = ElidedLabel("a very long name " * 20)
    shown(holding(row(text)), 200, 40)
    text.grab()
    assert text.toolTip() == text.text()


def test_fact_rows(qtbot):
    facts = FactRows()
    qtbot.addWidget(facts)
    facts.set_facts([("Trained", "Monday"), ("Seed", "17")])
    facts.set_fact("Trained", "Tuesday", "good")
    assert facts.fact("Trained") == "Tuesday"
    facts.set_facts([("Seed", "18")])
    assert (facts.fact("Trained"), facts.fact("Seed")) == ("", "18")


def test_banner_action_and_tone(qtbot):
    banner = Banner("Answers grew 28%.", "Part of the gain may be length.", "warn")
    qtbot.addWidget(banner)
    heard = []
    banner.add_action("See", lambda: heard.append(1)).click()
    assert heard == [1]
    assert banner.accessibleName() == "Answers grew 28%. Part of the gain may be length."
    banner.set_banner("Healthy so far", tone="good")
    assert banner.accessibleName() == "Healthy so far"


def test_empty_state(qtbot):
    heard = []
    empty = EmptyState(
        "No models yet.", "Get from Hub", lambda: heard.append("get"), "Folder", lambda: heard.append("at")
    )
    qtbot.addWidget(empty)
    empty.action.click()
    empty.link.click()
    assert heard == ["get", "at"]


def test_bar_says_its_value(qtbot):
    bar = Bar("Memory")
    qtbot.addWidget(bar)
    bar.set_segments([(0.25, "s1"), (0.25, "ref")])
    assert bar.value() == 500
    bar.resize(100, 6)
    image = bar.grab().toImage()
    assert image.pixelColor(10, 3).name() == theme().color("s1").name()
    assert image.pixelColor(40, 3).name() == theme().color("ref").name()
    assert image.pixelColor(80, 3).name() == theme().color("line").name()


def test_splitter_keeps_and_resets_its_sizes(shown):
    def build():
        splitter = PanelSplitter("test")
        splitter.addWidget(QWidget())
        splitter.addWidget(QWidget())
        shown(splitter, 601, 100)
        splitter.set_first_sizes([200, 400])
        return splitter

    first = build()
    first.setSizes([300, 300])
    first.save()
    second = build()
    assert second.handle(1).width() == 7, "wide enough to hit"
    assert second.sizes() == [300, 300]
    second.reset()
    assert second.sizes() == [200, 400]
    assert QSettings().contains("sizes/test")


CONTROLS = {
    "button": lambda: Button("Start"),
    "icon button": lambda: Button(icon="x", tip="Close"),
    "segmented": lambda: Segmented(NUMBERS, "Numbers"),
    "rating": lambda: RatingRow("Answer A"),
    "switch": lambda: Switch("On"),
    "tag": lambda: ToggleChip("Tag"),
    "link": lambda: LinkButton("More"),
    "card": lambda: ChoiceCard("PPO"),
    "search": lambda: SearchField("Filter"),
    "reading": lambda: ReadingText("Answer"),
    "slider": lambda: SliderField("Temperature", 0, 1, 0.5),
    "bar": lambda: Bar("Memory"),
    "ring": lambda: SpinRing("Job"),
    "spark": lambda: Spark("GPU"),
    "keys": lambda: KeyHint("Ctrl K"),
    "chip": lambda: Chip("new"),
    "badge": lambda: LetterBadge("A"),
}


@pytest.mark.parametrize("build", CONTROLS.values(), ids=CONTROLS)
def test_every_control_has_a_name_for_screen_readers(qtbot, build):
    control = build()
    qtbot.addWidget(control)
    parts = [part for part in control.findChildren(QWidget) if part.focusPolicy() != Qt.FocusPolicy.NoFocus]
    for part in [control, *parts]:
        if part.objectName().startswith("qt_"):
            continue  # the inside of a spin box or a scroll area; what holds it has the name
        interface = QAccessible.queryAccessibleInterface(part)
        assert interface is not None
        assert interface.text(QAccessible.Text.Name), type(part).__name__
