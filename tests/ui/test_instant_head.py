"""The instant head in the window: it learns from keys, Data shows its forecast, Feedback asks what it cannot tell."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from tests.ui.test_whole_loop import ALT, CTRL, SLOW, open_window, press, shut  # noqa: F401
from workbench.jobs import instant_head as heads
from workbench.jobs.adding import add_model
from workbench.lm.vectors import packed
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.data_pane import DataPane
from workbench.ui.data_table import FEEDBACK, PREDICTED
from workbench.ui.feedback_pane import FeedbackPane
from workbench.ui.tables import CELL

SPACE = "base/template/20"
LONG = 20_000


def ask(store, number, goods, read=True):
    """A prompt whose answers are as good as said, and a vector for each that says so."""
    prompt, _ = store.prompts.add(f"Question {number}")
    ids = [store.responses.add(prompt.id, f"answer {place} to {number}").id for place in range(len(goods))]
    rows = np.random.default_rng(number).standard_normal((len(goods), 6)) * 0.3
    rows[:, 0] = goods
    if read:
        store.features.add(SPACE, {id_: packed(row) for id_, row in zip(ids, rows, strict=True)})
    return prompt, ids


def judge(store, number, goods=(1.0, -1.0), who="somebody"):
    prompt, ids = ask(store, number, goods)
    ratings = [5 if good > 0 else 2 for good in goods]
    store.feedback.add("rating", prompt.id, ids, {"ratings": ratings}, annotator=who)
    return ids


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "project")
    yield made
    made.close()


@pytest.fixture
def context(store, qtbot):
    made = Context(store, "you")
    yield made
    made.close()
    qtbot.waitUntil(lambda: not made.instant._work.busy, timeout=LONG)


@pytest.fixture
def show(shown):
    def build(kind, context, width=1440):
        pane = kind(context)
        pane.set_window_width(width)
        shown(pane, width - 72, 800)
        return pane

    return build


def until_known(qtbot, context, pairs):
    """Wait for a reading that knows so many pairs."""
    instant = context.instant
    qtbot.waitUntil(lambda: instant.reading is not None and instant.reading.pairs == pairs, timeout=LONG)


def uncertain_item(pane):
    model = pane.bar.order.model()
    assert isinstance(model, QStandardItemModel)
    return model.item(pane.bar.order.findData("uncertain"))


def cells(pane):
    return [pane.model.index(place, PREDICTED).data(CELL).text for place in range(pane.model.rowCount())]


def test_nothing_runs_while_nothing_was_read(store, context, qtbot):
    for number in range(3):
        store.responses.add(store.prompts.add(f"q{number}")[0].id, "text")
    assert not context.instant._timer.isActive()
    assert context.instant.prediction("any") is None
    assert "once a loaded model has read the answers" in context.instant.missing()


def test_most_uncertain_is_greyed_with_what_is_missing_until_it_can_choose(store, context, show, qtbot):
    for number in range(12):
        judge(store, number)
    pane = show(FeedbackPane, context)
    until_known(qtbot, context, 12)
    assert not uncertain_item(pane).isEnabled()
    missing = "It learns from 20 pairs on; your judgements make 12 so far."
    assert uncertain_item(pane).toolTip() == missing
    assert pane.guide.head.text().endswith(f"\nInstant head: {missing}")
    for number in range(100, 110):
        judge(store, number)
    until_known(qtbot, context, 22)
    assert uncertain_item(pane).isEnabled()
    assert "right in 100 % [85, 100] of 22 pairs on prompts it had not seen" in pane.guide.head.text()


def test_most_uncertain_changes_what_comes_next_and_says_why(store, context, show, qtbot):
    for number in range(24):
        judge(store, number, who="you")
    strange, _ = ask(store, 50, [0.0, 0.0])  # they differ only in what has not mattered so far
    plain, _ = ask(store, 51, [1.0, -1.0])
    newest, _ = ask(store, 52, [1.0, -1.0])
    pane = show(FeedbackPane, context)
    until_known(qtbot, context, 24)
    assert pane.flow.item.prompt.id == newest.id
    box = pane.bar.order
    box.setCurrentIndex(box.findData("uncertain"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: pane.flow._ahead is not None)
    assert pane.flow.item.prompt.id == newest.id  # nothing changes under the hands
    assert "least sure about" in pane.guide.head.text()
    pane.first_focus()
    for key in (Qt.Key.Key_5, Qt.Key.Key_2, Qt.Key.Key_Return):
        QTest.keyClick(pane.window().focusWidget(), key)
    assert pane.flow.item.prompt.id == strange.id
    until_known(qtbot, context, 25)
    assert plain.id in context.instant.ranked("rating").prompt_ids
    QTest.keyClick(pane, Qt.Key.Key_2, ALT)
    qtbot.waitUntil(lambda: "unsure how to order" in pane.guide.head.text())


def test_feedback_never_shows_what_is_expected(store, context, show, qtbot):
    for number in range(24):
        judge(store, number)
    ask(store, 50, [3.0, 1.0])
    pane = show(FeedbackPane, context)
    until_known(qtbot, context, 24)
    shown = {f"{context.instant.prediction(response.id).score:.2f}" for response in pane.flow.item.responses}
    texts = " ".join(label.text() for label in pane.findChildren(QLabel))
    assert "±" not in texts
    assert not any(score in texts for score in shown)


def test_data_shows_what_is_expected_of_each_answer(store, context, show, qtbot):
    for number in range(24):
        judge(store, number)
    pane = show(DataPane, context)
    assert pane.table.isColumnHidden(PREDICTED)
    until_known(qtbot, context, 24)
    assert not pane.table.isColumnHidden(PREDICTED)
    assert all("±" in text and text.startswith("+") for text in cells(pane))  # the better answer stands for each
    assert "of 24 pairs" in pane.model.headerData(PREDICTED, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    pane.table.setCurrentIndex(pane.model.index(0, FEEDBACK))
    lines = [label.text() for label in pane.entry.findChildren(QLabel) if label.text().startswith("Predicted")]
    assert len(lines) == 2
    before = cells(pane)[0]
    for number in range(200, 206):
        judge(store, number, (-1.0, 1.0))
    until_known(qtbot, context, 30)
    assert cells(pane)[-1] != before


def test_a_click_puts_first_what_it_would_not_have_said(store, context, show, qtbot):
    slip, ids = ask(store, 99, [2.0, -2.0])
    store.feedback.add("rating", slip.id, ids, {"ratings": [1, 5]}, annotator="you")
    for number in range(24):
        judge(store, number)
    pane = show(DataPane, context)
    until_known(qtbot, context, 25)
    assert pane.model.entry_at(24).prompt_id == slip.id
    pane.table.horizontalHeader().sectionClicked.emit(PREDICTED)
    assert pane.model.entry_at(0).prompt_id == slip.id
    assert pane.model.rowCount() == 25
    assert len({pane.model.entry_at(place).id for place in range(25)}) == 25


def test_a_reward_model_takes_its_place(store, context, show, qtbot):
    ids = [judge(store, number) for number in range(24)]
    model = store.models.add(name="Judge 1", kind="reward", source="run", location="/r")
    store.features.add_scores(model.id, {ids[23][0]: 1.5}, {})
    pane = show(DataPane, context)
    until_known(qtbot, context, 24)
    assert cells(pane)[:2] == ["+1.5", ""]
    assert "Judge 1" in pane.model.headerData(PREDICTED, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)


def test_without_a_reward_model_there_is_nothing_to_score_with(store, context, show, qtbot):
    pane = show(DataPane, context)
    score = next(action for action in pane.actions() if action.text() == "Score answers with the reward model")
    with qtbot.waitSignal(context.message) as heard:
        score.trigger()
    assert heard.args[0] == "There is no reward model yet."


class Watched(heads.InstantHead):
    """Writes down on which thread each fit ran, and whether two ran at once."""

    threads: list[int] = []
    running = 0
    most = 0

    def refresh(self, store):
        Watched.running += 1
        Watched.most = max(Watched.most, Watched.running)
        Watched.threads.append(threading.get_ident())
        try:
            return super().refresh(store)
        finally:
            Watched.running -= 1


def test_fits_run_beside_the_window_one_at_a_time_and_the_last_knows_all(store, context, qtbot, monkeypatch):
    monkeypatch.setattr(heads, "InstantHead", Watched)
    Watched.threads, Watched.most = [], 0
    for number in range(40):
        judge(store, number)
        if number % 10 == 9:
            qtbot.wait(130)
    until_known(qtbot, context, 40)
    assert Watched.most == 1
    assert threading.get_ident() not in Watched.threads
    assert len(Watched.threads) <= 8


def test_a_project_that_cannot_be_read_is_said_and_nothing_breaks(store, context, qtbot, tmp_path):
    for number in range(24):
        judge(store, number)
    context.instant._work._folder = tmp_path / "gone"
    with qtbot.waitSignal(context.instant.changed, timeout=LONG):
        pass
    assert context.instant.reading is None
    assert "cannot be opened" in context.instant.missing()


@pytest.fixture
def project(tmp_path, llama_folder):
    store = Store.open(tmp_path / "project")
    add_model(store, str(llama_folder), "tiny")
    for number in range(12):
        prompt, _ = store.prompts.add(f"say hello {number}")
        for word in ("kind fox", "lazy dog", "quick brown", "over the"):
            store.responses.add(prompt.id, f"{word} {number}")
    store.close()


def test_from_a_loaded_model_to_predictions_by_keys_alone(open_window, project, qtbot):  # noqa: F811
    window = open_window()
    context, store = window.context, window.context.store

    # An idle model reads the answers that were imported, and answers a request all the same.
    context.load_model(store.models.list()[0].id)
    qtbot.waitUntil(lambda: sum(store.features.spaces().values()) >= 8, timeout=SLOW)
    prompt = store.prompts.list()[0]
    with qtbot.waitSignal(context.answer_stored, timeout=SLOW):
        context.request_answers(
            prompt_id=prompt.id,
            model_id=store.models.list()[0].id,
            sampler={"temperature": 0.8, "max_new_tokens": 6},
            samples=1,
            seed=1,
        )
    qtbot.waitUntil(lambda: store.features.spaces() == {context.session_info["space"]: 49}, timeout=SLOW)

    # Five prompts of four answers make thirty pairs.
    press(window, Qt.Key.Key_3, CTRL)
    feedback = window.panes["feedback"]
    for _ in range(5):
        for response in feedback.flow.item.responses:
            liked = Qt.Key.Key_5 if "kind" in response.text else Qt.Key.Key_2
            press(window, {"lazy": Qt.Key.Key_1, "quick": Qt.Key.Key_3}.get(response.text.split()[0], liked))
        press(window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: context.instant.ready, timeout=SLOW)

    press(window, Qt.Key.Key_6, CTRL)
    data = window.panes["data"]
    assert not data.table.isColumnHidden(PREDICTED)
    qtbot.waitUntil(lambda: all("±" in text for text in cells(data)) and len(cells(data)) == 5)
