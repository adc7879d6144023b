"""The quality report: what it says of a real project, its cards, and what its buttons do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from workbench.evaluation.readiness import LearningCurve, Point, Readiness
from workbench.jobs.reporting import readiness_of, report_of
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.data_quality import QualityView
from workbench.ui.report_advice import becoming_line, curve_words, step_words
from workbench.ui.report_text import report_cards, report_text
from workbench.ui.report_words import plain


def fill(store: Store, prompts: int = 60, vectors: bool = False) -> None:
    """Two people rate two answers to each prompt; in every tenth they prefer different ones."""
    rng = np.random.default_rng(2)
    found = {}
    with store.writing():
        for number in range(prompts):
            prompt, _ = store.prompts.add(f"Prompt {number}")
            good = store.responses.add(prompt.id, f"a short answer {number}")
            bad = store.responses.add(prompt.id, f"a much longer and quite tedious answer that goes on {number}")
            for who in ("you", "Noor"):
                same = who == "you" or number % 10
                value = {"ratings": [4, 2] if same else [2, 4]}
                seconds = 0.2 if number < 5 else 12.0
                store.feedback.add("rating", prompt.id, [good.id, bad.id], value, annotator=who, seconds=seconds)
            for id_, side in ((good.id, 1.0), (bad.id, -1.0)):
                vector = rng.normal(size=16) + side
                found[id_] = vector.astype("<f2").tobytes()
    if vectors:
        store.features.add("base/template/16", found)


@pytest.fixture
def store(tmp_path):
    result = Store.open(tmp_path / "project")
    yield result
    result.close()


@pytest.fixture
def view(store, shown, qtbot):
    """The report of a filled project in an active window, and what it asks the window for."""
    fill(store, vectors=True)
    context = Context(store)
    made = QualityView(context)
    made.asked = []
    context.pane_wanted.connect(lambda name, payload: made.asked.append((name, payload)))
    shown(made, 1200, 700)
    made.refresh()
    qtbot.waitUntil(lambda: made.report is not None, timeout=20_000)
    yield made
    context.close()


def test_agreement_bias_and_conflicts_of_a_project(store):
    fill(store)
    report = report_of(store)
    assert (report.judgements, report.people) == (120, {"you": 60, "Noor": 60})
    rating = report.agreement["rating"]
    assert (rating.units, rating.raw.value) == (120, pytest.approx(0.9))
    assert rating.raw.low < 0.9 < rating.raw.high
    assert len(report.becoming.contradictions) == 6
    ids = {id_ for each in report.becoming.contradictions for id_ in each.sources}
    assert len(ids) == 12
    assert report.finding("length").verdict == "warn"
    haste = report.finding("haste")
    assert (haste.n, len(haste.ids), haste.verdict) == (120, 10, "warn")
    assert {"settle", "haste", "length", "read"} <= {step.key for step in report.steps}


def test_what_is_taken_back_is_in_no_figure(store):
    fill(store)
    store.feedback.retract([row.id for row in store.feedback.list(annotator="Noor")])
    report = report_of(store)
    assert (report.people, report.agreement, report.becoming.contradictions) == ({"you": 60}, {}, ())


def test_readiness_with_and_without_vectors(store):
    fill(store)
    before = readiness_of(store)
    assert (before.curve, before.vectors, before.reasons[-1]) == (None, 0, "no_vectors")
    assert before.train_pairs + before.held_pairs == 54  # 6 of 60 pairs are even votes
    fill(store, vectors=True)  # the same prompts, other answers
    after = readiness_of(store)
    assert after.curve is not None
    assert after.vectors == 54
    assert after.curve.now.accuracy > 0.8
    assert readiness_of(store, curve=False).curve is None


def test_hidden_repeats_are_self_agreement_and_not_agreement(store):
    fill(store, prompts=30)
    mine = store.feedback.list(annotator="you")
    for number, row in enumerate(mine):
        value = {"ratings": [4, 2] if number % 6 else [3, 2]}
        store.feedback.add("rating", row.prompt_id, row.response_ids, value, annotator="you", repeat_of=row.id)
    report = report_of(store)
    assert (report.together.kept, report.together.n, report.consistency[0].who) == (25, 30, "you")
    assert report.agreement["rating"].units == 60
    assert report_cards(report, plain)["self"].title == "You agree with yourself"
    assert not any(step.key == "share" for step in report.steps)


def test_an_empty_project_says_what_is_missing(store):
    report = report_of(store)
    assert (report.readiness.verdict, report.steps[0].key) == ("missing", "judge")
    assert {said.verdict for said in report_cards(report, plain).values()} == {"none"}
    assert report_text(report, plain).startswith("Not yet enough to train a reward model.")


def test_the_line_of_what_judgements_become(store):
    fill(store, prompts=3)
    store.set_setting("rules", {"min_gap": 2})
    prompt = store.prompts.list()[0]
    answers = [row["id"] for row in store.rows("SELECT id FROM responses WHERE prompt_id = ?", [prompt.id])]
    store.feedback.add("edit", prompt.id, answers[:1], {"of": 0, "text": "better"}, annotator="you")
    line = becoming_line(report_of(store).becoming, plain)
    assert line == "6 ratings → 6 pairs (gap ≥ 2), 1 edits → 1 pairs + 1 demonstrations"


def test_a_curve_that_asks_for_more_does_not_say_that_it_has_levelled_off():
    flat = LearningCurve((), Point(100, 0.8, 0.8, 0.8), (Point(200, 0.8, 0.8, 0.8),), 30, 0.2, 0.0, 1.0)
    slow = dataclasses.replace(flat, scale=3.0, now=Point(100, 0.77, 0.77, 0.77))  # 1.5 points from twice as many
    titles = []
    for curve, more in ((flat, 0), (slow, slow.wanted())):
        ready = Readiness("ready", (), 300, 60, 90, 20, 0, 360, 360, curve, more)
        titles.append(curve_words(ready, str).title)
    assert slow.wanted() > 0
    assert titles == ["Accuracy has levelled off", "Accuracy rises slowly now"]


def test_every_step_has_words(store):
    fill(store)
    for step in report_of(store).steps:
        assert all(step_words(step, plain))
        assert "{" not in "".join(step_words(step, plain))


# --- the cards


def test_verdicts_are_titles_and_what_cannot_be_told_is_in_one_card(view):
    assert view.cards["length"].title.text() == "Shorter answers win"
    assert view.cards["people"].isVisible()
    assert view.cards["people"].picture.accessibleDescription()
    assert not view.cards["self"].isVisible()
    assert view.unknown.facts.fact("Agreement with oneself").startswith("0 were shown again")
    assert "pairs" in view.banner.accessibleName()


def test_a_click_on_a_count_opens_its_rows(view, qtbot):
    qtbot.mouseClick(view.becoming.tiles["rating"], Qt.MouseButton.LeftButton)
    assert view.asked[-1] == ("data", {"filters": {"kinds": ["rating"]}})
    qtbot.mouseClick(view.becoming.conflicts, Qt.MouseButton.LeftButton)
    name, payload = view.asked[-1]
    assert (name, len(payload["filters"]["ids"])) == ("data", 12)
    view.cards["haste"].rows.click()
    assert len(view.asked[-1][1]["filters"]["ids"]) == 10


def test_steps_are_reached_and_taken_by_keys(view, qtbot):
    view.train.setFocus(Qt.FocusReason.TabFocusReason)
    for _ in range(30):
        if QGuiApplication.focusObject() in view.steps.buttons:
            break
        qtbot.keyClick(view.window().focusWidget(), Qt.Key.Key_Tab)
    at = view.steps.buttons.index(view.window().focusWidget())
    qtbot.keyClick(view.window().focusWidget(), Qt.Key.Key_Space)
    step = view.report.steps[at]
    assert view.asked == [(step.pane, step.payload)]


def test_the_report_is_copied_as_text(view):
    view.copy_report()
    assert "Shorter answers win" in QGuiApplication.clipboard().text()


def test_a_judgement_made_meanwhile_is_taken_in(view, store, qtbot):
    view.refresh()
    view.refresh()
    prompt = store.prompts.list()[0]
    made = store.responses.add(prompt.id, "another")
    store.feedback.add("rating", prompt.id, [made.id], {"ratings": [3]}, annotator="you")
    view.refresh()
    qtbot.waitUntil(lambda: view.report is not None and view.report.judgements == 121, timeout=20_000)


def test_a_narrow_view_has_two_columns(view):
    view.resize(820, 600)
    assert view._columns == 2
    view.resize(1200, 600)
    assert view._columns == 3
