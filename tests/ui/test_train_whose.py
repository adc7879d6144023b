"""Whose judgements a new run reads: people and judges to tick beside the field, judges never by themselves."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from tests.jobs import worlds
from tests.jobs.test_judging import carry_out
from workbench.jobs import preparing
from workbench.jobs.judging import Order
from workbench.jobs.learned import judges_of
from workbench.ui.context import Context
from workbench.ui.train_pane import TrainPane


@pytest.fixture
def store(tmp_path, llama_folder):
    made = worlds.project(tmp_path / "project", llama_folder, prompts=12)
    for item in made.feedback.list()[:6]:
        made.feedback.add("rating", item.prompt_id, item.response_ids, {"ratings": [4, 3]}, annotator="Doe, Jo")
    carry_out(made, Order("rule", rule="pattern", rule_pattern="lazy over dog", compares=True))
    yield made
    made.close()


@pytest.fixture
def context(store, qapp):
    context = Context(store)
    yield context
    context.jobs.clear()
    context.close()


@pytest.fixture
def pane(context, shown):
    made = TrainPane(context)
    made.set_window_width(1440)
    yield shown(made, 1368, 820)
    made.hide()


@pytest.fixture
def page(pane):
    pane.new_run("reward")
    pane.new_page._estimate()
    return pane.new_page


def walk_to(qtbot, menu, words):
    """Press Down until an entry that begins so is the current one."""
    for _ in range(20):
        qtbot.keyClick(menu, Qt.Key.Key_Down)
        if menu.activeAction() and menu.activeAction().text().startswith(words):
            return menu.activeAction()
    raise AssertionError(words)


def ticked(menu):
    return [action.data() for action in menu.actions() if action.isCheckable() and action.isChecked()]


def test_a_judge_is_ticked_by_hand_and_the_page_says_that_it_is_no_person(store, page, qtbot):
    name = store.judges.list()[0].name
    field, button = page.form.rows["whose"].control, page.form.rows["whose"].browse
    assert "12 verdicts" not in page.data_card.total.text() and "A judge counts" not in page.beside.cautions()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    menu = button.menu_shown
    assert [action.text() for action in menu.actions() if not action.isEnabled() and action.text()] == [
        "People; all where nobody is named",
        "Judges: a model or a rule, not a person",
    ]
    assert ticked(menu) == ["you", "Doe, Jo"]  # everybody, and no judge
    assert walk_to(qtbot, menu, "Judge rule pattern").text().endswith("· 12")
    qtbot.keyClick(menu, Qt.Key.Key_Space)
    assert menu.isVisible() and field.text() == f"you, Doe, Jo, {name}"
    for other in ("You", "Doe, Jo"):
        walk_to(qtbot, menu, other)
        qtbot.keyClick(menu, Qt.Key.Key_Space)
    assert field.text() == name and ticked(menu) == [name]
    menu.close()
    page._estimate()
    assert page.beside.cautions()[0] == "A judge counts"
    assert page.beside.learns.fact("Judges' verdicts") == "12"
    train = len(preparing.data_of(store, annotators=[name]).split("train").pairs)
    assert page.data_card.total.text() == f"{train} pairs" and page.start_action.isEnabled()


def test_taking_the_judge_away_again_is_everybody(store, page, qtbot):
    row = page.form.rows["whose"]
    menu = row.browse.open_menu()
    for _ in range(2):
        walk_to(qtbot, menu, "Judge rule pattern")
        qtbot.keyClick(menu, Qt.Key.Key_Space)
    assert row.control.text() == "" and ticked(menu) == ["you", "Doe, Jo"]
    menu.close()


def test_a_stranger_s_name_is_said_before_the_start(page):
    page.form.rows["whose"].set_value("Bo")
    page._estimate()
    assert not page.start_action.isEnabled()
    assert "Bo has judged nothing here. Judged have: you, Doe, Jo." in page.beside.reason.text()


def test_a_run_of_a_judge_leads_to_what_the_judge_said(store, pane, context, qtbot):
    name = store.judges.list()[0].name
    base = store.models.list("base")[0].id
    run, _ = preparing.prepare(store, "dpo", {"whose": name}, model_id=base)
    assert judges_of(store, run) == {name: 12}
    pane.visit({"run": run.id})
    sources = pane.monitor.sources
    assert not sources.rows.isVisible() and sources.verdicts.text() == "12 from a judge"
    assert "not a person" in sources.verdicts.toolTip()
    with qtbot.waitSignal(context.pane_wanted) as asked:
        qtbot.mouseClick(sources.verdicts, Qt.MouseButton.LeftButton)
    assert asked.args == ["data", {"filters": {"used_by": run.id, "judges": True}}]
