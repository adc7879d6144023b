"""Thumbs, best and worst, rubric: driven by keys over a real project in a real window."""

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QWidget

from tests.ui.test_feedback_pane import FOUR, fill, judged, open_pane, opened, press  # noqa: F401
from workbench.feedback import rubric
from workbench.ui.data_words import feedback_cell, given_to, said
from workbench.ui.feedback_rubric_editor import RubricEditor, starting
from workbench.ui.feedback_switch import LEVELS, ModeSwitch
from workbench.ui.widgets import Option

NINE = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture
def pane(opened, open_pane):  # noqa: F811
    return open_pane(opened("project", *FOUR))


@pytest.fixture
def alone(opened, open_pane):  # noqa: F811
    """A pane over prompts with one answer each."""
    return open_pane(opened("alone", "one", prompts=4))


def stored(pane):
    return judged(pane.context.store)


def values(pane):
    return [feedback.value for feedback in stored(pane)]


# --- thumbs


def test_thumbs_by_digits_and_by_arrows(pane, qtbot):
    press(qtbot, pane, "Alt 5", "1", "0", "Up", "Down", "Enter")
    press(qtbot, pane, "0", "0", "0", "1", "Enter")
    press(qtbot, pane, "Up", "c", "Down", "Enter", "Enter")
    assert {feedback.kind for feedback in stored(pane)} == {"thumbs"}
    assert values(pane) == [
        {"thumbs": [True, False, True, False]},
        {"thumbs": [False, False, False, True]},
        {"thumbs": [True, None, False, None]},
    ]
    assert pane.flow.item is None


def test_the_other_thumb_changes_ones_mind(pane, qtbot):
    press(qtbot, pane, "Alt 5", "1", "1", "1", "a", "0")
    assert pane.view.value() == {"thumbs": [False, True, True, None]}
    assert pane.view.active == 3
    press(qtbot, pane, "Left", "Left", "Down")
    assert pane.view.value() == {"thumbs": [False, False, True, None]}


def test_a_thumb_is_said_in_words_and_by_its_place_too(pane, qtbot):
    press(qtbot, pane, "Alt 5", "1")
    row = pane.view.raters[0]
    assert [button.text() for button in row.buttons.values()] == ["Good", "Bad"]
    assert [button.isChecked() for button in row.buttons.values()] == [True, False]
    qtbot.mouseClick(row.buttons[False], Qt.MouseButton.LeftButton)
    assert pane.view.value()["thumbs"][0] is False


def test_one_answer_alone_needs_one_key_and_z_comes_back(alone, qtbot):
    first = None
    press(qtbot, alone, "Alt 5")
    first = alone.flow.item
    press(qtbot, alone, "1", "0", "Up")
    assert values(alone) == [{"thumbs": [True]}, {"thumbs": [False]}, {"thumbs": [True]}]
    last = alone.flow.item
    press(qtbot, alone, "z", "z", "z")
    assert stored(alone) == []
    assert alone.flow.item == first
    assert alone.view.value() == {"thumbs": [True]}
    press(qtbot, alone, "0")
    assert values(alone) == [{"thumbs": [False]}]
    press(qtbot, alone, "Enter", "1", "Down")
    assert [value["thumbs"] for value in values(alone)] == [[False], [False], [True], [False]]
    assert last is not None and alone.flow.item is None


def test_thumbs_have_tags_and_a_comment(pane, qtbot):
    press(qtbot, pane, "Alt 5", "a", "t", "Right", "Right", "Space", "Esc", "0", "1", "1", "1", "m")
    qtbot.keyClicks(pane.guide.comment, "10 too many")
    press(qtbot, pane, "Esc", "Enter")
    (feedback,) = stored(pane)
    assert feedback.reasons == ("A: Too long",)
    assert feedback.comment == "10 too many"
    assert feedback.value == {"thumbs": [False, True, True, True]}


# --- best and worst


