"""The Evaluate pane: figures from known stored answers and votes."""

import subprocess
import sys

import pytest
from PySide6.QtCore import Qt

from workbench import events as ev
from workbench.evaluation.winning import win_rate
from workbench.jobs.tasks.evaluate import summarise
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.evaluate_cards import Point, drift_lines
from workbench.ui.evaluate_figures import cautions, figures, reward_of
from workbench.ui.evaluate_pane import EvaluatePane

BASE_REWARDS = [0.0, 0.5, -0.5, 0.2, -0.2, 0.1]
TUNED_REWARDS = [1.0, 1.5, 0.5, 1.2, -0.7, 0.1]  # won four, lost the fifth, tied the sixth


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


@pytest.fixture
def context(store, qapp):
    context = Context(store)
    yield context
    context.jobs.clear()
    context.close()


@pytest.fixture
def models(store, tmp_path):
    """A base, an adapter on it and a reward model."""
    base = store.models.add(name="small", kind="base", source="local", location=str(tmp_path))
    tuned = store.models.add(name="helpful", kind="adapter", source="run", location=str(tmp_path), parent_id=base.id)
    scorer = store.models.add(name="r3", kind="reward", source="run", location=str(tmp_path), parent_id=base.id)
    return base, tuned, scorer


@pytest.fixture
def pane(context, shown):
    made = []

    def show(width=1440):
        pane = EvaluatePane(context)
        made.append(pane)
        pane.set_window_width(width)
        return shown(pane, width - 72, 820)

    yield show
    for each in made:
        each.hide()


def waiting(store, models, tuned=None):
    """An evaluation that was started: its row, as preparing writes it."""
    base, helpful, scorer = models
    run = store.runs.add(name="Evaluate 1", method="evaluate", options={"seed": 17}, reward_id=scorer.id)
    store.runs.update(run.id, spec={"others": [{"id": base.id}, {"id": (tuned or helpful).id}]})
    return store.runs.find(run.id)


def measured(store, models, tuned=None, words=1, kl=4.0, finish="stop"):
    """A finished evaluation of known answers: six prompts with known rewards."""
    run = waiting(store, models, tuned)
    answers = []
    for role, rewards, times in (("base", BASE_REWARDS, 1), ("tuned", TUNED_REWARDS, words)):
        for number, reward in enumerate(rewards):
            prompt, _ = store.prompts.add(f"Question {number}?", tags=["mail" if number < 4 else "news"])
            answer = ev.Answer(
                prompt.id, f"{role} answer {number} here. " * times, role=role, seed=17, response_tokens=5 * times,
                finish_reason="stop" if role == "base" else finish,
                scores={"reward": reward, "kl": kl if role == "tuned" else 0.0},
            )  # fmt: skip
            answers.append(answer)
            store.responses.add(
                prompt.id, answer.text, run_id=run.id, seed=17, scores=dict(answer.scores) | {"role": role},
                finish_reason=answer.finish_reason, response_tokens=answer.response_tokens, queued=False,
            )  # fmt: skip
    store.runs.update(run.id, status="finished", summary=summarise(answers), ended_at="2026-11-24T09:00:00+00:00")
    return store.runs.find(run.id)


def vote(store, run, number, choice, who="you", tuned_first=True, comment=""):
    """A blind vote on one prompt; `choice` "ours" or "theirs", "tie" or "both_bad"."""
    each = figures(store, run).beside[number]
    ids = [each.tuned.id, each.base.id] if tuned_first else [each.base.id, each.tuned.id]
    letter = {"ours": "a" if tuned_first else "b", "theirs": "b" if tuned_first else "a"}.get(choice, choice)
    strength = 1 if letter in "ab" else 0
    value = {"choice": letter, "strength": strength}
    store.feedback.add("comparison", each.prompt.id, ids, value, annotator=who, run_id=run.id, comment=comment)


def test_the_panes_load_neither_torch_nor_charts_before_they_show_something():
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([]);"
        "from workbench.store import Store; from workbench.ui.context import Context;"
        "from workbench.ui.train_pane import TrainPane; from workbench.ui.evaluate_pane import EvaluatePane;"
        "import tempfile; context = Context(Store.open(tempfile.mkdtemp()));"
        "panes = TrainPane(context), EvaluatePane(context);"
        "print([name for name in ('torch', 'transformers', 'pyqtgraph') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what there is to compare ---------------------------------------------------------------------------------------


def test_without_two_models_it_asks_for_them(context, pane, qtbot):
    shown = pane()
    assert shown.body_stack.currentWidget() is shown.empty
    assert shown.empty.sentence.text() == "Pick two models to compare."
    assert not shown.again_action.isEnabled()
    with qtbot.waitSignal(context.pane_wanted) as caught:
        shown.empty.action.click()
    assert caught.args[0] == "train"


