"""The Train pane: real widgets, a real store, events as a run sends them."""

import dataclasses
import math
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from tests import tiny
from workbench import events as ev
from workbench.jobs import frozen
from workbench.jobs.recording import record
from workbench.lm import checkpoints
from workbench.lm.files import describe_folder
from workbench.methods import METHODS, ppo, presets, pretrain, reward
from workbench.methods.base import Data
from workbench.methods.planning import BYTES_A_TOKEN
from workbench.store import Store, run_queue
from workbench.ui.context import Context
from workbench.ui.models_machine import Card, Machine
from workbench.ui.train_cautions import cautions
from workbench.ui.train_ended import remedies
from workbench.ui.train_estimate import Room, memory, planned_units, room_of, rows_of, seconds_a_unit
from workbench.ui.train_health import findings, kl_limit, trend
from workbench.ui.train_pace import Pace
from workbench.ui.train_pane import TrainPane
from workbench.ui.train_runs import when


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
def base(store, tmp_path):
    return store.models.add(
        name="small-base", kind="base", source="local", location=str(tmp_path), parameters=1_000_000,
        info={"hidden_size": 64, "layers": 4, "vocab_size": 300},
    )  # fmt: skip


@pytest.fixture
def scorer(store, base, tmp_path):
    """A reward model that beats "longer wins"."""
    info = {"accuracy": 0.72, "longer_wins": 0.55, "accuracy_ci": [0.61, 0.8]}
    return store.models.add(
        name="r3", kind="reward", source="run", location=str(tmp_path), parent_id=base.id, hash="r3", info=info
    )


@pytest.fixture
def pane(context, shown):
    made = []

    def show(width=1440):
        pane = TrainPane(context)
        made.append(pane)
        pane.set_window_width(width)
        return shown(pane, width - 72, 820)

    yield show
    for each in made:
        each.hide()


def judge(store, prompts=12):
    """Ratings that make a pair on each prompt; some prompts are held out."""
    for number in range(prompts):
        prompt, _ = store.prompts.add(f"Question {number}?", tags=["mail" if number % 2 else "news", "en"])
        answers = [store.responses.add(prompt.id, f"Answer {number}{letter}.") for letter in "ab"]
        ids = [answer.id for answer in answers]
        store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 2]}, annotator="you")


def ppo_run(store, base, scorer=None, name="PPO 1", **fields):
    options = dataclasses.asdict(ppo.Options(steps=20))
    reward_id = scorer.id if scorer else None
    return store.runs.add(name=name, method="ppo", options=options, model_id=base.id, reward_id=reward_id, **fields)


def values(step, **other):
    """A step of a run that learns."""
    return {
        "objective/scores": 0.1 * step, "objective/scores_std": 0.4, "objective/rlhf_reward": 0.09 * step,
        "objective/kl": 0.2 * step, "loss/policy_avg": -0.01, "loss/value_avg": 1 / (step + 1),
        "objective/entropy": 2.5 - 0.01 * step, "policy/clipfrac_avg": 0.05,
    } | other  # fmt: skip


def feed(store, context, run, events):
    """Record events and tell the window of them, as a JobThread does."""
    for event in record(store, run.id, iter(events)):
        context._on_run_event(run.id, event)


def drawn(pane, place=0):
    """The points of a panel's main line."""
    main = pane.monitor.charts.panels[place]._main()
    return list(zip(main.steps, main.values, strict=True)) if main else []


# --- the list -------------------------------------------------------------------------------------------------------


def test_without_runs_it_says_what_there_is_to_learn_from(store, pane, qtbot):
    judge(store, 3)
    shown = pane()
    assert shown.body_stack.currentWidget() is shown.empty
    assert "3 judgements" in shown.empty.sentence.text()
    qtbot.keyClick(shown, Qt.Key.Key_N)
    assert shown.body_stack.currentWidget() is shown.new_page


def test_runs_stand_under_now_waiting_and_done(store, base, pane):
    for name, status, fields in (
        ("finished", "finished", {"summary": {"accuracy": 0.718}}),
        ("failed", "failed", {"error": "The disk is full."}),
        ("waiting", "waiting", {}),
        ("running", "running", {"step": 12, "total": 30}),
    ):
        store.runs.update(ppo_run(store, base, name=name).id, status=status, **fields)
    store.runs.add(name="not a training", method="evaluate", options={})
    shown = pane()
    cells = {shown.runs.cell_of(run_id).text: shown.runs.cell_of(run_id) for run_id in shown.runs.ids()}
    assert list(cells) == ["running", "waiting", "failed", "finished"]
    assert cells["running"].sub == "step 12 of 30"
    assert cells["running"].fraction == pytest.approx(0.4)
    assert cells["failed"].sub == "The disk is full."
    assert cells["finished"].sub == "71.8% accuracy"
    assert shown.monitor.run.name == "running"


def test_arrow_keys_walk_the_runs_past_the_names_of_groups(store, base, pane, qtbot):
    store.runs.update(ppo_run(store, base, name="old").id, status="finished")
    store.runs.update(ppo_run(store, base, name="now").id, status="running", total=30)
    shown = pane()
    shown.runs.setFocus()
    assert shown.monitor.run.name == "now"
    qtbot.keyClick(shown.runs, Qt.Key.Key_Down)
    assert shown.monitor.run.name == "old"
    qtbot.keyClick(shown.runs, Qt.Key.Key_Up)
    assert shown.monitor.run.name == "now"