def test_best_and_worst_by_letters(pane, qtbot):
    press(qtbot, pane, "Alt 6", "b", "d", "Enter")
    press(qtbot, pane, "Shift c", "a", "Enter")
    press(qtbot, pane, "Right", "Up", "Right", "Right", "Down", "Enter")
    assert {feedback.kind for feedback in stored(pane)} == {"best_worst"}
    assert values(pane) == [{"best": 1, "worst": 3}, {"best": 0, "worst": 2}, {"best": 1, "worst": 3}]
    assert pane.flow.item is None


@pytest.mark.parametrize(
    ("keys", "best", "worst"),
    [
        ("a b c", 2, 1),  # both are said: another best
        ("a b b", 1, 0),  # the worst becomes the best, and they change places
        ("a a c", 2, None),
        ("a b a", None, 1),
        ("a b Shift-a", 1, 0),
        ("a b Backspace d", 3, None),
        ("a Shift-b Shift-c", 0, 2),
    ],
)
def test_a_changed_mind_about_best_and_worst(pane, qtbot, keys, best, worst):
    press(qtbot, pane, "Alt 6", *[key.replace("-", " ") for key in keys.split()])
    assert pane.view.value() == {"best": best, "worst": worst}


def test_best_and_worst_are_both_needed(pane, qtbot):
    press(qtbot, pane, "Alt 6", "Enter", "Enter", "a", "Enter", "Enter")
    assert stored(pane) == []
    assert "worst" in pane.dock.note.text()
    press(qtbot, pane, "c", "t", "Right", "Space", "Esc", "Enter")
    assert stored(pane)[0].reasons == ("Better tone",)


def test_best_and_worst_say_so_in_words(pane, qtbot):
    press(qtbot, pane, "Alt 6", "a", "c")
    assert pane.view.tally.text() == "A best, C worst · gives 5 preference pairs"
    row = pane.view.rows[2]
    assert [button.text() for button in row.buttons.values() if button.isChecked()] == ["Worst"]
    qtbot.mouseClick(row.buttons["best"], Qt.MouseButton.LeftButton)
    assert pane.view.value() == {"best": 2, "worst": 0}


def test_two_answers_are_no_best_and_worst(opened, open_pane, qtbot):  # noqa: F811
    pane = open_pane(opened("two", "one", "two", prompts=1))
    press(qtbot, pane, "Alt 6")
    assert pane.empty.sentence.text().startswith("Nothing to choose from.")


# --- rubric


def test_a_rubric_by_digits(pane, qtbot):
    press(qtbot, pane, "Alt 7", *"5433222111125553", "Enter")
    (feedback,) = stored(pane)
    assert feedback.kind == "rubric"
    assert feedback.value["criteria"] == starting()
    assert feedback.value["scores"] == [
        [5, 2, 1, 5],
        [4, 2, 1, 5],
        [3, 2, 1, 5],
        ["pass", "critical", "fail", "pass"],
    ]
    assert rubric.overall(feedback.value) == [pytest.approx(4.25), 1.0, 1.0, 5.0]


def test_several_rubrics_in_a_row(pane, qtbot):
    press(qtbot, pane, "Alt 7")
    for _ in range(3):
        press(qtbot, pane, *["3"] * 16, "Enter")
    assert [value["scores"] for value in values(pane)] == [[[3] * 4] * 3 + [["pass"] * 4]] * 3
    assert pane.flow.item is None


def test_the_digits_go_criterion_by_criterion_to_the_next_answer(pane, qtbot):
    press(qtbot, pane, "Alt 7")
    assert pane.view.at == (0, 0)
    press(qtbot, pane, "5", "4")
    assert pane.view.at == (2, 0)
    press(qtbot, pane, "b", "1")
    assert pane.view.at == (1, 1)
    press(qtbot, pane, "1", "1", "1")
    assert pane.view.at == (0, 2)
    press(qtbot, pane, "Left", "Left", "Up", "Up", "Down", "2")
    assert pane.view.value()["scores"][1][0] == 2  # another digit, another mind
    assert pane.view.at == (2, 0)


def test_a_digit_beyond_the_scale_says_nothing_and_a_score_can_be_cleared(pane, qtbot):
    press(qtbot, pane, "Alt 7", "Down", "Down", "Down", "4", "5")
    assert pane.view.value()["scores"][3] == [None] * 4
    press(qtbot, pane, "2", "d", "4", "Up", "Backspace")
    scores = pane.view.value()["scores"]
    assert scores[3][0] == "fail"
    assert scores[0][3] is None