def test_two_models_that_were_not_compared(store, models, pane):
    store.prompts.add("Question?")
    held = store.prompts.count("held_out")
    shown = pane()
    assert (shown.base.currentText(), shown.tuned.currentText()) == ("small (base)", "helpful")
    assert f"answer {held} held-out prompts" in shown.empty.sentence.text()
    assert shown.prompts.text() == f"Held-out {held}"


@pytest.mark.parametrize("how", ["key", "button"])
def test_r_starts_an_evaluation_of_the_two(store, context, models, pane, qtbot, monkeypatch, how):
    base, tuned, scorer = models
    shown = pane()
    begun = []

    def start(method, options, **rest):
        begun.append((method, options, rest))
        return waiting(store, models)

    monkeypatch.setattr(context, "start_run", start)
    shown.settings.form.rows["samples"].set_value(2)
    if how == "key":
        qtbot.keyClick(shown, Qt.Key.Key_R)
    else:
        shown.empty.action.click()
    ((method, options, rest),) = begun
    assert (method, options["samples"]) == ("evaluate", 2)
    assert rest == {
        "model_id": None, "reward_id": scorer.id, "other_ids": [base.id, tuned.id], "split": "held_out",
    }  # fmt: skip
    assert shown.running.isVisible()


def test_a_wrong_setting_opens_the_settings(context, models, pane, monkeypatch):
    monkeypatch.setattr(context, "start_run", lambda *a, **k: pytest.fail("must not start"))
    shown = pane()
    assert shown.settings.isHidden()
    shown.settings.form.rows["samples"].set_value(0)
    assert shown.run_again() is None
    assert shown.settings.isVisible()
    assert shown.settings.form.rows["samples"].error()


def test_progress_then_figures(store, context, models, pane):
    shown = pane()
    run = waiting(store, models)
    store.runs.update(run.id, status="running")
    context.runs_changed.emit()
    context._on_run_event(run.id, ev.Progress(5, 12, "Writing answers"))
    assert shown.doing.text() == "Writing answers, 5 of 12"
    assert shown.bar.value() == round(1000 * 5 / 12)
    done = measured(store, models)
    store.runs.update(run.id, status="stopped")
    context._on_run_event(run.id, ev.Stopped(5))
    context.runs_changed.emit()
    assert not shown.running.isVisible()
    assert shown.found.run.id == done.id


def test_a_failed_evaluation_says_why(store, context, models, pane):
    run = waiting(store, models)
    store.runs.update(run.id, status="failed", error="The device ran out of memory.", hint="Lower the batch.")
    shown = pane()
    assert shown.problem.accessibleName() == "The device ran out of memory. Lower the batch."


# --- figures --------------------------------------------------------------------------------------------------------


def test_figures_follow_from_the_stored_answers(store, models, pane):
    run = measured(store, models)
    found = pane().found
    assert found.run.id == run.id
    assert found.rewards("base") == BASE_REWARDS
    assert found.rewards("tuned") == TUNED_REWARDS
    assert [len(found.of_result(each)) for each in ("won", "tied", "lost")] == [4, 1, 1]
    change = found.changes["reward"]
    assert change.base == pytest.approx(sum(BASE_REWARDS) / 6)
    assert change.change == pytest.approx((sum(TUNED_REWARDS) - sum(BASE_REWARDS)) / 6)


def test_the_table_names_better_worse_and_noise(store, models, pane):
    measured(store, models, words=2)
    card = pane().results.metrics
    rows = {change.key: change for change in card.model.rows()}
    assert card._verdict_cell(rows["words"]).text == "100% longer"
    assert card._verdict_cell(rows["finished"]).text == "within noise"
    assert rows["kl"].verdict == "moved"
    assert card._verdict_cell(rows["reward"]).text == ("better" if rows["reward"].low > 0 else "within noise")


def test_the_density_shows_every_reward(store, models, pane):
    measured(store, models)
    rewards, drift = pane().results._charts
    assert [list(each.values) for each in rewards._samples] == [BASE_REWARDS, TUNED_REWARDS]
    assert rewards.note.text() == "scored by r3"
    (line,) = drift._lines
    assert line.name == "helpful"
    assert (line.xs, line.ys[1]) == ([0.0, 4.0], pytest.approx(sum(TUNED_REWARDS) / 6))


def test_each_evaluated_model_is_a_point_and_people_a_line_of_their_own(store, models, pane, tmp_path):
    other = store.models.add(
        name="hot", kind="adapter", source="run", location=str(tmp_path), parent_id=models[0].id, hash="hot"
    )
    measured(store, models, tuned=other, kl=11.0)
    run = measured(store, models)
    for number in range(4):
        vote(store, run, number, "ours")
    shown = pane()
    lines = {line.name: line for line in shown.results._charts[1]._lines}
    assert set(lines) == {"helpful", "hot", "people 100%"}
    assert lines["hot"].xs[-1] == 11.0
    assert (lines["helpful"].token, lines["people 100%"].token) == ("s1", "s2")