def test_times_are_said_as_people_say_them():
    from datetime import datetime

    today = datetime(2026, 11, 24, 15, 0).astimezone()
    assert when(today.replace(hour=9, minute=12).isoformat(), today) == "09:12"
    assert when(today.replace(day=23).isoformat(), today) == "Mon"
    assert when(today.replace(day=12).isoformat(), today) == "12 Nov"
    assert when(None) == ""


# --- live -----------------------------------------------------------------------------------------------------------


def test_points_samples_and_health_arrive_live(store, context, base, scorer, pane):
    run = ppo_run(store, base, scorer)
    shown = pane()
    prompt, _ = store.prompts.add("Where is my order?")
    events = [ev.Progress(0, 20, "Loading the model"), ev.Started(20, "CPU", "float32")]
    events += [ev.Metrics(step, values(step)) for step in range(1, 13)]
    events += [
        ev.Sample(12, "Where is my order?", "It is here.", {"reward": 1.4, "kl": 2.0}, prompt.id),
        ev.Sample(12, "Where is my order?", "Happy happy.", {"reward": -0.7, "kl": 44.0}, prompt.id),
    ]
    for event in events:
        feed_open(store, context, run, event)
    assert drawn(shown) == [(step, pytest.approx(0.1 * step)) for step in range(1, 13)]
    assert shown.monitor.step.text() == "Step 12 of 20"
    assert shown.monitor.share.text() == "60%"
    assert "Reward is rising" in shown.monitor.health.accessibleName()
    assert "under its limit of 30" in shown.monitor.health.accessibleName()
    samples = shown.monitor.samples
    samples._refill()
    assert [each.text for each in samples.model.rows()] == ["Happy happy.", "It is here."]
    off, fine = (samples._mark_cell(each).text for each in samples.model.rows())
    assert (off, fine) == ("Off course", "")
    assert shown.runs.cell_of(run.id).sub == "step 12 of 20"


def feed_open(store, context, run, event):
    """One event of a run that has not ended."""
    if store.runs.find(run.id).status == "waiting":
        store.runs.update(run.id, status="running")
    from workbench.jobs.recording import _write

    _write(store, run.id, event, [])
    context._on_run_event(run.id, event)


def test_a_phase_is_shown_until_there_are_steps(store, context, base, pane):
    run = ppo_run(store, base)
    shown = pane()
    feed_open(store, context, run, ev.Progress(0, 0, "Loading the model"))
    assert shown.monitor.step.text() == "Loading the model"
    assert shown.monitor.state.text() in ("Starting", "Running")


def test_a_gap_stays_a_gap(store, context, base, pane):
    run = ppo_run(store, base)
    shown = pane()
    feed_open(store, context, run, ev.Started(20))
    for step, score in ((1, 0.5), (2, None), (3, 0.7)):
        feed_open(store, context, run, ev.Metrics(step, {"objective/scores": score}))
    points = drawn(shown)
    assert [step for step, _ in points] == [1, 2, 3]
    assert math.isnan(points[1][1])


def test_events_of_another_run_do_not_reach_the_one_that_is_shown(store, context, base, pane):
    one, other = ppo_run(store, base, name="one"), ppo_run(store, base, name="other")
    shown = pane()
    shown.show_run(one.id)
    feed_open(store, context, other, ev.Metrics(1, values(1)))
    assert drawn(shown) == []
    shown.show_run(other.id)
    assert drawn(shown) == [(1, pytest.approx(0.1))]


def test_reopening_draws_the_same_curve(store, context, base, scorer, pane):
    run = ppo_run(store, base, scorer)
    shown = pane()
    feed(store, context, run, [ev.Started(20), *(ev.Metrics(s, values(s)) for s in range(1, 9)), ev.Finished({})])
    live = [drawn(shown, place) for place in range(6)]
    again = TrainPane(context)
    again.refresh()
    assert again.monitor.run.id == run.id
    assert [drawn(again, place) for place in range(6)] == live
    assert len(live[0]) == 8
    again.deleteLater()


def test_a_limit_is_drawn_once_the_curve_comes_near_it(store, context, base, pane):
    run = ppo_run(store, base)
    shown = pane()
    kl = METHODS["ppo"].PANELS.index(next(panel for panel in ppo.PANELS if panel.metrics[0] == "objective/kl"))
    feed_open(store, context, run, ev.Metrics(1, values(1)))
    assert shown.monitor.charts.panels[kl]._threshold is None
    feed_open(store, context, run, ev.Metrics(2, values(2, **{"objective/kl": 40.0})))
    assert shown.monitor.charts.panels[kl]._threshold[0] == kl_limit("ppo")


def test_stop_asks_the_run_and_nothing_else(store, context, base, pane, qtbot):
    run = ppo_run(store, base)
    store.runs.update(run.id, status="running", total=20)
    context.jobs[run.id] = SimpleNamespace(spec=SimpleNamespace(method="ppo"))
    shown = pane()
    feed_open(store, context, run, ev.Metrics(3, values(3)))
    shown.monitor.stop.setFocus()
    qtbot.keyClick(shown.monitor.stop, Qt.Key.Key_Space)
    assert run_queue.wish(store, run.id) == "stop"
    assert not shown.monitor.stop.isEnabled()


def test_a_warning_of_the_run_is_said_in_its_own_words(store, context, base, pane):
    run = ppo_run(store, base)
    shown = pane()
    for step in range(1, 6):
        feed_open(store, context, run, ev.Metrics(step, values(step, **{"objective/kl": 40.0})))
    feed_open(store, context, run, ev.Warned(5, "Raise the KL coefficient.", "kl"))
    said = shown.monitor.health.accessibleName()
    assert said.startswith("Off course")
    assert "Raise the KL coefficient." in said
    assert "past its limit" not in said