def test_the_overall_score_is_live_and_a_critical_failure_is_all_that_counts(pane, qtbot):
    press(qtbot, pane, "Alt 7", "5", "3")
    first = pane.view.overall[0]
    assert first.stars.text() == "4.0 of 5"
    assert not first.critical.isVisible()
    press(qtbot, pane, "4", "1")
    assert first.stars.text() == "1.0 of 5"
    assert first.critical.isVisible()


def test_enter_on_a_rubric_with_gaps_goes_there_first(pane, qtbot):
    press(qtbot, pane, "Alt 7", "Enter", "Enter")
    assert stored(pane) == []
    press(qtbot, pane, "5", "5", "5", "3", "5", "a", "Enter")
    assert stored(pane) == []
    assert pane.dock.note.text() == "B has no score for Correct. Enter again leaves it out."
    assert pane.view.at == (1, 1)
    press(qtbot, pane, "Enter")
    assert values(pane)[0]["scores"] == [[5, 5, None, None], [5] + [None] * 3, [5] + [None] * 3, ["pass"] + [None] * 3]


def test_a_rubric_has_tags_and_a_comment(pane, qtbot):
    press(qtbot, pane, "Alt 7", "b", "t", "Space", "Esc", "4", "m")
    qtbot.keyClicks(pane.guide.comment, "sold 35")
    press(qtbot, pane, "Ctrl Enter", "Ctrl Enter")
    (feedback,) = stored(pane)
    assert feedback.reasons == ("B: Invented fact",)
    assert feedback.comment == "sold 35"


# --- the rubric's criteria


@pytest.fixture
def editor(pane, qtbot):
    """The dialog, opened by its key."""
    press(qtbot, pane, "Alt 7", "4", "Ctrl e")
    (found,) = pane.findChildren(RubricEditor)
    qtbot.waitUntil(found.isVisible)
    return found


