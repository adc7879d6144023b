"""The lists of Data: prompts, answers and runs, saved filters, many rows at once, history and lineage."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QLabel

from workbench.store import Store, bulk
from workbench.store.filtering import Filter
from workbench.store.saved_filters import saved
from workbench.ui import data_counting
from workbench.ui.context import Context
from workbench.ui.data_columns import FEEDBACK, MODEL, WHO
from workbench.ui.data_conflicts import conflicting
from workbench.ui.data_history import HistoryView
from workbench.ui.data_pane import DataPane
from workbench.ui.data_words import answer_text, given_to, said
from workbench.ui.feedback_text import RunsText
from workbench.ui.tables import CELL
from workbench.ui.widgets import LinkButton

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
LONG = "a-model-with-a-rather-long-name"
RUBRIC = [{"name": "Helpful", "scale": "stars", "weight": 1}, {"name": "Safe", "scale": "pass_fail", "weight": 1}]


def answered(store, text, *answers, tags=()):
    prompt, _ = store.prompts.add(text, tags=tags)
    model = store.models.list()[0].id
    return prompt.id, [store.responses.add(prompt.id, each, model_id=model).id for each in answers]


@pytest.fixture
def store(tmp_path):
    """Every new kind, a repeat under guidelines, a rule's judgement, and a run that learned from the first."""
    result = Store.open(tmp_path / "project")
    result.models.add(name=LONG, kind="base", source="local", location="/base")
    guideline = result.guidelines.add("Be short.")
    add = result.feedback.add
    mugs = answered(result, "Two mugs arrived cracked", "I am sorry", "Please wait", tags=["mail"])
    first = add("rating", *mugs, {"ratings": [4, 2]}, annotator="you", seconds=31, guideline_id=guideline.id)
    add("rating", mugs[0], mugs[1][::-1], {"ratings": [2, 5]}, annotator="you", seconds=19, repeat_of=first.id)
    tea = answered(result, "茶壶漏水怎么办", "换新的", "请等待", "好的")
    add("thumbs", *tea, {"thumbs": [None, True, False]}, annotator="you")
    add("best_worst", *tea, {"best": 2, "worst": 0}, annotator="Noor")
    scores = [[5, 3, None], ["pass", "fail", None]]
    add("rubric", *tea, {"criteria": RUBRIC, "scores": scores}, annotator="you")
    mark = {"start": 2, "end": 4, "label": "wrong", "quote": "am"}
    add("mark", mugs[0], mugs[1][:1], mark, annotator="Noor", comment="tense")
    add("rating", mugs[0], mugs[1][:1], {"ratings": [3]}, annotator="rule: brief and finished")
    add("cannot", *tea, {"kind": "rating"}, annotator="you")
    run = result.runs.add(name="reward-1", method="reward", options={})
    result.runs.freeze(run.id, [first.id], "hash")
    made = result.models.add(
        name="r1", kind="reward", source="run", location="/r", parent_id=result.models.list()[0].id
    )
    result.runs.update(run.id, result_id=made.id)
    result.runs.add(name="ppo-1", method="ppo", options={}, reward_id=made.id)
    answered(result, "Nobody judged this", "An answer")
    yield result
    result.close()


@pytest.fixture
def pane(store, shown):
    pane = DataPane(Context(store, "you"))
    pane.set_window_width(1440)
    shown(pane, 1368, 820)
    pane.first_focus().setFocus()
    return pane


def rows(pane):
    return [pane.model.entry_at(place) for place in range(pane.model.rowCount())]


def kinds(pane):
    return [entry.kind for entry in rows(pane)]