# --- ends -----------------------------------------------------------------------------------------------------------


def test_a_finished_run_names_what_it_made(store, context, base, scorer, pane, tmp_path, qtbot):
    run = ppo_run(store, base, scorer, name="helpful")
    shown = pane()
    folder = tmp_path / "adapter"
    folder.mkdir()
    events = [ev.Started(2), ev.Metrics(1, values(1)), ev.Saved("adapter", str(folder), 1), ev.Finished({"step": 1})]
    feed(store, context, run, events)
    assert shown.monitor.state.text() == "Finished"
    assert "helpful is saved and can be used" in shown.monitor.ended.accessibleName()
    assert not shown.monitor.stop.isVisible()
    with qtbot.waitSignal(context.pane_wanted) as caught:
        shown.monitor.ended.findChild(type(shown.monitor.stop), "ended-action").click()
    assert caught.args == ["evaluate", {"tuned": store.runs.find(run.id).result_id}]


def test_a_stopped_run_keeps_what_it_has(store, context, base, pane, tmp_path):
    run = ppo_run(store, base, name="helpful")
    shown = pane()
    folder = tmp_path / "adapter"
    folder.mkdir()
    events = [ev.Started(20), ev.Metrics(7, values(7)), ev.Saved("adapter", str(folder), 7), ev.Stopped(7, {})]
    feed(store, context, run, events)
    assert shown.monitor.charts.panels[0]._end == 7  # what was not run leaves no gap
    said = shown.monitor.ended.accessibleName()
    assert said == "Stopped at step 7. helpful holds what it had learned, and can be used."
    assert shown.runs.cell_of(run.id).sub == "stopped at step 7"


def test_a_run_that_was_cut_off_says_so(store, context, base, pane):
    run = ppo_run(store, base)
    store.runs.add_metrics(run.id, 5, values(5))
    store.runs.update(run.id, status="interrupted", total=20, error="The app closed.")
    shown = pane()
    assert shown.monitor.state.text() == "Cut off"
    assert "Cut off at step 5. Nothing was saved." in shown.monitor.ended.accessibleName()


def test_a_failed_run_says_what_happened_what_is_safe_and_what_to_change(store, context, base, scorer, pane, qtbot):
    run = ppo_run(store, base, scorer)
    shown = pane()
    failed = ev.Failed("The device ran out of memory.", "Lower the micro-batch.", "torch.OutOfMemoryError: 1 GiB")
    feed(store, context, run, [ev.Started(20), ev.Metrics(4, values(4)), failed])
    view = shown.monitor.failed
    assert view.isVisible()
    assert view.what.text() == "The device ran out of memory. It had reached step 4 of 20."
    assert "judgements were not touched" in view.safe.text()
    assert view.hint.text() == "Lower the micro-batch."
    assert not view.details.is_open()
    assert "torch.OutOfMemoryError" in view.details.report()
    assert view.changes() == {"max_prompt_tokens": 256}  # the cheapest is ticked
    box = view.choices[1][0]
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert view.changes() == {"max_prompt_tokens": 256, "max_new_tokens": 24}
    view.more.click()
    assert shown.body_stack.currentWidget() is shown.new_page
    options = shown.new_page.form.options()
    assert (options.max_new_tokens, options.max_prompt_tokens, options.steps) == (24, 256, 20)


def test_start_again_starts_it_with_the_changes(store, context, base, scorer, pane, monkeypatch):
    run = ppo_run(store, base, scorer)
    store.runs.update(run.id, status="failed", error="The loss is no longer a number at step 3.", hint="Lower it.")
    shown = pane()
    begun = []

    def start(method, options, **rest):
        begun.append((method, options["learning_rate"], rest["model_id"], rest["reward_id"]))
        return ppo_run(store, base, scorer, name="PPO 2")

    monkeypatch.setattr(context, "start_run", start)
    shown.monitor.failed.start.click()
    assert begun == [("ppo", ppo.Options().learning_rate / 2, base.id, scorer.id)]
    assert shown.monitor.run.name == "PPO 2"


def test_an_unknown_error_has_no_invented_cure(store, base):
    run = ppo_run(store, base)
    store.runs.update(run.id, error="The job's process crashed (SIGSEGV).")
    assert remedies(store.runs.find(run.id)) == []


# --- samples --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sampled(store, base, pane):
    """A run with three samples of known scores."""
    run = ppo_run(store, base)
    prompt, _ = store.prompts.add("Where is my order?")
    from workbench.store import RunSample

    for step, text, score, kl in ((1, "one", 0.5, 9.0), (2, "two", -1.0, 2.0), (3, "three", 2.0, 4.0)):
        store.runs.add_sample(RunSample(run.id, step, prompt.text, text, {"reward": score, "kl": kl}, prompt.id))
        store.runs.add_metrics(run.id, step, values(step))
    store.runs.update(run.id, status="finished", total=3)
    return pane()


@pytest.mark.parametrize(
    ("order", "texts"),
    [
        ("latest", ["three", "two", "one"]),
        ("high", ["three", "one", "two"]),
        ("low", ["two", "one", "three"]),
        ("kl", ["one", "three", "two"]),
    ],
)
def test_samples_in_four_orders(sampled, order, texts):
    sampled.monitor.samples.orders.pick(order)
    assert [each.text for each in sampled.monitor.samples.model.rows()] == texts