def test_criteria_are_renamed_moved_weighed_and_kept(pane, editor, qtbot):
    qtbot.waitUntil(editor.isActiveWindow)
    editor.lines[1].name.setFocus()
    qtbot.keyClick(editor.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    editor.lines[0].name.selectAll()
    qtbot.keyClicks(editor.focusWidget(), "True")
    editor.lines[0].weight.setValue(3)
    qtbot.mouseClick(editor.lines[3].remover, Qt.MouseButton.LeftButton)
    qtbot.keyClick(editor.focusWidget(), Qt.Key.Key_N, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClicks(editor.focusWidget(), "Polite")
    editor.lines[3].scale.setCurrentIndex(1)
    assert [line.share.text() for line in editor.lines] == ["50%", "17%", "17%", "17%"]
    qtbot.keyClick(editor.lines[3].name, Qt.Key.Key_Return)
    wanted = [
        {"name": "True", "scale": "stars", "weight": 3.0},
        {"name": "Helpful", "scale": "stars", "weight": 1.0},
        {"name": "Clear", "scale": "stars", "weight": 1.0},
        {"name": "Polite", "scale": "pass_fail", "weight": 1.0},
    ]
    assert pane.context.store.setting("rubric") == wanted
    assert pane.view.criteria == wanted
    assert pane.view.value()["scores"] == [[None] * 4, [4, None, None, None], [None] * 4, [None] * 4]
    pane.window().activateWindow()
    qtbot.waitUntil(pane.isActiveWindow)
    press(qtbot, pane, "a", "5", "5", "2", "Enter", "Enter")
    assert values(pane)[0]["criteria"] == wanted
    assert rubric.overall(values(pane)[0])[0] == pytest.approx(1 + 4 * (3 + 0.75 + 1 + 1) / 6)


def test_a_wrong_rubric_is_not_kept_and_says_why(pane, editor, qtbot):
    editor.lines[1].name.setText(" helpful ")
    qtbot.keyClick(editor.lines[1].name, Qt.Key.Key_Return)
    assert editor.isVisible()
    assert editor.problem.text() == "Two criteria have the same name. Change it, or remove the criterion."
    assert editor.lines[1].name.hasFocus()
    editor.lines[1].name.setText(" ")
    editor.accept()
    assert editor.problem.text().startswith("A criterion has no name.")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert pane.context.store.setting("rubric") is None
    assert pane.view.criteria == starting()
    assert pane.view.value()["scores"][0] == [4, None, None, None]


def test_a_rubric_has_one_to_twelve_criteria(editor):
    for _ in range(20):
        editor.add()
    assert len(editor.lines) == 12
    assert not editor.adder.isEnabled()
    for line in list(editor.lines)[1:]:
        editor.remove(line)
    assert not editor.lines[0].remover.isEnabled()


def test_an_older_judgement_comes_back_with_the_criteria_it_was_made_under(pane, qtbot):
    press(qtbot, pane, "Alt 7", *["3"] * 16, "Enter")
    pane.context.store.set_setting("rubric", [{"name": "Kind", "scale": "pass_fail", "weight": 2}])
    pane.view.set_own([{"name": "Kind", "scale": "pass_fail", "weight": 2.0}])
    assert len(pane.view.criteria) == 1
    press(qtbot, pane, "z")
    assert pane.view.criteria == starting()
    assert pane.view.value()["scores"][0] == [3] * 4
    press(qtbot, pane, "Enter", "2", "2", "2", "2", "Enter")
    assert [len(value["criteria"]) for value in values(pane)] == [4, 1]


def test_a_damaged_rubric_is_told_of_and_nothing_is_lost(opened, open_pane, qtbot, monkeypatch):  # noqa: F811
    store, heard = opened("damaged", *FOUR), []
    store.set_setting("rubric", [{"name": "", "scale": "colour"}])
    monkeypatch.setattr("workbench.ui.context.Context.tell", lambda _, error: heard.append(error.text))
    pane = open_pane(store)
    press(qtbot, pane, "Alt 7")
    assert heard == ["That is no criterion of a rubric."]
    press(qtbot, pane, *["3"] * 16, "Enter")
    assert values(pane)[0]["criteria"] == starting()
    assert store.setting("rubric") == [{"name": "", "scale": "colour"}]


# --- how many at once


@pytest.fixture
def many(opened, open_pane):  # noqa: F811
    """A pane over prompts with nine answers each."""
    return open_pane(opened("many", *NINE, prompts=2))


def choose(pane, number):
    """Choose how many answers come at once, as a person does."""
    pane.bar.at_once.show_number(number)
    pane.bar.at_once.activated.emit(number - 1)


def test_nine_answers_are_ranked_by_letters_and_digits(many, qtbot):
    press(qtbot, many, "Alt 3")
    assert len(many.flow.item.responses) == 4
    choose(many, 9)
    assert len(many.flow.item.responses) == 9
    press(qtbot, many, *"a9b", "=", *"8c7d65", "Enter")
    press(qtbot, many, *"987654321", *"dcba", "Enter")
    assert values(many) == [
        {"order": [[0], [8, 1], [7], [2], [6], [3], [5], [4]]},
        {"order": [[8], [7], [6], [5], [4], [3], [2], [1], [0]]},
    ]


def test_best_and_worst_of_nine(many, qtbot):
    press(qtbot, many, "Alt 6")
    choose(many, 9)
    press(qtbot, many, "7", "d", "Enter")
    assert values(many) == [{"best": 6, "worst": 3}]
    assert len(stored(many)[0].response_ids) == 9


def test_thumbs_one_at_a_time_take_one_key_each(many, qtbot):
    press(qtbot, many, "Alt 5")
    choose(many, 1)
    press(qtbot, many, *"110100101")
    assert [value["thumbs"] for value in values(many)] == [[key == "1"] for key in "110100101"]
    assert len({feedback.response_ids for feedback in stored(many)}) == 9


def test_what_is_said_of_the_item_on_screen_stays_when_another_number_is_chosen(many, qtbot):
    press(qtbot, many, "3")
    choose(many, 2)
    assert many.view.value() == {"ratings": [3, None, None, None]}
    press(qtbot, many, "3", "3", "3", "Enter")
    assert len(many.view.value()["ratings"]) == 2
    assert many.context.store.setting("answers_at_once") == 2


def test_the_number_at_once_is_kept_with_the_project(opened, open_pane, qtbot):  # noqa: F811
    store = opened("kept", *NINE)
    store.set_setting("answers_at_once", 6)
    pane = open_pane(store)
    assert pane.bar.at_once.currentData() == 6
    assert len(pane.flow.item.responses) == 6
    press(qtbot, pane, "Alt 2")
    assert not pane.bar.at_once.isVisible()
    store.set_setting("answers_at_once", "all")
    press(qtbot, pane, "Alt 5")
    assert len(pane.flow.item.responses) == 4


# --- every kind


SPOKEN = {
    "1": (["5", "2", "1", "4", "Enter"], {"ratings": [5, 2, 1, 4]}),
    "2": (["Shift Right", "Enter"], {"choice": "b", "strength": 2}),
    "3": (["a", "d", "=", "b", "c", "Enter"], {"order": [[0, 3], [1], [2]]}),
    "5": (["1", "0", "1", "0", "Enter"], {"thumbs": [True, False, True, False]}),
    "6": (["b", "d", "Enter"], {"best": 1, "worst": 3}),
    "7": ([*["2"] * 16, "Enter"], {"criteria": starting(), "scores": [[2] * 4] * 3 + [["fail"] * 4]}),
}


@pytest.mark.parametrize("mode", SPOKEN)
def test_undo_and_redo_return_to_an_item_of_every_kind(pane, qtbot, mode):
    keys, value = SPOKEN[mode]
    press(qtbot, pane, f"Alt {mode}")
    item = pane.flow.item
    press(qtbot, pane, *keys, "Alt 4", "Esc", "z")
    assert stored(pane) == []
    assert pane.flow.item == item
    assert pane.view.kind == item.kind
    assert pane.view.value() == value
    press(qtbot, pane, "Ctrl Shift z")
    assert values(pane) == [value]
    assert pane.flow.item != item
    press(qtbot, pane, "z", "Enter")
    assert values(pane) == [value]


@pytest.mark.parametrize("mode", SPOKEN)
def test_typing_a_comment_judges_in_no_kind(pane, qtbot, mode):
    keys, value = SPOKEN[mode]
    press(qtbot, pane, f"Alt {mode}")
    empty = pane.view.value()
    press(qtbot, pane, "m")
    qtbot.keyClicks(pane.guide.comment, "a1b0c5dzsf")
    assert pane.guide.comment.toPlainText() == "a1b0c5dzsf"
    assert pane.view.value() == empty
    press(qtbot, pane, "Esc", *keys)
    (feedback,) = stored(pane)
    assert (feedback.value, feedback.comment) == (value, "a1b0c5dzsf")


@pytest.mark.parametrize("mode", SPOKEN)
def test_an_input_method_that_composes_judges_in_no_kind(pane, qtbot, mode):
    press(qtbot, pane, f"Alt {mode}")
    empty = pane.view.value()
    press(qtbot, pane, "m")
    QCoreApplication.sendEvent(pane.guide.comment, QInputMethodEvent("hao", []))
    press(qtbot, pane, "1", "a", "Up", "Ctrl e", "Ctrl Enter")
    assert pane.view.value() == empty
    assert stored(pane) == []
    assert pane.findChildren(RubricEditor) == []


@pytest.mark.parametrize("mode", SPOKEN)
def test_every_kind_has_reasons_a_key_away(pane, qtbot, mode):
    keys, _ = SPOKEN[mode]
    press(qtbot, pane, f"Alt {mode}", "t", "Right", "Space", "Esc", *keys)
    (feedback,) = stored(pane)
    assert len(feedback.reasons) == 1


def test_an_edit_has_reasons_and_undo_brings_them_back(pane, qtbot):
    press(qtbot, pane, "Alt 4", "Esc", "t", "Right", "Space", "Esc")
    qtbot.keyClicks(pane.view.editor, " t")
    press(qtbot, pane, "Ctrl Enter")
    assert stored(pane)[0].reasons == ("Off tone",)
    assert pane.view.reasons() == []
    press(qtbot, pane, "Esc", "z")
    assert pane.view.reasons() == ["Off tone"]
    assert pane.view.text().endswith(" t")


@pytest.mark.parametrize("kind", ["thumbs", "best_worst", "rubric"])
def test_another_pane_can_ask_for_a_kind(pane, kind):
    pane.visit(kind)
    assert pane.flow.kind == kind
    assert pane.modes.value() == kind


def test_names_are_shown_and_hidden_in_the_new_kinds(pane, qtbot):
    for mode in "567":
        press(qtbot, pane, f"Alt {mode}", "h")
        assert {card.author.text() for card in pane.view.cards[:4]} == {"base", "tuned"}
        press(qtbot, pane, "h")
        assert {card.author.text() for card in pane.view.cards[:4]} == {""}


def test_the_data_pane_has_words_for_the_new_kinds(pane, qtbot):
    for mode in "567":
        press(qtbot, pane, f"Alt {mode}", *SPOKEN[mode][0])
    from workbench.store.browsing import entry

    thumbs, best, scored = [entry(pane.context.store, feedback.id) for feedback in stored(pane)]
    assert said(thumbs) == "A ↑  B ↓  C ↑  D ↓"
    assert said(best) == "B > A = C > D"
    assert said(scored) == "A 1.8  B 1.8  C 1.8  D 1.8"
    assert [given_to(best, place) for place in range(4)] == ["", "Best", "", "Worst"]
    assert feedback_cell(thumbs).text == said(thumbs)


# --- what it becomes


def test_the_line_says_what_the_new_kinds_become(pane, qtbot):
    press(qtbot, pane, "Alt 5", "1", "0", "0", "1", "Enter")
    qtbot.waitUntil(lambda: pane.becomes.text() == "4 thumbs → 4 pairs, 4 labels")
    press(qtbot, pane, "Alt 6", "a", "b", "Enter")
    qtbot.waitUntil(lambda: pane.becomes.text().startswith("1 best and worst → 5 pairs"))
    assert "4 thumbs" in pane.becomes.text()
    press(qtbot, pane, "Alt 7", *["5", "5", "5", "3"], *["1", "1", "1", "3"], "Enter", "Enter")
    qtbot.waitUntil(lambda: pane.becomes.text().startswith("1 rubric → 1 pair, 1 demonstration"))


def test_a_click_on_a_kind_of_the_line_goes_to_its_rows(pane, qtbot):
    press(qtbot, pane, "Alt 5", "1", "0", "0", "1", "Enter", "Alt 6", "a", "b", "Enter")
    qtbot.waitUntil(lambda: "thumbs" in pane.becomes.text() and "worst" in pane.becomes.text())
    thumbs = pane.becomes._links["thumbs"]
    with qtbot.waitSignal(pane.context.pane_wanted) as heard:
        qtbot.mouseClick(thumbs, Qt.MouseButton.LeftButton)
    assert heard.args == ["data", {"filters": {"kinds": ["thumbs"]}}]
    with qtbot.waitSignal(pane.context.pane_wanted) as heard:
        press(qtbot, pane, "Ctrl d")
    assert heard.args == ["data", {"filters": {"kinds": ["best_worst"]}}]


# --- the switch


def test_the_switch_drops_hints_before_words(shown):
    options = [Option(str(number), f"Kind {number}", "star", f"Alt {number}") for number in range(1, 8)]
    switch = ModeSwitch(options, "Kind", shown(QWidget(), 1200, 30))
    switch.show()
    whole, least = switch.sizeHint().width(), switch.minimumSizeHint().width()
    seen = []
    for width in (1200, whole, whole - 1, 3 * whole // 4, whole // 2, least):
        switch.resize(width, 30)
        seen.append(LEVELS.index(switch.button("5")._parts))
        assert switch.button("7").geometry().right() < width
    assert seen[:3] == [0, 0, 1]
    assert seen == sorted(seen)
    assert seen[-1] == 3
    assert switch.button("5").toolTip() == "Kind 5 (Alt 5)"
