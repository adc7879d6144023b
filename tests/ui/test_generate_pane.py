"""The Generate pane on a real project. The session is a recorder of requests, except in the last test."""

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent
from PySide6.QtWidgets import QApplication, QLabel

from tests import tiny
from workbench.events import Answer, Chances, Failed, Finished, Loaded, Progress, Stopped, Token
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.generate_chances import ChancesTip
from workbench.ui.generate_choices import note_on_memory, read_kept
from workbench.ui.generate_pane import GeneratePane
from workbench.ui.generate_prompts import Filter
from workbench.ui.generate_sampling import Sampling


class Session:
    """Stands in for the thread of a loaded model: keeps what it is asked."""

    def __init__(self):
        self.requests, self.stops = [], 0
        self.feeder = SimpleNamespace(writing=False)

    def request(self, request):
        self.requests.append(request)

    def stop_writing(self, ids=None):
        self.stops += 1
        self.stopped = ids

    def unload(self):
        pass

    def wait(self, milliseconds):
        return True


def make_store(folder, prompts=3):
    store = Store.open(folder)
    for name, kind in (("SmolLM2", "base"), ("helpful-v1", "adapter"), ("reward-1", "reward")):
        place = store.models_folder / name
        place.mkdir()
        base = None if kind == "base" else store.models.find("SmolLM2").id
        store.models.add(name=name, kind=kind, source="local", location=str(place), hash=name, parent_id=base)
    tags = (["mail"], ["code"], ["mail", "zh"])
    for number in range(prompts):
        store.prompts.add(f"Prompt number {number}", system="Be brief.", tags=tags[number % 3])
    return store


def display(qtbot, widget):
    """Show a widget in an active window. pytest-qt is not told of it: it would delete it before its project closes."""
    widget.resize(1368, 820)
    with qtbot.waitExposed(widget):
        widget.show()
    widget.activateWindow()
    qtbot.waitUntil(widget.isActiveWindow)
    return widget


def delete(widget):
    """Delete a widget now, and with it whatever its threads still have to say."""
    widget.close()
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)


@pytest.fixture
def make(qtbot):
    """make(store) shows the pane with a recorder for a session; everything is closed in the right order."""
    made = []

    def build(store, recorded=True):
        context = Context(store)
        if recorded:
            context.session = Session()
            known = [store.models.find(name).id for name in ("SmolLM2", "helpful-v1")]
            context._on_session_event(context.session, Loaded({"id": known[0], "loaded": known}))
        pane = GeneratePane(context)
        made.append((pane, context))
        display(qtbot, pane)
        pane.first_focus().setFocus()
        return pane

    yield build
    for pane, context in made:
        delete(pane)
        context.close()
        context.store.close()


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "project")


@pytest.fixture
def pane(make, store):
    return make(store)


def say(pane, event):
    pane.context._on_session_event(pane.context.session, event)


def answer(pane, request, index, text="Fine.", reward=None):
    """The child finishes one answer of a request."""
    scores = {} if reward is None else {"reward": reward}
    made = Answer(
        request["prompt_id"], text, request["column"], index, "", request["sampler"], request["seed"] + index,
        response_tokens=12, seconds=0.5, finish_reason="stop", scores=scores,
    )  # fmt: skip
    say(pane, made)


def answer_all(pane):
    """The child answers every request, as long as more come."""
    done = 0
    while done < len(pane.context.session.requests):
        request = pane.context.session.requests[done]
        for index in range(request["samples"]):
            answer(pane, request, index, f"Answer {index} of {request['column']}")
        say(pane, Finished({"id": request["id"]}))
        done += 1


def ids(pane):
    return [prompt.id for prompt in pane.prompts.list.rows.prompts]


