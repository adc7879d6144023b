"""Judges in Data: a judge is run from the keys and by clicks, stopped, shown beside people, and listed apart."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from tests.jobs.test_judging import carry_out, no_keys  # noqa: F401
from tests.methods.judge_server import Reply, serving
from tests.ui.test_data_report import fill
from workbench.jobs.judging import Order
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.data_pane import DataPane


@pytest.fixture
def store(tmp_path):
    result = Store.open(tmp_path / "project")
    fill(result, prompts=20)
    yield result
    result.close()


@pytest.fixture
def pane(store, shown):
    context = Context(store)
    made = DataPane(context)
    made.said = []
    context.message.connect(lambda text, hint, tone: made.said.append(f"{text} {hint}".strip()))
    shown(made, 1200, 760)
    yield made
    made.quality.judges.stop()
    context.close()


def shorter(number, body):
    """Likes the short answers."""
    text = body["messages"][0]["content"]
    if "<answer_a>" in text:
        return Reply("A" if "a short answer" in text.split("<answer_a>")[1].split("</answer_a>")[0] else "B")
    return Reply("4" if "a short answer" in text else "2")


def dialog_of(pane, qtbot):
    pane.activateWindow()
    qtbot.waitUntil(pane.isActiveWindow)
    qtbot.keyClick(pane, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: pane.quality.judges.dialog is not None)
    return pane.quality.judges.dialog


def counted(dialog, qtbot):
    qtbot.waitUntil(lambda: "to judge" in dialog.amount.text(), timeout=10_000)


def words_of(widget):
    return " ".join(each.text() for each in widget.findChildren(QLabel))


def test_a_server_is_asked_from_the_dialog_and_the_card_says_how_well_it_agrees(pane, store, qtbot):
    card = pane.quality.judges
    with serving(shorter) as server:
        dialog = dialog_of(pane, qtbot)
        assert pane.modes.value() == "quality" and not dialog.go.isEnabled()
        assert "No server" in dialog.problem.text()
        qtbot.keyClicks(dialog.url, server.url)
        qtbot.keyClicks(dialog.model, "m")
        dialog.rubric.setPlainText("Is it short?")
        qtbot.mouseClick(dialog.way.button("compare"), Qt.MouseButton.LeftButton)
        counted(dialog, qtbot)
        assert dialog.amount.text().startswith("20 to judge")
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
        assert not card.stopper.isHidden() and not card.run.isEnabled()
        qtbot.waitUntil(lambda: bool(card.lines), timeout=60_000)
    assert card.stopper.isHidden() and card.run.isEnabled()
    assert any("gave 20 verdicts" in said for said in pane.said)
    (line,) = card.lines
    assert "people judged 20 of them" in words_of(line)
    assert line.facts.fact("Follows the place").startswith("0% of 20 pairs")
    assert line.facts.fact("Prefers the same").startswith("100%")
    assert [rubric.text for rubric in store.judges.rubrics()] == ["Is it short?"]
    assert store.feedback.annotators() == {"you": 20, "Noor": 20}
    again = dialog_of(pane, qtbot)  # as last time, and with the versions of the rubric
    assert (again.model.text(), again.way.value()) == ("m", "compare")
    assert again.rubric.toPlainText() == "Is it short?"
    assert again.version.count() == 2


def test_stop_keeps_what_was_said(pane, store, qtbot):
    card = pane.quality.judges
    pane.show_view("quality")
    with serving(lambda number, body: Reply("4", seconds=0.0 if number < 6 else 2.0)) as server:
        card.start(Order("server", url=server.url, model="m", knobs={"at_once": 1}))
        qtbot.waitUntil(lambda: len(server.asked) > 6, timeout=60_000)
        qtbot.mouseClick(card.stopper, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: any("stopped" in said for said in pane.said), timeout=30_000)
    assert sum(store.judges.counts().values()) == 6
    qtbot.waitUntil(lambda: bool(card.lines), timeout=10_000)


def test_a_server_that_is_not_there_is_one_sentence_with_what_to_do(pane, store, qtbot, monkeypatch):
    card = pane.quality.judges
    pane.show_view("quality")
    with serving(lambda number, body: Reply(status=401)) as server:
        card.start(Order("server", url=server.url, model="m"))
        qtbot.waitUntil(lambda: any("refused" in said for said in pane.said), timeout=60_000)
    assert "WORKBENCH_JUDGE_KEY" in pane.said[-1] and "Traceback" not in pane.said[-1]
    assert card.stopper.isHidden()


def test_a_rule_needs_no_rubric_and_what_it_cannot_do_is_said(pane, qtbot):
    dialog = dialog_of(pane, qtbot)
    qtbot.mouseClick(dialog.kind.button("rule"), Qt.MouseButton.LeftButton)
    assert dialog.reads.isHidden() and dialog.words.isEnabled() and not dialog.pattern.isEnabled()
    counted(dialog, qtbot)
    assert dialog.amount.text() == "40 to judge, in a moment." and dialog.go.isEnabled()
    dialog.rule.setCurrentIndex(dialog.rule.findData("pattern"))
    assert "no regular" not in dialog.problem.text() and "there is none" in dialog.problem.text()
    qtbot.keyClicks(dialog.pattern, "(")
    assert "no regular expression" in dialog.problem.text() and not dialog.go.isEnabled()
    qtbot.mouseClick(dialog.kind.button("reward"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No model was chosen" in dialog.problem.text(), timeout=10_000)


def test_the_rubric_has_versions_and_an_empty_one_is_refused(pane, store, qtbot):
    store.judges.add_rubric("The first.")
    store.judges.add_rubric("The second.")
    dialog = dialog_of(pane, qtbot)
    assert dialog.rubric.toPlainText() == "The second."
    dialog.version.setCurrentIndex(1)
    dialog.version.activated.emit(1)
    assert dialog.rubric.toPlainText() == "The first."
    dialog.url.setText("http://localhost:1/v1")
    dialog.model.setText("m")
    dialog.rubric.clear()
    assert "rubric is empty" in dialog.problem.text()


def test_what_judges_said_is_listed_by_a_chip_and_a_key_and_stays_as_it_is(pane, store, qtbot):
    pane.refresh()
    assert pane.list.judges.isHidden()
    carry_out(store, Order("rule", rule="length", rule_words=10))
    pane.refresh()
    assert not pane.list.judges.isHidden() and not pane.list.judges.isChecked()
    assert pane.model.rowCount() == 40 and pane.model.entry_at(0).annotator in ("you", "Noor")
    qtbot.mouseClick(pane.list.judges, Qt.MouseButton.LeftButton)
    assert pane.model.rowCount() == 40 and pane.model.entry_at(0).annotator.startswith("judge: rule length")
    assert pane.entry.retract.isHidden()
    pane.acting.retract()
    assert "stays as it is" in pane.said[-1] and sum(store.judges.counts().values()) == 40
    pane.setFocus()
    qtbot.keyClick(pane, Qt.Key.Key_J, Qt.KeyboardModifier.ShiftModifier)
    assert not pane.list.judges.isChecked() and pane.model.entry_at(0).annotator in ("you", "Noor")


def test_the_card_opens_the_rows_of_its_judge(pane, store, qtbot):
    carry_out(store, Order("rule", rule="length", rule_words=10))
    carry_out(store, Order("rule", rule="pattern", rule_pattern="short", limit=7))
    pane.show_view("quality")
    card = pane.quality.judges
    qtbot.waitUntil(lambda: len(card.lines) == 2, timeout=20_000)
    qtbot.mouseClick(card.lines[1].rows, Qt.MouseButton.LeftButton)
    assert pane.modes.value() == "browse" and pane.model.rowCount() == 7
    assert "pattern" in pane.model.entry_at(0).annotator
    pane.facets.clear()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 40)
    assert pane.model.entry_at(0).annotator in ("you", "Noor")