def press(qtbot, pane, key, modifiers=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(pane.window().focusWidget() or pane, key, modifiers)


def settle():
    """What was shown before is gone only after the event loop has run."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def words(widget):
    settle()
    return [each.text() for each in widget.findChildren(QLabel) if each.isVisibleTo(widget)]


def links(widget):
    settle()
    return {each.text(): each for each in widget.findChildren(LinkButton) if each.isVisibleTo(widget)}


def choose(pane, kind):
    place = kinds(pane).index(kind)
    pane.table.setCurrentIndex(pane.model.index(place, 0))


# --- every kind in words


def test_every_kind_reads_well_in_the_list(pane):
    told = {entry.kind: said(entry) for entry in rows(pane)}
    assert told["thumbs"] == "A –  B ↑  C ↓"
    assert told["best_worst"] == "C > B > A"
    assert told["rubric"] == "A 5.0  B 2.0  C –"
    assert told["mark"] == "Wrong fact: “am”"
    assert "cannot" not in told
    shown = {entry.kind: answer_text(entry) for entry in rows(pane)}
    assert (shown["thumbs"], shown["best_worst"], shown["rubric"]) == ("请等待", "好的", "换新的")


def test_an_answer_says_what_it_was_given_alone(pane):
    by_kind = {entry.kind: entry for entry in rows(pane)}
    assert [given_to(by_kind["thumbs"], place) for place in range(3)] == ["", "Good", "Bad"]
    assert [given_to(by_kind["best_worst"], place) for place in range(3)] == ["Worst", "", "Best"]
    assert [given_to(by_kind["rubric"], place) for place in range(3)] == ["5.0 of 5", "2.0 of 5", ""]


def test_a_rubric_is_shown_by_its_criteria(pane):
    choose(pane, "rubric")
    shown = words(pane.entry)
    assert shown.count("Helpful") == 3
    assert {"3 of 5", "Pass", "Fail"} <= set(shown)


def test_a_mark_is_shown_in_its_answer(pane):
    choose(pane, "mark")
    settle()
    (text,) = pane.entry.findChildren(RunsText)
    assert text.plain() == "I am sorry"
    assert [text.plain()[mark.start : mark.end] for mark in text.marks] == ["am"]
    assert "Wrong fact" in words(pane.entry)


def test_what_could_not_be_judged_is_set_aside(pane, qtbot):
    assert pane.list.aside.isVisible()
    qtbot.mouseClick(pane.list.aside, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cannot" in kinds(pane))


# --- amber is for people


def test_what_a_rule_said_is_grey_in_the_list_the_panel_and_the_facets(pane):
    assert rows(pane)[0].annotator.startswith("rule:")
    cell = pane.model.index(0, FEEDBACK).data(CELL)
    assert (cell.rating, cell.rating_tone) == (3, "ref")
    assert pane.entry.chip._tone == "neutral"
    people = pane.facets.people.rows
    assert [tone for _, tone in people["rule: brief and finished"].bar._segments] == ["ref"]
    assert [tone for _, tone in people["you"].bar._segments] == ["human"]
    assert [tone for _, tone in pane.facets.kinds.rows["rating"].bar._segments] == ["human", "ref"]


def test_models_and_people_are_not_cut_off(pane):
    for column, text in ((MODEL, LONG), (WHO, "rule: brief and finished")):
        room = pane.table.columnWidth(column) - 24
        assert pane.table.fontMetrics().horizontalAdvance(text) <= room + 30
        assert pane.table.columnWidth(column) > 120


# --- lists


def test_alt_and_a_number_choose_what_is_listed(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_2, ALT)
    assert [row.prompt for row in rows(pane)] == ["Nobody judged this", "茶壶漏水怎么办", "Two mugs arrived cracked"]
    assert pane.total.text() == "3 of 3 prompts"
    assert pane.facets.judged.isVisible()
    assert not pane.facets.kinds.isVisible()
    press(qtbot, pane, Qt.Key.Key_3, ALT)
    assert pane.total.text() == "6 of 6 answers"
    press(qtbot, pane, Qt.Key.Key_4, ALT)
    assert [row.name for row in rows(pane)] == ["ppo-1", "reward-1"]
    press(qtbot, pane, Qt.Key.Key_1, ALT)
    assert pane.facets.kinds.isVisible()
    assert len(rows(pane)) == 7


def test_prompts_that_nobody_judged(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_2, ALT)
    pane.facets.judged.rows["judged"].box.click()
    qtbot.waitUntil(lambda: [row.prompt for row in rows(pane)] == ["Nobody judged this"])


def test_enter_on_a_prompt_an_answer_and_a_run_lists_their_judgements(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_2, ALT)
    pane.table.setFocus()
    press(qtbot, pane, Qt.Key.Key_J)
    press(qtbot, pane, Qt.Key.Key_Return)
    assert set(kinds(pane)) == {"thumbs", "best_worst", "rubric"}
    assert pane.list.chips["prompt_ids"].text() == "One prompt"
    press(qtbot, pane, Qt.Key.Key_4, ALT)
    pane.facets.clear()
    press(qtbot, pane, Qt.Key.Key_J)
    pane.table.setFocus()
    press(qtbot, pane, Qt.Key.Key_Return)
    assert [entry.seq for entry in rows(pane)] == [1]
    assert pane.list.chips["used_by"].text() == "Used by reward-1"


def test_orders_by_a_key(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_O)
    assert pane.model.order == "oldest"
    pane.list.order_wanted.emit("fastest")
    assert [entry.seq for entry in rows(pane)][:2] == [2, 1]
    assert pane.list.order.currentText() == "Fastest first"


# --- from elsewhere


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"filters": {"kinds": ["rating"], "annotators": ["you"]}}, [2, 1]),
        ({"filters": {"only": ["repeats"]}}, [2]),
        ({"filters": {"search": "茶壶"}}, [5, 4, 3]),
        (Filter(kinds=("mark",)), [6]),
        ({"filters": {"unheard_of": 1, "kinds": ["thumbs"]}}, [3]),
    ],
)
def test_other_panes_ask_for_rows(pane, payload, expected):
    pane.visit(payload)
    assert [entry.seq for entry in rows(pane)] == expected


def test_rows_by_their_ids_are_shown_exactly_also_taken_back_ones(pane, store, qtbot):
    all_of_them = {entry.seq: entry.id for entry in rows(pane)}
    store.feedback.retract([all_of_them[2]])
    pane.visit({"filters": {"ids": [all_of_them[1], all_of_them[2]]}, "title": "conflicts"})
    assert [entry.seq for entry in rows(pane)] == [2, 1]
    assert pane.list.chips["ids"].text() == "2 conflicts"
    qtbot.mouseClick(pane.list.chips["ids"], Qt.MouseButton.LeftButton)
    assert not pane.list.chips["ids"].isVisible()
    assert [entry.seq for entry in rows(pane)] == [7, 6, 5, 4, 3, 1]


def test_contradictions_are_found(store, pane, qtbot):
    from workbench.feedback.base import Rules

    prompt, answers = answered(store, "Tea or coffee", "Tea", "Coffee")
    one = store.feedback.add("comparison", prompt, answers, {"choice": "a"}, annotator="you")
    other = store.feedback.add("rating", prompt, answers, {"ratings": [1, 5]}, annotator="Noor")
    store.feedback.add("comparison", *answered(store, "Else", "x", "y"), {"choice": "a"}, annotator="you")
    found = conflicting(store, Rules())
    assert [id_ for id_ in found if store.feedback.find(id_).prompt_id == prompt] == [one.id, other.id]
    pane.visit({"conflicts": True})
    qtbot.waitUntil(lambda: {entry.id for entry in rows(pane)} == set(found), timeout=20_000)
    assert pane.list.chips["ids"].text() == f"{len(found)} contradictions"


# --- many rows at once


def test_ctrl_a_and_delete_take_back_everything_in_one_step(pane, store, qtbot):
    press(qtbot, pane, Qt.Key.Key_A, CTRL)
    assert pane.list.bar.isVisible()
    assert pane.list.chosen.text() == "7 chosen"
    press(qtbot, pane, Qt.Key.Key_Delete)
    assert rows(pane) == []
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert len(rows(pane)) == 7


def test_undo_works_in_a_window_that_was_opened_since(pane, store, qtbot, shown):
    press(qtbot, pane, Qt.Key.Key_Down, SHIFT)
    press(qtbot, pane, Qt.Key.Key_Delete)
    assert len(rows(pane)) == 5
    again = DataPane(Context(Store.beside(store.folder), "you"))
    shown(again, 1368, 820)
    again.table.setFocus()
    press(qtbot, again, Qt.Key.Key_Z, CTRL)
    assert len(rows(again)) == 7
    again.context.store.close()


def test_tag_and_flag_by_keys(pane, store, qtbot):
    press(qtbot, pane, Qt.Key.Key_A, CTRL)
    press(qtbot, pane, Qt.Key.Key_T)
    dialog = pane.acting.dialog
    assert dialog.windowTitle() == "Tag 2 prompts"
    qtbot.keyClicks(dialog.field, "kitchen")
    with qtbot.waitSignal(pane.context.message) as heard:
        qtbot.keyClick(dialog.field, Qt.Key.Key_Return)
    assert heard.args[0] == "Tagged 2 prompts kitchen."
    assert store.prompts.tags() == {"kitchen": 2, "mail": 1}
    assert pane.facets.tags.rows["kitchen"].count.text() == "8"  # the one that was set aside too
    pane.table.setFocus()
    press(qtbot, pane, Qt.Key.Key_F)
    assert store.feedback.counts()["flag"] == 1
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert store.prompts.tags() == {"mail": 1}
    assert "flag" not in store.feedback.counts()
    press(qtbot, pane, Qt.Key.Key_Z, CTRL | SHIFT)
    assert store.prompts.tags() == {"kitchen": 2, "mail": 1}


def test_prompts_can_be_tagged_but_not_taken_back(pane, store, qtbot):
    press(qtbot, pane, Qt.Key.Key_2, ALT)
    press(qtbot, pane, Qt.Key.Key_A, CTRL)
    assert pane.list.tag.isVisible()
    assert not pane.list.retract.isVisible()
    before = store.feedback.counts()
    press(qtbot, pane, Qt.Key.Key_Delete)
    assert store.feedback.counts() == before


def test_nothing_to_undo_is_said(pane, qtbot):
    with qtbot.waitSignal(pane.context.message) as heard:
        press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert heard.args[0] == "Nothing to undo in Data."


# --- saved filters


def save(pane, qtbot, name):
    press(qtbot, pane, Qt.Key.Key_S)
    dialog = pane.saving.dialog
    qtbot.keyClicks(dialog.field, name)
    qtbot.keyClick(dialog.field, Qt.Key.Key_Return)


def test_a_filter_is_saved_shown_renamed_removed_and_brought_back_by_keys(pane, store, qtbot):
    pane.visit({"filters": {"kinds": ["rating"], "search": "mugs"}})
    pane.table.setFocus()
    save(pane, qtbot, "Mugs")
    tab = saved(store)[0].id
    assert pane.list.tabs.tabs[tab].text() == "Mugs  3"
    assert pane.list.tabs.tabs[tab].isChecked()
    press(qtbot, pane, Qt.Key.Key_BracketRight)
    assert (pane.list.tabs.current, len(rows(pane))) == ("", 7)
    press(qtbot, pane, Qt.Key.Key_BracketLeft)
    assert (pane.list.tabs.current, kinds(pane)) == (tab, ["rating"] * 3)
    assert pane.facets.search.text() == "mugs"
    press(qtbot, pane, Qt.Key.Key_F2)
    dialog = pane.saving.dialog
    assert dialog.field.text() == "Mugs"
    qtbot.keyClicks(dialog.field, "Cracked")
    qtbot.keyClick(dialog.field, Qt.Key.Key_Return)
    assert [each.name for each in saved(store)] == ["Cracked"]
    pane.table.setFocus()
    press(qtbot, pane, Qt.Key.Key_Delete, SHIFT)
    assert list(pane.list.tabs.tabs) == [""]
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert list(pane.list.tabs.tabs) == ["", tab]
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert [each.name for each in saved(store)] == ["Mugs"]


def test_a_name_that_is_taken_is_said_so(pane, store, qtbot):
    pane.visit({"filters": {"kinds": ["mark"]}})
    pane.table.setFocus()
    save(pane, qtbot, "Marks")
    pane.table.setFocus()
    with qtbot.waitSignal(pane.context.message) as heard:
        save(pane, qtbot, "marks")
    assert heard.args[2] == "bad"
    assert len(saved(store)) == 1


# --- history and lineage


def test_the_history_tells_of_repeats_guidelines_rules_and_what_was_taken_back(pane, store):
    first = rows(pane)[-1]
    bulk.retract(store, [first.id], "you")
    bulk.tag(store, [first.prompt_id], "damaged", "Noor")
    view = HistoryView(store, first.prompt_id, first)
    told = " | ".join([*words(view), *links(view)])
    assert "was A 4  B 2" in told
    assert "hidden repeat, blind, 19 s, shown as B A" in told
    assert "guidelines 1" in told
    assert "#1 taken back" in told
    assert "Tag damaged added" in told
    assert "“tense”" in told
    assert len(view.moments) == 6


def test_a_line_of_the_history_leads_to_its_judgement(pane, qtbot):
    pane.table.setCurrentIndex(pane.model.index(6, 0))
    assert pane.entry.entry.seq == 1
    link = next(each for text, each in links(pane.entry).items() if text.startswith("Wrong fact"))
    link.click()
    assert pane.entry.entry.kind == "mark"


def test_lineage_leads_to_the_runs_and_back_to_their_rows(pane, qtbot):
    pane.table.setCurrentIndex(pane.model.index(6, 0))
    line = pane.entry.line
    assert [(use.run.name, use.depth) for use in line.uses] == [("reward-1", 0), ("ppo-1", 1)]
    assert "Waiting, rewarded by what reward-1 made" in words(line)
    with qtbot.waitSignal(pane.context.pane_wanted) as heard:
        links(line)["reward-1"].click()
    assert heard.args == ["train", {"run": line.uses[0].run.id}]
    with qtbot.waitSignal(pane.context.pane_wanted):
        press(qtbot, pane, Qt.Key.Key_R)
    press(qtbot, pane, Qt.Key.Key_R, SHIFT)
    assert [entry.seq for entry in rows(pane)] == [1]


def test_an_answer_and_a_run_have_details(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_3, ALT)
    press(qtbot, pane, Qt.Key.Key_J)
    assert pane.entry.number.text() == "Answer"
    assert "Show its judgements (3)" in links(pane.entry)
    press(qtbot, pane, Qt.Key.Key_4, ALT)
    press(qtbot, pane, Qt.Key.Key_J)
    assert pane.entry.number.text() == "reward-1"
    links(pane.entry)["Show its judgements (1)"].click()
    assert pane.list.chips["used_by"].isVisible()


# --- a large project


def test_a_large_project_shows_its_first_page_and_counts_beside_the_window(pane, store, qtbot, monkeypatch):
    prompt, answers = answered(store, "Again and again", "yes")
    with store.writing():
        for _ in range(420):
            store.feedback.add("rating", prompt, answers, {"ratings": [3]}, annotator="you")
    monkeypatch.setattr(data_counting, "SMALL", 10)
    pane.refresh()
    assert pane.model.rowCount() == 200
    assert pane.total.text().startswith("200 or more of ")
    qtbot.waitUntil(lambda: pane.total.text() == "427 of 428 judgements", timeout=20_000)
    assert pane.model.entry_at(426).seq == 1
    qtbot.waitUntil(lambda: pane.facets.kinds.rows["rating"].count.text() == "423", timeout=20_000)