def test_a_chosen_sample_can_be_read_and_sent_once(store, sampled, qtbot):
    samples = sampled.monitor.samples
    assert not samples.send_button.isEnabled()
    samples.table.setFocus()
    qtbot.keyClick(samples.table, Qt.Key.Key_Down)
    qtbot.keyClick(samples.table, Qt.Key.Key_Return)
    assert samples.reader.isVisible()
    assert samples.answered.plain() == "two"
    for _ in range(2):
        samples.send_button.setFocus()
        qtbot.keyClick(samples.send_button, Qt.Key.Key_Space)
    prompt = store.prompts.list()[0]
    (sent,) = store.responses.of_prompt(prompt.id)
    assert (sent.text, sent.queued, sent.scores["reward"]) == ("two", True, -1.0)


def test_missed_pairs_of_a_reward_model_are_not_new_answers(store, base, pane):
    from workbench.store import RunSample

    run = store.runs.add(name="r", method="reward", options=dataclasses.asdict(reward.Options()), model_id=base.id)
    prompt, _ = store.prompts.add("Q?")
    for chosen in (1.0, 0.0):
        scores = {"reward": chosen - 0.5, "gap": -1.0, "chosen": chosen}
        store.runs.add_sample(RunSample(run.id, 4, "Q?", f"answer {chosen}", scores, prompt.id))
    store.runs.update(run.id, status="finished")
    samples = pane().monitor.samples
    assert samples.title.text() == "Held-out pairs it misses most"
    assert not samples.send_button.isVisible()
    assert [samples._mark_cell(each).text for each in samples.model.rows()] == ["", "Preferred"]


RELIABILITY = [
    {"sure": 0.56, "right": 0.5, "count": 12, "low": 0.25, "high": 0.75},
    {"sure": 0.78, "right": 0.8, "count": 20, "low": 0.58, "high": 0.92},
]


def reward_run(store, base, **summary):
    run = store.runs.add(name="r", method="reward", options=dataclasses.asdict(reward.Options()), model_id=base.id)
    store.runs.add_metrics(run.id, 0, {"loss/train": 0.7, "accuracy/held_out": 0.6})
    worth = {
        "accuracy": 0.6875, "accuracy_ci": [0.51, 0.82], "held_out_pairs": 32, "ece": 0.035, "reliability": RELIABILITY
    }  # fmt: skip
    store.runs.update(run.id, status="finished", summary=worth | summary)
    return run


def test_a_finished_reward_run_shows_how_far_it_can_be_believed(store, base, pane):
    run = reward_run(store, base)
    shown = pane()
    worth = shown.monitor.worth
    assert worth.isVisible()
    assert worth.facts.fact("Right") == "69% (51% to 82%)"
    assert worth.facts.fact("Calibration error") == "0.0350"
    assert worth.facts.fact("Right where heads agree") == ""
    said = worth.chart.accessibleDescription()
    assert said.split("; ")[1] == "78% sure: right 80% of 20 (58% to 92%)"
    drawn_points = next(item for item in worth.chart._items if hasattr(item, "points")).points()
    assert [(point.pos().x(), point.pos().y()) for point in drawn_points] == [(0.56, 0.5), (0.78, 0.8)]
    store.runs.update(run.id, status="running")
    shown.monitor.refresh()
    assert not worth.isVisible()


def test_the_doubts_of_heads_stand_beside_the_curve(store, base, pane):
    reward_run(store, base, heads=8, spread=0.31, accuracy_certain=0.875, accuracy_uncertain=0.5)
    facts = pane().monitor.worth.facts
    assert (facts.fact("Right where heads agree"), facts.fact("Right where they do not")) == ("88%", "50%")
    assert facts.fact("Spread of the heads") == "0.310"


def test_a_run_without_such_figures_shows_none(store, base, pane):
    store.runs.update(ppo_run(store, base).id, status="finished", summary={"score": 1.0})
    assert not pane().monitor.worth.isVisible()


# --- a new run ------------------------------------------------------------------------------------------------------


def test_cards_say_what_the_data_has_or_lacks(store, base, pane):
    shown = pane()
    shown.new_run()
    cards = shown.new_page.cards
    assert "Needs at least 4 pairs" in cards["reward"].status.text()
    assert not shown.new_page.start_action.isEnabled()
    judge(store, 20)
    assert cards["reward"].status.text() == "20 pairs ready"
    assert (
        cards["ppo"].status.text()
        == "Needs a reward model: train one first, or let a rule below say what answers are worth."
    )


def test_a_reward_model_makes_ppo_ready(store, base, scorer, pane):
    judge(store, 20)
    shown = pane()
    shown.new_run()
    page = shown.new_page
    assert page.cards["ppo"].status.text() == "r3 ready"
    page.choose_method("ppo")
    page._estimate()
    assert page.reward.currentData() == scorer.id
    assert page.start_action.isEnabled()
    train = len(store.prompts.list(split="train"))
    assert page.data_card.total.text() == f"{train} prompts"
    assert page.data_card.held.text() == f"{20 - train} held back to test it"