def test_the_votes_have_their_half_at_the_base():
    points = [Point("a", "a", 4.0, 1.0, 0.5), Point("b", "b", 8.0, 2.0, 0.25)]
    people = drift_lines(points, "a", 0.0, "people {share}")[-1]
    assert people.xs == [0.0, 4.0, 8.0]
    assert people.ys == [0.0, 0.0, -1.0]  # half stays at the base; a quarter is half of the reach below it
    assert people.name == "people 25%"


def test_a_caution_only_when_something_moved_beyond_noise(store, models, pane):
    measured(store, models)
    assert not pane().results.caution.isVisible()
    run = measured(store, models, words=3, kl=50.0, finish="length")
    keys = {each.key for each in cautions(figures(store, run), 30.0)}
    assert keys == {"kl", "longer", "cut_off"}
    shown = pane()
    assert shown.results.caution.isVisible()
    assert "far from its base" in shown.results.caution.accessibleName()


def test_people_who_disagree_with_the_reward_model_come_first(store, models):
    run = measured(store, models)
    summary = dict(run.summary) | {"reward": {"base": 0.0, "tuned": 1.0, "change": 1.0, "ci": [0.5, 1.5]}}
    store.runs.update(run.id, summary=summary)
    for who in "abcd":
        for number in range(6):
            vote(store, run, number, "theirs", who=who)
    found = figures(store, store.runs.find(run.id))
    assert cautions(found, 30.0)[0].key == "people_disagree"


# --- votes ----------------------------------------------------------------------------------------------------------


def test_before_votes_there_is_a_button_to_vote(store, context, models, pane, qtbot):
    run = measured(store, models)
    shown = pane()
    assert shown.results.wins.stack.currentIndex() == 0
    with qtbot.waitSignal(context.pane_wanted) as caught:
        shown.results.wins.empty.action.click()
    assert caught.args == ["feedback", {"compare": run.id}]


def test_votes_are_counted_from_the_side_they_were_shown_on(store, models, pane):
    run = measured(store, models)
    vote(store, run, 0, "ours", tuned_first=True)
    vote(store, run, 1, "ours", tuned_first=False)
    vote(store, run, 2, "theirs", tuned_first=False, who="Noor")
    vote(store, run, 4, "tie")
    vote(store, run, 5, "both_bad")
    shown = pane()
    expected = win_rate(["won", "won", "lost", "tied", "both_bad"])
    assert shown.found.votes == expected
    whole, mail, news = shown.results.wins.bars._rows
    assert (whole.name, whole.won, whole.tied, whole.lost) == ("All 5", 2, 2, 1)
    assert whole.share == pytest.approx(0.6)
    assert (whole.low, whole.high) == (expected.low, expected.high)
    assert (mail.name, mail.won, mail.lost) == ("mail", 2, 1)
    assert (news.name, news.tied) == ("news", 2)
    assert shown.results.wins.note.text() == "blind, by you and 1 more"
    assert "Both bad: 1" in shown.results.wins.verdict.text()


def test_a_vote_that_is_given_meanwhile_is_counted_at_once(store, models, pane):
    run = measured(store, models)
    shown = pane()
    assert shown.found.votes.votes == 0
    vote(store, run, 0, "ours")
    assert shown.found.votes.votes == 1
    store.feedback.undo("you")
    assert shown.found.votes.votes == 0


def test_ordinary_comparisons_are_not_votes(store, models, pane):
    run = measured(store, models)
    each = figures(store, run).beside[0]
    store.feedback.add("comparison", each.prompt.id, [each.tuned.id, each.base.id], {"choice": "a", "strength": 1})
    assert pane().found.votes.votes == 0


# --- side by side ---------------------------------------------------------------------------------------------------


def test_j_and_k_walk_the_prompts_biggest_change_first(store, models, pane, qtbot):
    measured(store, models)
    shown = pane()
    card = shown.results.beside
    gains = [each.gain for each in card._shown]
    assert [abs(gain) for gain in gains] == sorted((abs(gain) for gain in gains), reverse=True)
    first = card.current()
    assert card.tuned.text.plain() == first.tuned.text
    assert card.tuned.score.text() == f"reward {reward_of(first.tuned):.2f}"
    qtbot.keyClick(shown, Qt.Key.Key_J)
    assert card.current() is not first
    assert card.where.text().startswith("prompt 2 of 6")
    qtbot.keyClick(shown, Qt.Key.Key_K)
    assert card.current() is first