def key(pane, qtbot, name, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(pane.window(), name, modifier)


def control_enter(pane, qtbot):
    key(pane, qtbot, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


# --- prompts


def test_prompts_are_listed_with_their_states(pane, store):
    rows = pane.prompts.list.rows
    store.responses.add(ids(pane)[0], "An answer.")
    assert [rows.state(prompt) for prompt in rows.prompts] == ["done", "waiting", "waiting"]
    assert pane.prompts.progress_text.text() == "1 of 3 done"
    assert rows.index(0).data(Qt.ItemDataRole.AccessibleTextRole) == "Prompt number 0, done, 1 answers"


@pytest.mark.parametrize("maker", ["SmolLM2", None])
def test_cards_of_another_prompt_have_their_places_at_once(pane, store, qtbot, maker):
    model_id = store.models.find(maker).id if maker else None
    for number in range(12):
        text = f"Answer {number}: " + "a rather long one, of several lines. " * 20
        store.responses.add(ids(pane)[1], text, model_id=model_id)
    qtbot.keyClick(pane.prompts.list, Qt.Key.Key_Down)
    cards = [card for view in pane.answers._area.all_views() for card in view.cards.values()]
    assert len(cards) == 12
    at_once = [card.height() for card in cards]
    assert all(card.isVisible() for card in cards)
    assert pane.answers._area.widget().height() > 2 * pane.answers._area.height()
    qtbot.wait(300)
    one_line = 24  # fonts arrive with the style, a moment later, and may break a line elsewhere
    assert all(abs(card.height() - height) <= one_line for card, height in zip(cards, at_once, strict=True))


def test_j_and_k_walk_and_the_card_follows(pane, qtbot):
    key(pane, qtbot, "j")
    assert pane.card.place.text() == "Prompt 2 of 3"
    assert pane.card.text.plain() == "Prompt number 1"
    assert pane.card.system_line.text() == "System: Be brief."
    key(pane, qtbot, "k")
    assert pane.card.text.plain() == "Prompt number 0"


def test_a_click_chooses_a_prompt(pane, qtbot):
    list_ = pane.prompts.list
    qtbot.mouseClick(list_.viewport(), Qt.MouseButton.LeftButton, pos=list_.point_of(2))
    assert pane.answers.prompt.id == ids(pane)[2]


def test_search_and_tag_filter_narrow_the_list(pane, qtbot):
    key(pane, qtbot, "/")
    qtbot.keyClicks(pane.prompts.search, "number 2")
    assert len(ids(pane)) == 1
    key(pane, qtbot, Qt.Key.Key_Escape)
    assert len(ids(pane)) == 3
    key(pane, qtbot, Qt.Key.Key_Escape)
    assert pane.prompts.list.hasFocus()
    pane.prompts.set_filter(Filter("tag", "mail"))
    assert [prompt.text for prompt in pane.prompts.list.rows.prompts] == ["Prompt number 0", "Prompt number 2"]
    assert pane.prompts.filter.currentText() == "mail (2)"


def test_empty_project_says_what_is_missing(make, tmp_path, qtbot):
    store = Store.open(tmp_path / "empty")
    pane = make(store, recorded=False)
    assert pane.stack.currentWidget() is pane.no_models
    with qtbot.waitSignal(pane.context.pane_wanted) as wanted:
        qtbot.mouseClick(pane.no_models.action, Qt.MouseButton.LeftButton)
    assert wanted.args[0] == "models"


def test_sample_prompts_are_imported_beside_the_window(make, tmp_path, qtbot):
    pane = make(make_store(tmp_path / "project", prompts=0))
    assert pane.stack.currentWidget() is pane.no_prompts
    qtbot.mouseClick(pane.no_prompts.link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(ids(pane)) == 128, timeout=30_000)
    assert pane.stack.currentWidget() is not pane.no_prompts
    assert pane.import_action.isEnabled()


# --- writing


def test_ctrl_enter_asks_for_answers_with_what_the_panel_says(pane, qtbot, store):
    pane.sampling.fields["temperature"].spin.setValue(0.7)
    pane.sampling.samples.setValue(2)
    pane.sampling.set_reward(store.models.find("reward-1").id)
    control_enter(pane, qtbot)
    (request,) = pane.context.session.requests
    assert request["prompt_id"] == ids(pane)[0]
    assert (request["samples"], request["seed"], request["sampler"]["temperature"]) == (2, 17, 0.7)
    assert request["reward"]["name"] == "reward-1"
    assert pane.dock.stop.isVisible() and not pane.dock.generate.isVisible()


def test_tokens_stream_into_cards_and_become_answers(pane, qtbot, store):
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    view = pane.area.views[0]
    for piece in ("It is", " on the", " shelf."):
        say(pane, Token(0, 1, piece, request["prompt_id"]))
    qtbot.waitUntil(lambda: view.drafts[1].text.plain() == "It is on the shelf.")
    assert view.drafts[1].state.text() == "Writing"
    answer(pane, request, 1, "It is on the shelf.", reward=1.18)
    card = next(iter(view.cards.values()))
    assert (card.text.plain(), card.meta.text(), card.reward.text()) == (
        "It is on the shelf.",
        "12 tokens, 0.50 s",
        "1.18",
    )
    assert card.send.isChecked() and not card.state.isVisible()
    assert [response.text for response in store.responses.of_prompt(request["prompt_id"])] == ["It is on the shelf."]


def test_streaming_repaints_at_most_every_fifty_milliseconds(pane, qtbot):
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    say(pane, Token(0, 0, "a", request["prompt_id"]))
    say(pane, Token(0, 0, "b", request["prompt_id"]))
    assert pane.area.views[0].drafts[0].text.plain() == ""
    assert pane.answers._timer.interval() >= 50
    qtbot.waitUntil(lambda: pane.area.views[0].drafts[0].text.plain() == "ab")


def test_hostile_text_is_shown_as_text(pane, qtbot):
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    text = "<b>bold</b> \u202eevil <img src=x>"
    answer(pane, request, 0, text)
    card = next(iter(pane.area.views[0].cards.values()))
    assert card.text.plain() == text
    assert "<b>bold</b>" in card.text.toPlainText() and "\u202e" not in card.text.toPlainText()


def test_text_of_another_prompt_waits_until_it_is_looked_at(pane, qtbot):
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    key(pane, qtbot, "j")
    say(pane, Token(0, 0, "Hello", request["prompt_id"]))
    assert not pane.area.views[0].drafts
    key(pane, qtbot, "k")
    assert pane.area.views[0].drafts[0].text.plain() == "Hello"
    assert pane.prompts.list.rows.state(pane.prompts.list.rows.prompts[0]) == "running"


def test_escape_stops_and_what_is_not_whole_is_not_kept(pane, qtbot, store):
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    say(pane, Token(0, 0, "Half an ans", request["prompt_id"]))
    key(pane, qtbot, Qt.Key.Key_Escape)
    assert pane.context.session.stops == 1
    say(pane, Stopped(summary={"id": request["id"]}))
    assert not pane.writer.busy
    assert pane.area.views[0].drafts[0].state.text() == "Stopped, not kept"
    assert store.responses.count() == 0
    assert pane.dock.generate.isVisible()


def test_a_stop_while_the_model_loads_ends_the_column_at_once(pane, qtbot, store):
    helpful = store.models.find("helpful-v1").id
    pane.context.session_ids = []
    pane.columns.change_model(0, helpful)
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    assert pane.context.loading_ids == {helpful} and pane.writer.loading
    key(pane, qtbot, Qt.Key.Key_Escape)
    assert not pane.writer.busy and pane.context.session.stopped == [request["id"]]
    say(pane, Token(0, 0, "It", request["prompt_id"]))  # what comes late is of nobody
    assert not pane.area.views[0].drafts and not pane.writer.busy


def test_unloading_ends_the_writing(pane, qtbot):
    control_enter(pane, qtbot)
    pane.context.session = None
    pane.context.session_changed.emit()
    assert not pane.writer.busy


def test_failure_ends_the_batch_and_is_told(pane, qtbot):
    key(pane, qtbot, "b")
    with qtbot.waitSignal(pane.context.message) as told:
        first = pane.context.session.requests[0]
        say(pane, Failed("The device ran out of memory.", "Lower the longest answer.", request=first["id"]))
    assert told.args[0] == "The device ran out of memory."
    assert not pane.writer.busy and len(pane.context.session.requests) == 1


def test_loading_is_said_in_the_column(pane, qtbot, store):
    pane.context.session_ids = []
    pane.columns.change_model(0, store.models.find("helpful-v1").id)
    control_enter(pane, qtbot)
    say(pane, Progress(0, 0, "Loading the model"))
    view = pane.area.views[0]
    assert view.placeholder.words.text() == "Loading the model" and not view.drafts
    say(pane, Loaded({"id": store.models.find("helpful-v1").id}))
    say(pane, Token(0, 0, "Hi", ids(pane)[0]))
    assert len(view.drafts) == pane.sampling.samples.value()
    assert not view.placeholder.isVisible()


def test_again_takes_seeds_that_were_not_used(pane, qtbot):
    control_enter(pane, qtbot)
    answer_all(pane)
    key(pane, qtbot, "r")
    assert [request["seed"] for request in pane.context.session.requests] == [17, 21]


def test_the_same_answers_are_not_written_twice(pane, qtbot):
    control_enter(pane, qtbot)
    answer_all(pane)
    control_enter(pane, qtbot)
    assert pane.context.session.requests[-1]["seed"] == 21


def test_exact_writes_one_sample(pane, qtbot):
    qtbot.mouseClick(pane.sampling.presets.button("exact"), Qt.MouseButton.LeftButton)
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    assert (request["samples"], request["sampler"]["temperature"], request["sampler"]["top_p"]) == (1, 0.0, 1.0)
    assert pane.area.views[0].settings.text() == "exact"


def test_write_for_all_goes_through_what_waits(pane, qtbot, store):
    store.responses.add(ids(pane)[1], "There already.")
    assert pane.all_button.text() == "Write 2 waiting"
    key(pane, qtbot, "b")
    answer_all(pane)
    asked = [request["prompt_id"] for request in pane.context.session.requests]
    assert asked == [ids(pane)[0], ids(pane)[2]]
    assert pane.prompts.progress_text.text() == "3 of 3 done"
    assert pane.answers.prompt.id == ids(pane)[2]
    assert not pane.all_action.isEnabled()


def test_columns_write_side_by_side_each_prompt_after_prompt(pane, qtbot):
    qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    key(pane, qtbot, "b")
    assert [request["column"] for request in pane.context.session.requests] == [0, 1]
    answer_all(pane)
    requests = pane.context.session.requests
    assert [request["prompt_id"] for request in requests if request["column"] == 1] == ids(pane)
    assert [request["column"] for request in requests] == [0, 1, 0, 1, 0, 1]


def test_one_column_is_stopped_by_its_button_and_the_other_goes_on(pane, qtbot):
    qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    control_enter(pane, qtbot)
    first, second = pane.context.session.requests
    for request in (first, second):
        say(pane, Token(request["column"], 0, "It is", request["prompt_id"]))
    views = pane.area.views
    qtbot.waitUntil(views[1].stop_button.isVisible)
    assert not views[1].menu_button.isVisible()
    qtbot.mouseClick(views[1].stop_button, Qt.MouseButton.LeftButton)
    assert pane.context.session.stopped == [second["id"]]
    say(pane, Stopped(summary={"id": second["id"]}))
    assert views[1].drafts[0].state.text() == "Stopped, not kept"
    say(pane, Token(0, 0, " here.", first["prompt_id"]))
    qtbot.waitUntil(lambda: views[0].drafts[0].text.plain() == "It is here.")
    assert pane.writer.busy and views[0].stop_button.isVisible() and not views[1].stop_button.isVisible()


def test_a_column_that_fails_leaves_the_others_alone(pane, qtbot):
    qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    key(pane, qtbot, "b")
    failed = pane.context.session.requests[1]
    say(pane, Failed("It is too long.", "Shorten it.", request=failed["id"]))
    answer_all(pane)
    assert [request["column"] for request in pane.context.session.requests] == [0, 1, 0, 0]


def test_what_left_memory_is_said(pane, qtbot, store):
    base = store.models.find("SmolLM2").id
    with qtbot.waitSignal(pane.context.message) as told:
        say(pane, Loaded({"id": base, "loaded": [base], "left": ["helpful-v1"]}))
    assert told.args[0] == "helpful-v1 left memory to make room for SmolLM2."


def test_choosing_another_prompt_is_not_undone_by_the_batch(pane, qtbot):
    key(pane, qtbot, "b")
    key(pane, qtbot, "j")
    key(pane, qtbot, "j")
    first = pane.context.session.requests[0]
    say(pane, Finished({"id": first["id"]}))
    assert pane.answers.prompt.id == ids(pane)[2]


# --- columns and sampling


def test_columns_come_and_go(pane, qtbot, store):
    assert [view.model.name for view in pane.area.views] == ["SmolLM2"]
    for _ in range(4):
        qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    assert [view.model.name for view in pane.area.views] == ["SmolLM2", "helpful-v1", "helpful-v1", "helpful-v1"]
    assert not pane.sampling.add_button.isEnabled()
    menu = pane.area.views[3].menu()
    assert [action.text() for action in menu.actions() if action.text()] == [
        "helpful-v1", "SmolLM2", "Remove this column",
    ]  # fmt: skip
    menu.actions()[-1].trigger()
    qtbot.waitUntil(lambda: len(pane.area.views) == 3)
    assert "stand on the same weights" in pane.sampling.note.text()


def test_sampling_can_be_of_one_column(pane, qtbot):
    qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    pane.sampling.scope.setCurrentIndex(2)
    pane.sampling.fields["temperature"].spin.setValue(1.4)
    assert [view.settings.text() for view in pane.area.views] == ["temp 0.8, top-p 0.95", "temp 1.4, top-p 0.95"]
    control_enter(pane, qtbot)
    answer_all(pane)
    assert [request["sampler"]["temperature"] for request in pane.context.session.requests] == [0.8, 1.4]


def test_seeds_differ_by_column_when_they_are_not_shared(pane, qtbot):
    qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(pane.sampling.same_seed, Qt.MouseButton.LeftButton)
    control_enter(pane, qtbot)
    answer_all(pane)
    assert [request["seed"] for request in pane.context.session.requests] == [17, 21]


def test_a_value_of_ones_own_turns_the_preset_off(pane, qtbot):
    pane.sampling.fields["temperature"].spin.setValue(0.35)
    assert pane.sampling.presets.value() == ""
    qtbot.mouseClick(pane.sampling.presets.button("varied"), Qt.MouseButton.LeftButton)
    assert pane.sampling.column_sampling(0) == Sampling(temperature=1.1, top_p=1.0)


def test_g_shows_and_hides_the_panel(pane, qtbot):
    assert pane.sampling_button.isChecked()
    key(pane, qtbot, "g")
    assert not pane.sampling.isVisible() and not pane.sampling_button.isChecked()
    qtbot.mouseClick(pane.sampling_button, Qt.MouseButton.LeftButton)
    assert pane.sampling.isVisible()


def test_choices_are_kept_for_next_time(pane, qtbot, store):
    qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    pane.sampling.samples.setValue(7)
    control_enter(pane, qtbot)
    kept = read_kept(store)
    assert [model_id for model_id, _ in kept.columns] == [view.model.id for view in pane.area.views]
    assert kept.samples == 7


def test_note_tells_unrelated_models_from_related_ones(store):
    place = store.models_folder / "other"
    place.mkdir()
    other = store.models.add(name="other", kind="base", source="local", location=str(place))
    base = store.models.find("SmolLM2")
    assert note_on_memory(store, [base]) == ""
    assert "as far as memory allows" in note_on_memory(store, [base, other])


def test_other_panes_choose_model_reward_and_prompt(pane, store):
    wanted = {
        "model_id": store.models.find("helpful-v1").id,
        "reward_id": store.models.find("reward-1").id,
        "prompt_id": ids(pane)[2],
    }
    pane.visit(wanted)
    assert pane.area.views[0].model.name == "helpful-v1"
    assert pane.sampling.reward_id() == wanted["reward_id"]
    assert pane.answers.prompt.id == wanted["prompt_id"]


def test_removed_model_leaves_its_column(pane, store):
    store.models.remove(store.models.find("SmolLM2").id)
    assert [view.model.name for view in pane.area.views] == ["helpful-v1"]


# --- sending


def test_enter_sends_the_ticked_and_takes_out_the_rest(pane, qtbot, store):
    pane.sampling.samples.setValue(3)
    control_enter(pane, qtbot)
    answer_all(pane)
    cards = list(pane.area.views[0].cards.values())
    qtbot.mouseClick(cards[1].send, Qt.MouseButton.LeftButton, pos=cards[1].send.rect().center())
    assert pane.dock.send.text() == "Send 2 to feedback"
    pane.first_focus().setFocus()
    with qtbot.waitSignal(pane.context.pane_wanted) as wanted:
        key(pane, qtbot, Qt.Key.Key_Return)
    assert wanted.args[0] == "feedback"
    queued = [response.queued for response in store.responses.of_prompt(ids(pane)[0])]
    assert queued == [True, False, True]


def test_answers_wait_outside_the_queue_when_asked_to(pane, qtbot, store):
    qtbot.mouseClick(pane.dock.queue_at_once, Qt.MouseButton.LeftButton)
    key(pane, qtbot, "b")
    answer_all(pane)
    assert store.value("SELECT SUM(queued) FROM responses") == 0
    assert pane.dock.send.text() == "Send 12 to feedback"
    pane.send_action.trigger()
    assert store.value("SELECT SUM(queued) FROM responses") == 12


def test_nothing_to_send_disables_the_button(pane):
    assert not pane.dock.send.isEnabled()
    assert pane.dock.send.text() == "Send to feedback"


def test_earlier_and_imported_answers_are_shown(pane, qtbot, store):
    prompt_id, base = ids(pane)[0], store.models.find("SmolLM2")
    store.responses.add(prompt_id, "From before.", model_id=base.id, response_tokens=3, seconds=1.0)
    store.responses.add(prompt_id, "From a file.")
    mine, others = pane.area.views[0], pane.area.others
    assert [card.text.plain() for card in mine.cards.values()] == ["From before."]
    assert [card.text.plain() for card in others.cards.values()] == ["From a file."]
    assert next(iter(others.cards.values())).meta.text() == "imported"


def test_copy_gives_the_exact_text(pane, qtbot):
    control_enter(pane, qtbot)
    answer(pane, pane.context.session.requests[0], 0, "Exactly\u202e this.")
    card = next(iter(pane.area.views[0].cards.values()))
    qtbot.mouseClick(card.copier, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "Exactly\u202e this."


# --- a single prompt


def test_single_prompt_is_typed_kept_and_answered(pane, qtbot, store):
    pane.modes.pick("single")
    assert pane.card.prompt_field.hasFocus()
    assert not pane.dock.generate.isEnabled()
    qtbot.keyClicks(pane.card.prompt_field, "Write a haiku about rain")
    pane.card.system_field.setText("You are a poet.")
    control_enter(pane, qtbot)
    request = pane.context.session.requests[0]
    assert [turn["role"] for turn in request["messages"]] == ["system", "user"]
    prompt = store.prompts.find(request["prompt_id"])
    assert (prompt.text, prompt.system, prompt.source) == ("Write a haiku about rain", "You are a poet.", "typed")
    answer_all(pane)
    assert len(pane.area.views[0].cards) == pane.sampling.samples.value()
    assert ids(pane) == [prompt.id]


def test_a_prompt_typed_after_an_older_one_was_picked_stays_in_its_field(pane, qtbot):
    pane.modes.pick("single")
    qtbot.keyClicks(pane.card.prompt_field, "First")
    control_enter(pane, qtbot)
    answer_all(pane)
    pane.prompts.list.choose(ids(pane)[0])
    qtbot.keyClicks(pane.card.prompt_field, " and second")
    control_enter(pane, qtbot)
    assert pane.card.prompt_field.toPlainText() == "First and second"
    assert pane.answers.prompt.text == "First and second"
    pane.context.store.prompts.add("From elsewhere", by="someone")
    assert pane.card.prompt_field.toPlainText() == "First and second"


def test_single_prompt_keeps_letters_and_escape_leaves_it(pane, qtbot):
    pane.modes.pick("single")
    qtbot.keyClicks(pane.card.prompt_field, "jkrbg/")
    assert pane.card.prompt_field.toPlainText() == "jkrbg/"
    assert not pane.context.session.requests
    key(pane, qtbot, Qt.Key.Key_Escape)
    assert not pane.card.prompt_field.hasFocus()


def test_draft_survives_a_restart(make, tmp_path, qtbot):
    pane = make(make_store(tmp_path / "project"))
    pane.modes.pick("single")
    qtbot.keyClicks(pane.card.prompt_field, "Half a thought")
    qtbot.waitUntil(lambda: pane.context.store.draft("generate/prompt") == "Half a thought")
    again = make(Store.open(tmp_path / "project"))
    assert again.card.fields()[1] == "Half a thought"


# --- for real


def test_four_answers_of_a_real_model_are_stored(make, tmp_path, qtbot):
    """The only test here that starts the session's process."""
    store = Store.open(tmp_path / "real")
    folder = tiny.llama(tmp_path / "tiny-llama")
    store.models.add(name="tiny", kind="base", source="local", location=str(folder), parameters=20_000)
    prompt, _ = store.prompts.add("Say hello")
    pane = make(store, recorded=False)
    pane.sampling.samples.setValue(4)
    pane.sampling.fields["max_new_tokens"].spin.setValue(8)
    failures, tokens = [], []
    pane.context.message.connect(lambda *told: failures.append(told))
    pane.writer.token.connect(lambda request, index, text: tokens.append(index))
    control_enter(pane, qtbot)
    assert pane.area.views[0].placeholder.words.text() == "Loading the model"
    qtbot.waitUntil(
        lambda: bool(failures) or (bool(pane.area.views[0].cards) and not pane.writer.busy), timeout=120_000
    )
    assert not failures
    stored = store.responses.of_prompt(prompt.id)
    assert [response.seed for response in sorted(stored, key=lambda response: response.seed or 0)] == [17, 18, 19, 20]
    assert len(pane.area.views[0].cards) == 4 and set(tokens) <= {0, 1, 2, 3}
    assert all(response.queued and response.response_tokens <= 8 for response in stored)


def shaded(pane, place=0):
    """(text, opacity) of the shades behind the first answer of a column."""
    card = next(iter(pane.area.views[place].cards.values()))
    return [
        (each.cursor.selectedText(), each.format.background().color().alphaF())
        for each in card.text.extraSelections()
    ]  # fmt: skip


def test_p_shades_words_by_their_chance(pane, qtbot, store):
    control_enter(pane, qtbot)
    text = "It is\u202e \U0001f600 here."
    answer(pane, pane.context.session.requests[0], 0, text)
    say(pane, Finished({"id": pane.context.session.requests[0]["id"]}))
    key(pane, qtbot, "p")
    asked = pane.context.session.requests[-1]
    assert (asked["do"], asked["text"], asked["model"]["name"]) == ("chances", text, "SmolLM2")
    tokens = [["It", 1.0, [["It", 1.0]]], [" is\u202e ", 0.5, [[" is", 0.5]]], ["\U0001f600 here.", 0.0, [["x", 0.9]]]]
    say(pane, Chances(asked["id"], tokens))
    words, opacity = zip(*shaded(pane), strict=True)
    assert words == ("It", " is\u27e8U+202E\u27e9 ", "\U0001f600 here.")
    assert opacity[0] == 0 < opacity[1] < opacity[2]
    assert pane.sampling.shade.isChecked()
    key(pane, qtbot, "p")
    assert shaded(pane) == [] and not pane.sampling.shade.isChecked()


def test_the_word_under_the_mouse_says_what_else_it_might_have_been(pane, qtbot):
    control_enter(pane, qtbot)
    answer(pane, pane.context.session.requests[0], 0, "Happy birthday")
    say(pane, Finished({"id": pane.context.session.requests[0]["id"]}))
    key(pane, qtbot, "p")
    asked = pane.context.session.requests[-1]
    say(
        pane,
        Chances(asked["id"], [["Happy", 0.21, [["I", 0.4], ["Hope", 0.12]]], [" birthday", 0.9, [[" birthday", 0.9]]]]),
    )
    text = next(iter(pane.area.views[0].cards.values())).text
    point = text.viewport().rect().topLeft() + QPoint(8, 10)
    event = QHelpEvent(QEvent.Type.ToolTip, point, text.viewport().mapToGlobal(point))
    QApplication.sendEvent(text.viewport(), event)
    (tip,) = text.findChildren(ChancesTip)
    words = [each.text() for each in tip.findChildren(QLabel)]
    assert words == ["Chances for this word", "I", "40%", "Hope", "12%", "Happy", "21%"]
    qtbot.mouseMove(text.viewport(), QPoint(20, 12))
    QApplication.sendEvent(text.viewport(), QEvent(QEvent.Type.Leave))
    assert not tip.isVisible()


def test_chances_that_are_of_another_text_shade_nothing(pane, qtbot):
    control_enter(pane, qtbot)
    answer(pane, pane.context.session.requests[0], 0, "Fine.")
    say(pane, Finished({"id": pane.context.session.requests[0]["id"]}))
    key(pane, qtbot, "p")
    asked = pane.context.session.requests[-1]
    with qtbot.waitSignal(pane.context.message) as told:
        say(pane, Chances(asked["id"], [], "The chat template refuses this conversation."))
    assert told.args[0] == "The chat template refuses this conversation." and shaded(pane) == []
    assert len(pane.context.session.requests) == 2  # it is not asked for again and again