def test_ctrl_enter_starts_what_the_form_says(store, context, base, scorer, pane, qtbot, monkeypatch):
    judge(store, 20)
    shown = pane()
    begun = []

    def start(method, options, **rest):
        begun.append((method, options, rest))
        return ppo_run(store, base, scorer, name=rest["name"])

    monkeypatch.setattr(context, "start_run", start)
    qtbot.keyClick(shown, Qt.Key.Key_N)
    page = shown.new_page
    page.choose_method("ppo")
    page._estimate()
    page.name.setFocus()
    page.name.selectAll()
    qtbot.keyClicks(page.name, "helpful-v4")
    steps = page.form.rows["steps"].control
    steps.setFocus()
    steps.selectAll()
    qtbot.keyClicks(steps, "5")
    qtbot.keyClick(steps, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    ((method, options, rest),) = begun
    assert (method, options["steps"], options["rank"]) == ("ppo", 5, 16)
    assert rest == {"model_id": base.id, "reward_id": scorer.id, "name": "helpful-v4"}
    assert shown.body_stack.currentWidget() is shown.monitor
    assert shown.monitor.run.name == "helpful-v4"


def test_a_bad_value_stops_the_start_beside_its_field(store, context, base, pane, monkeypatch):
    judge(store, 20)
    shown = pane()
    shown.new_run("reward")
    monkeypatch.setattr(context, "start_run", lambda *a, **k: pytest.fail("must not start"))
    shown.new_page.form.rows["epochs"].set_value(0)
    assert shown.new_page.start() is None
    assert "Epochs cannot be 0" in shown.new_page.form.rows["epochs"].error()


def test_what_stops_a_run_is_said_beside_the_button(store, base, pane, tmp_path):
    judge(store, 20)
    gone = store.models.add(name="gone", kind="base", source="local", location=str(tmp_path / "gone"))
    shown = pane()
    shown.new_run("reward", model_id=gone.id)
    assert shown.new_page.start() is None
    assert "The files of gone are gone" in shown.new_page.beside.reason.text()
    assert store.runs.list() == []


def test_presets_change_a_few_knobs_and_say_which(store, base, pane, qtbot):
    judge(store, 20)
    shown = pane()
    shown.new_run("reward")
    page = shown.new_page
    few = presets.amount(reward, page.data)
    assert page.form.options() == reward.Options(epochs=4)  # of few judgements each is seen more often
    cards = page.preset_cards.cards
    cards["thorough"].setFocus()
    qtbot.keyClick(cards["thorough"], Qt.Key.Key_Space)
    assert page.form.options() == reward.Options(**presets.values(reward, "thorough", few))
    assert page.form.changed_names() == []
    assert cards["balanced"].toolTip() == "Epochs 4"
    assert "Learning rate 1e-4" in cards["thorough"].toolTip()
    qtbot.keyClick(cards["thorough"], Qt.Key.Key_Left)
    assert page.form.options() == reward.Options(epochs=4)


def test_escape_goes_back_to_the_runs(store, base, pane, qtbot):
    store.runs.update(ppo_run(store, base).id, status="finished")
    shown = pane()
    qtbot.keyClick(shown, Qt.Key.Key_N)
    qtbot.keyClick(shown.new_page.cards["ppo"], Qt.Key.Key_Escape)
    assert shown.body_stack.currentWidget() is shown.monitor


def test_other_panes_can_ask_for_a_run_or_a_new_one(store, base, scorer, pane):
    first = ppo_run(store, base, name="first")
    ppo_run(store, base, name="second")
    shown = pane()
    shown.visit({"run": first.id})
    assert shown.monitor.run.id == first.id
    shown.visit({"new": "ppo", "reward": scorer.id})
    assert shown.body_stack.currentWidget() is shown.new_page
    assert shown.new_page.method == "ppo"


def test_a_run_leads_to_the_judgements_that_it_learned_from(store, base, pane, context, qtbot):
    judge(store, 4)
    run = store.runs.add(name="r", method="reward", options=dataclasses.asdict(reward.Options()), model_id=base.id)
    shown = pane()
    shown.visit({"run": run.id})
    assert not shown.monitor.sources.rows.isVisible()
    store.runs.freeze(run.id, [row.id for row in store.feedback.list()], "hash")
    shown.visit({"run": run.id})
    assert shown.monitor.sources.rows.text().startswith(str(len(store.feedback.list())))
    with qtbot.waitSignal(context.pane_wanted) as asked:
        qtbot.mouseClick(shown.monitor.sources.rows, Qt.MouseButton.LeftButton)
    assert asked.args == ["data", {"run": run.id}]


# --- what follows from figures --------------------------------------------------------------------------------------


def test_cautions_follow_from_counts_and_measured_figures(store, base, scorer):
    from workbench.jobs import preparing

    judge(store, 20)
    data = preparing.data_of(store)
    assert cautions(data, base, None, None) == []
    fine = {each.key for each in cautions(data, base, scorer, base)}
    assert "longer_wins" not in fine
    ramble = dataclasses.replace(scorer, info={"accuracy": 0.5, "longer_wins": 0.6})
    assert "longer_wins" in {each.key for each in cautions(data, base, ramble, base)}
    guess = dataclasses.replace(scorer, info={"accuracy": 0.6, "longer_wins": 0.5, "accuracy_ci": [0.45, 0.7]})
    assert "chance" in {each.key for each in cautions(data, base, guess, base)}
    other = dataclasses.replace(base, id="other", name="other")
    assert "other_base" in {each.key for each in cautions(data, base, scorer, other)}


def test_the_page_says_whether_the_judgements_are_enough(store, base, scorer, pane, context, qtbot):
    judge(store, 20)
    shown = pane()
    shown.new_run("reward")
    card = shown.new_page.beside.readiness
    qtbot.waitUntil(card.isVisible)
    assert card.title.text() == "Thin, but a reward model can be trained"
    assert "50 or more teach better" in card.text.text()
    with qtbot.waitSignal(context.pane_wanted) as asked:
        qtbot.mouseClick(card.link, Qt.MouseButton.LeftButton)
    assert asked.args == ["data", {"view": "quality"}]
    shown.new_page.choose_method("ppo")
    qtbot.waitUntil(lambda: not card.isVisible())  # it writes its own answers


def test_the_page_shows_the_cautions(store, base, scorer, pane):
    judge(store, 5)
    shown = pane()
    shown.new_run("ppo")
    assert any("prompts" in title for title in shown.new_page.beside.cautions())


def test_memory_by_part_is_the_models_own_size_and_more(store, base, llama_folder):
    tiny_base = store.models.add(name="tiny", kind="base", source="local", location=str(llama_folder))
    options = dataclasses.asdict(ppo.Options())
    found = memory(tiny_base, None, None, options, Data(), 4)
    numbers = describe_folder(llama_folder)["parameters"]
    assert found.weights == 4 * numbers
    assert {key for key, _ in rows_of(found)} == {"weights", "adapters", "optimiser", "writing", "process"}
    assert sum(size for _, size in rows_of(found)) == found.total
    assert memory(base, None, None, options, Data(), 4) is None  # its folder has no config


def test_a_run_fits_beside_what_is_in_memory_or_only_alone(store, llama_folder):
    tiny_base = store.models.add(name="tiny", kind="base", source="local", location=str(llama_folder))
    found = memory(tiny_base, None, None, dataclasses.asdict(ppo.Options()), Data(), 4)
    total = found.total
    assert found.fit(2 * total, 4 * total) == "fits"
    assert found.fit(total, 4 * total) == "tight"
    assert found.fit(total // 2, total // 2) == "too large"
    assert found.fit(0, 0) == ""


def test_a_run_computes_where_the_machine_can():
    card = Card("RTX", 12, 11)
    machine = Machine("cpu", 2, 24, 20, 100, "2.13+cu130", card)
    assert room_of(machine, "auto") == Room("cuda", 12, 11)
    assert room_of(machine, "cpu") == Room("cpu", 24, 20)
    assert room_of(dataclasses.replace(machine, torch="2.13+cpu"), "auto") == Room("cpu", 24, 20)
    apple = dataclasses.replace(machine, card=Card("Apple GPU", 24, 20), torch="2.13")
    assert room_of(apple, "auto").device == "mps"
    assert room_of(None, "auto") == Room("cpu", 0, 0)


def test_the_page_says_what_it_takes_by_part_and_whether_it_fits(store, llama_folder, pane):
    store.models.add(name="tiny", kind="base", source="local", location=str(llama_folder))
    judge(store, 20)
    shown = pane()
    shown.new_run("reward")
    page = shown.new_page
    gib = 1 << 30
    for free, words, tone in ((20 * gib, "Fits, with", "goodSoft"), (1 << 20, "Tight: 1.0 MB of", "warnSoft")):
        page._on_looked({"machine": Machine("cpu", 2, 24 * gib, free, gib, "2.13+cpu")})
        page._estimate()
        assert page.beside.memory_box.isVisibleTo(page)
        assert page.beside.fit.text().startswith(words)
        assert page.beside.fit_card._fill == tone
        assert page.beside.memory_total.text().endswith("of 25.8 GB")
    page._on_looked({"machine": Machine("cpu", 2, 1 << 20, 1 << 20, gib, "2.13+cpu")})
    page._estimate()
    assert page.beside.fit.text().startswith("Too large")


def test_an_earlier_run_stands_beside_its_own_estimate(store, llama_folder, pane):
    tiny_base = store.models.add(name="tiny", kind="base", source="local", location=str(llama_folder))
    judge(store, 20)
    run = store.runs.add(name="Reward 1", method="reward", options={}, model_id=tiny_base.id)
    store.runs.update(run.id, status="finished", summary={"estimate_bytes": 5e8, "peak_bytes": 6e8})
    shown = pane()
    shown.new_run("reward")
    shown.new_page._estimate()
    assert shown.new_page.beside.measured.text() == "Reward 1 was measured at 600 MB; its estimate was 500 MB."


def test_time_comes_from_past_runs_alone(store, base):
    assert seconds_a_unit([], "ppo", base.id) is None
    run = ppo_run(store, base)
    times = {"started_at": "2026-11-24T09:00:00+00:00", "ended_at": "2026-11-24T09:05:20+00:00"}
    store.runs.update(run.id, status="finished", step=20, total=20, **times)
    speed, number = seconds_a_unit(store.runs.list(), "ppo", base.id)
    assert (speed, number) == (pytest.approx(1.0), 1)  # 320 s for 20 rounds of 16 answers
    assert planned_units(ppo, dataclasses.asdict(ppo.Options(steps=10)), 7) == 160
    assert planned_units(reward, dataclasses.asdict(reward.Options(epochs=3)), 7) == 21


def test_the_time_of_a_new_model_follows_text_and_size(store):
    options = dataclasses.asdict(pretrain.Options())
    run = store.runs.add(name="first", method="pretrain", options=options)
    times = {"started_at": "2026-01-01T00:00:00+00:00", "ended_at": "2026-01-01T00:01:00+00:00"}
    store.runs.update(run.id, status="finished", step=100, **times)
    speed, _ = seconds_a_unit(store.runs.list(), "pretrain", None)
    same_work = round(100 * options["batch_tokens"] * BYTES_A_TOKEN / options["epochs"])
    assert speed * planned_units(pretrain, options, same_work) == pytest.approx(60, rel=0.01)
    assert speed * planned_units(pretrain, options | {"epochs": 6}, same_work) == pytest.approx(120, rel=0.01)
    assert speed * planned_units(pretrain, options | {"layers": 12}, same_work) > 90


def test_time_left_waits_until_it_can_be_honest():
    pace = Pace()
    pace.hear(1, 100.0)
    assert pace.left(1000) is None
    pace.hear(2, 102.0)
    assert pace.left(1000) is None  # 0.2 % and two seconds
    assert pace.left(20) == pytest.approx(36.0)  # a tenth of the steps
    pace.hear(3, 131.0)
    assert pace.left(1000) == pytest.approx(997 * 15.5)  # half a minute was watched


@pytest.mark.parametrize(
    ("values_", "way"), [([0, 1, 2, 3, 4, 5], 1), ([5, 4, 3, 2, 1, 0], -1), ([1, 2, 1, 2, 1, 2], 0)]
)
def test_a_trend_must_be_larger_than_its_noise(values_, way):
    assert trend(values_) == way


def curve(name, numbers):
    return {name: list(enumerate(numbers))}


@pytest.mark.parametrize(
    ("curves", "key"),
    [
        (curve("objective/scores", [1, 1]), "early"),
        (curve("objective/scores", [0, 1, 2, 3, 4, 5, 6, 7]), "reward_rising"),
        (curve("objective/scores", [0] * 8) | curve("objective/kl", [50] * 8), "kl"),
        (
            curve("objective/scores", [0] * 8) | curve("objective/entropy", [2, 1, 0.05, 0.05, 0.05, 0.05, 0.05]),
            "entropy",
        ),
        (curve("objective/scores", [0] * 8) | curve("policy/clipfrac_avg", [0.5] * 8), "clip"),
        (curve("objective/scores", [0] * 8) | curve("objective/kl", [0.5, 1, 1.5, 3, 6, 12]), "kl_growing"),
        (curve("objective/scores", [0] * 8) | curve("val/length", [10] * 5 + [22] * 3), "length_doubled"),
        (curve("objective/scores", range(20)) | curve("accuracy/human", [0.6, 0.6, 0.4, 0.4]), "human"),
        (curve("accuracy/held_out", [0.5, 0.7]) | curve("accuracy/longer_wins", [0.6, 0.6]), "accuracy_above"),
        (curve("accuracy/held_out", [0.5, 0.55]) | curve("accuracy/longer_wins", [0.6, 0.6]), "accuracy_below"),
        (curve("accuracy/held_out", [0.6] * 5) | curve("loss/held_out", [0.7, 0.5, 0.6, 0.7, 0.8]), "overfitting"),
    ],
)
def test_health_follows_from_the_curves(curves, key):
    assert key in {each.key for each in findings("ppo", {}, curves)}


def test_health_of_an_adaptive_run_looks_at_its_target():
    curves = curve("objective/scores", [0] * 8) | curve("objective/kl", [10] * 8)
    options = {"kl_control": "adaptive", "target_kl": 6.0}
    assert "kl_over_target" in {each.key for each in findings("ppo", options, curves)}
    assert "kl_fine" in {each.key for each in findings("ppo", {}, curves)}


def test_every_finding_has_words(qtbot):
    from workbench.ui.train_health import Finding, HealthBanner

    banner = HealthBanner()
    qtbot.addWidget(banner)
    names = ("first", "now", "limit", "target", "share", "longer", "best", "score_first", "score_now")
    figures = dict.fromkeys(names, "7")
    for key in banner._sentences():
        assert "{" not in banner.sentence(Finding(key, "good", figures))


def test_a_run_names_what_it_learned_from(store, base, scorer, pane):
    from workbench.feedback.base import Prompt

    run = ppo_run(store, base, scorer)
    prompts = tuple(Prompt(str(n), ({"role": "user", "content": "?"},), "train") for n in range(7))
    frozen.write(Data(prompts=prompts), store.runs_folder / run.id / "data.jsonl")
    assert pane().monitor.line.text() == "small-base \u2192 LoRA r16 · r3 · 7 prompts"


def test_at_1280_the_list_is_a_strip_and_charts_keep_three_columns(store, base, pane):
    store.runs.update(ppo_run(store, base).id, status="running", total=20)
    shown = pane(1280)
    assert shown.left.isHidden()
    assert shown.monitor.charts._columns == 3


def test_controls_have_names(store, base, scorer, pane):
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit

    judge(store, 8)
    shown = pane()
    shown.new_run("ppo")
    for kind in (QAbstractButton, QComboBox):
        for widget in shown.findChildren(kind):
            if widget.isVisible():
                assert widget.accessibleName() or widget.text(), widget
    assert all(field.accessibleName() or field.parent().accessibleName() for field in shown.findChildren(QLineEdit))


# --- one real child -------------------------------------------------------------------------------------------------


def test_a_reward_run_is_started_with_keys_and_draws_its_points(store, context, pane, qtbot, tmp_path):
    judge(store, 24)
    folder = tiny.llama(tmp_path / "tiny")
    facts = describe_folder(folder)
    store.models.add(
        name="tiny", kind="base", source="local", location=str(folder), parameters=facts["parameters"], info=facts
    )
    shown = pane()
    qtbot.keyClick(shown, Qt.Key.Key_N)
    page = shown.new_page
    assert page.method == "reward"
    page._estimate()
    page.form.open_advanced(True)
    for name, text in (("epochs", "1"), ("rank", "4"), ("max_tokens", "64"), ("device", "cpu")):
        field = page.form.rows[name].control
        field.setFocus()
        if name == "device":
            page.form.rows[name].set_value(text)
            continue
        field.selectAll()
        qtbot.keyClicks(field, text)
    qtbot.keyClick(page.form.rows["rank"].control, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (run,) = store.runs.list()
    assert shown.monitor.run.id == run.id
    qtbot.waitUntil(lambda: len(drawn(shown)) > 1, timeout=120_000)
    qtbot.waitUntil(lambda: not context.jobs, timeout=120_000)
    ended = store.runs.find(run.id)
    assert ended.status == "finished", ended.error
    assert (ended.options["rank"], ended.options["epochs"]) == (4, 1)
    losses = [(step, value) for step, value in store.runs.metrics(run.id)["loss/train"]]
    assert drawn(shown) == [(step, pytest.approx(value)) for step, value in losses]
    assert shown.monitor.state.text() == "Finished"
    assert "is saved and can be used" in shown.monitor.ended.accessibleName()


# --- going on -------------------------------------------------------------------------------------------------------


def keep_checkpoint(store, run, step):
    """A checkpoint in the run's folder, as a run writes one."""
    import torch

    folder = store.runs_folder / run.id
    frozen.write(Data(), folder / "data.jsonl")
    checkpoints.write(folder, step, {"weight": torch.zeros(2)}, {})


@pytest.fixture
def launched(context, monkeypatch):
    """Jobs that were to be started, instead of child processes."""
    found = []
    monkeypatch.setattr(context, "_launch", lambda run, spec: found.append(spec))
    return found


def tab_to(pane, qtbot, words):
    """Go by Tab from the list of runs to the button that says this."""
    pane.runs.setFocus()
    for _ in range(40):
        focused = pane.window().focusWidget()
        if isinstance(focused, QAbstractButton) and focused.text() == words:
            return focused
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    raise AssertionError(words)


@pytest.mark.parametrize("status", ["stopped", "interrupted"])
def test_a_run_with_a_checkpoint_is_resumed_by_keyboard(store, context, base, scorer, pane, qtbot, launched, status):
    run = ppo_run(store, base, scorer)
    store.runs.add_metrics(run.id, 5, values(5))
    store.runs.update(run.id, status=status, total=20)
    keep_checkpoint(store, run, 4)
    shown = pane()
    assert "What it had learned by step 4 is kept." in shown.monitor.ended.accessibleName()
    button = tab_to(shown, qtbot, "Resume from step 4")
    assert button.accessibleName() == "Resume from step 4"
    qtbot.keyClick(button, Qt.Key.Key_Space)
    (spec,) = launched
    assert (spec.run_id, spec.resumes, spec.changed) == (run.id, True, ())
    assert spec.options == dict(run.options)
    assert store.runs.find(run.id).status == "running"
    assert shown.monitor.run.id == run.id
    assert len(store.runs.list()) == 1


def test_without_a_checkpoint_nothing_is_offered(store, context, base, pane):
    run = ppo_run(store, base)
    store.runs.update(run.id, status="interrupted", total=20)
    shown = pane()
    offers = [button.text() for button in shown.monitor.ended.findChildren(QAbstractButton)]
    assert not any("Resume" in text for text in offers)


def test_the_curve_goes_on_where_the_checkpoint_was(store, context, base, scorer, pane, launched):
    run = ppo_run(store, base, scorer)
    for step in range(1, 7):
        store.runs.add_metrics(run.id, step, values(step))
    store.runs.update(run.id, status="interrupted", total=20)
    keep_checkpoint(store, run, 4)
    shown = pane()
    shown.monitor.resume_wanted.emit(shown.monitor.run, {})
    events = [
        ev.Started(20, info={"resumed": 4, "seconds": 60.0}),
        ev.Metrics(5, values(5, **{"objective/scores": 9.0})),
    ]
    feed(store, context, run, events)
    assert drawn(shown)[-2:] == [(4, pytest.approx(0.4)), (5, 9.0)]
    assert [step for step, _ in store.runs.metrics(run.id)["objective/kl"]] == [1, 2, 3, 4, 5]


def test_a_failed_run_goes_on_with_what_was_ticked(store, context, base, scorer, pane, launched):
    run = ppo_run(store, base, scorer)
    keep_checkpoint(store, run, 3)
    shown = pane()
    failed = ev.Failed("The loss is no longer a number at step 5.", "Lower the learning rate.")
    feed(store, context, run, [ev.Started(20), ev.Metrics(4, values(4)), failed])
    view = shown.monitor.failed
    assert view.safe.text() == "What it had learned by step 3 is kept, and your judgements were not touched."
    assert view.go_on.text() == "Apply and resume from step 3"
    assert view.changes() == {"learning_rate": run.options["learning_rate"] / 2}
    view.go_on.click()
    (spec,) = launched
    assert spec.changed == ("learning_rate",)
    assert spec.options["learning_rate"] == run.options["learning_rate"] / 2
    assert store.runs.find(run.id).options == spec.options


def test_a_rank_cannot_change_in_the_middle(store, context, base, scorer, pane, launched):
    run = ppo_run(store, base, scorer)
    keep_checkpoint(store, run, 3)
    shown = pane()
    feed(store, context, run, [ev.Started(20), ev.Failed("The device ran out of memory.")])
    view = shown.monitor.failed
    box = next(box for box, remedy in view.choices if remedy.knob.name == "rank")
    box.setChecked(True)
    assert not view.go_on.isEnabled()
    assert "rank" in view.go_on.toolTip()
    box.setChecked(False)
    assert view.go_on.isEnabled()


def test_a_failed_run_without_a_checkpoint_can_only_start_again(store, context, base, scorer, pane):
    run = ppo_run(store, base, scorer)
    shown = pane()
    feed(store, context, run, [ev.Started(20), ev.Failed("The disk is full.")])
    assert not shown.monitor.failed.go_on.isVisible()
    assert shown.monitor.failed.start.isVisible()