def test_the_filter_goes_by_reward_until_there_are_votes(store, models, pane):
    run = measured(store, models)
    shown = pane()
    card = shown.results.beside
    assert card.filter.button("lost").text() == "Lost 1"
    card.filter.pick("lost")
    assert [each.prompt.text for each in card._shown] == ["Question 4?"]
    vote(store, run, 0, "theirs")
    vote(store, run, 1, "ours")
    assert card.filter.button("lost").text() == "Lost 1"
    assert [each.prompt.text for each in card._shown] == ["Question 0?"]


def test_what_people_preferred_is_marked(store, models, pane):
    run = measured(store, models)
    vote(store, run, 0, "ours", comment="Says what happens next.")
    vote(store, run, 0, "ours", who="Noor")
    shown = pane()
    card = shown.results.beside
    card.filter.pick("won")
    assert card.tuned.chip.text() == "Preferred by 2 of 2"
    assert not card.base.chip.isVisible()
    assert card.comments.text() == "you: Says what happens next."


def test_a_difference_marks_what_is_gone_and_what_is_new(store, models, pane):
    measured(store, models)
    card = pane().results.beside
    card.view.pick("diff")
    for side, marks in ((card.base.text, "strike"), (card.tuned.text, "under")):
        marked = []
        block = side.document().begin()
        pieces = block.begin()
        while not pieces.atEnd():
            piece = pieces.fragment()
            shape = piece.charFormat()
            if shape.fontStrikeOut() if marks == "strike" else shape.fontUnderline():
                marked.append(piece.text().strip())
            pieces += 1
        assert marked == ["base" if marks == "strike" else "tuned"]
    assert card.base.text.plain() == card.current().base.text


def test_emoji_do_not_shift_the_difference(qtbot):
    from workbench.ui.evaluate_beside import DiffText

    text = DiffText("Answer")
    qtbot.addWidget(text)
    text.show_change(
        "\U0001f600\U0001f44d\U0001f3fd ok new", [("same", "\U0001f600\U0001f44d\U0001f3fd ok "), ("added", "new")]
    )
    block = text.document().begin()
    pieces, marked = block.begin(), []
    while not pieces.atEnd():
        if pieces.fragment().charFormat().fontUnderline():
            marked.append(pieces.fragment().text())
        pieces += 1
    assert marked == ["new"]


def test_lost_ones_go_to_the_feedback_queue(store, models, pane, qtbot):
    measured(store, models)
    shown = pane()
    assert not any(each.queued for each in store.responses.of_run(shown.found.run.id))
    button = shown.results.beside.send_button
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    queued = [each for each in store.responses.of_run(shown.found.run.id) if each.queued]
    assert sorted(each.text.split()[0] for each in queued) == ["base", "tuned"]
    assert {store.prompts.find(each.prompt_id).text for each in queued} == {"Question 4?"}


# --- decision -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kept", "words"), [("keep", True, "Kept"), ("discard", False, "Discarded")])
def test_the_decision_stays_with_the_evaluation(store, context, models, pane, qtbot, name, kept, words):
    run = measured(store, models)
    shown = pane()
    button = getattr(shown.results.metrics, name)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    decision = store.runs.find(run.id).summary["decision"]
    assert (decision["kept"], decision["by"]) == (kept, "you")
    assert shown.results.metrics.decision.text().startswith(words)
    again = EvaluatePane(context)
    again.refresh()
    assert again.results.metrics.decision.text().startswith(words)
    assert again.found.changes["reward"].change == shown.found.changes["reward"].change
    again.deleteLater()


def test_an_earlier_evaluation_can_be_shown(store, models, pane):
    first = measured(store, models)
    second = measured(store, models, words=2)
    shown = pane()
    assert shown.found.run.id == second.id
    assert shown.settings.earlier.count() == 2
    shown.settings.earlier.setCurrentIndex(1)
    shown.settings.earlier.activated.emit(1)
    assert shown.found.run.id == first.id


def test_other_panes_can_ask_for_a_comparison(store, models, pane, tmp_path):
    run = measured(store, models)
    other = store.models.add(
        name="hot", kind="adapter", source="run", location=str(tmp_path), parent_id=models[0].id, hash="hot"
    )
    shown = pane()
    assert shown.tuned.currentText() == "helpful"
    shown.visit({"tuned": other.id})
    assert shown.pair() == (models[0].id, other.id)
    assert shown.body_stack.currentWidget() is shown.empty
    shown.visit(run.id)  # as Feedback does after the votes
    assert shown.found.run.id == run.id


def test_under_1360_the_table_stands_under_the_answers(store, models, pane):
    measured(store, models)
    wide, narrow = pane(1500), pane(1280)
    assert wide.results.metrics.x() < wide.results.beside.x()
    assert narrow.results.metrics.y() > narrow.results.beside.y()
