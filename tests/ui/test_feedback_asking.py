"""Having a model change an edit: a proposal that can be taken back, and a record of who did what."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from tests.jobs import worlds
from tests.ui.test_feedback_pane import FOUR, judged, open_pane, opened, press  # noqa: F401
from workbench.errors import WorkbenchError
from workbench.events import Rewritten
from workbench.store.browsing import entries
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file
from workbench.ui.data_entry import EntryPanel
from workbench.ui.feedback_asking import Step, Steps


class FakeModel:
    """Stands for the loaded model: keeps what it is asked, answers when the test says so."""

    def __init__(self, context, monkeypatch):
        self.context, self.requests, self.stops = context, [], 0
        self.context.session = SimpleNamespace(unload=lambda: None, wait=lambda *_: True)
        monkeypatch.setattr(context, "request_rewrite", self._ask)
        monkeypatch.setattr(context, "stop_writing", self._stop)
        context.session_changed.emit()

    def _ask(self, **request):
        self.requests.append(request)
        return f"r{len(self.requests)}"

    def _stop(self):
        self.stops += 1

    def write(self, text, ended="", number=None, hint=""):
        self.context.rewritten.emit(Rewritten(f"r{number or len(self.requests)}", text, ended, hint, "model-1"))


@pytest.fixture
def pane(opened, open_pane, qtbot):  # noqa: F811
    pane = open_pane(opened("project", *FOUR))
    press(qtbot, pane, "Alt 4")
    return pane


@pytest.fixture
def model(pane, monkeypatch):
    yield FakeModel(pane.context, monkeypatch)
    pane.context.session = None


def ask(qtbot, pane, instruction="shorter"):
    press(qtbot, pane, "Ctrl i")
    assert pane.view.ask.field.hasFocus()
    qtbot.keyClicks(pane.view.ask.field, instruction)
    press(qtbot, pane, "Enter")


def stored(pane):
    (feedback,) = judged(pane.context.store)
    return feedback.value


def test_a_proposal_is_put_into_the_editor_and_recorded(pane, model, qtbot):
    original = pane.view.text()
    ask(qtbot, pane)
    assert model.requests == [
        {"prompt_id": pane.flow.item.prompt.id, "text": original, "instruction": "shorter", "seed": 1}
    ]
    assert pane.view.text() == original
    model.write("one and", "")
    assert "2 words" in pane.view.ask.status.text()
    model.write("one and only", "finished")
    assert pane.view.text() == "one and only"
    assert pane.view.editor.hasFocus()
    assert pane.view.ask.state == "proposal"
    qtbot.waitUntil(lambda: "added" in [style for style, _ in pane.view.changes._runs])
    press(qtbot, pane, "Alt Enter")
    assert pane.view.ask.state == ""
    press(qtbot, pane, "Ctrl Enter")
    assert stored(pane) == {
        "of": 0, "text": "one and only", "pair": True, "demonstration": True,
        "assisted": [{"instruction": "shorter", "model_id": "model-1", "text": "one and only"}],
    }  # fmt: skip
    assert pane.context.store.responses.find(judged(pane.context.store)[0].response_ids[0]).text == original


def test_the_person_goes_on_editing_and_both_texts_are_kept(pane, model, qtbot):
    ask(qtbot, pane)
    model.write("one and only", "finished")
    qtbot.keyClicks(pane.view.editor, "!")
    press(qtbot, pane, "Ctrl Enter")
    assert stored(pane)["text"] == "one and only!"
    assert stored(pane)["assisted"][0]["text"] == "one and only"


@pytest.mark.parametrize("keys", ["Ctrl r", "Ctrl z"])
def test_a_proposal_that_was_taken_back_leaves_no_trace(pane, model, qtbot, keys):
    original = pane.view.text()
    qtbot.keyClicks(pane.view.editor, " mine")
    ask(qtbot, pane)
    model.write("one and only", "finished")
    press(qtbot, pane, keys)
    assert pane.view.text() == original + " mine"
    press(qtbot, pane, "Ctrl Enter")
    assert "assisted" not in stored(pane)


def test_restore_goes_back_one_proposal_and_then_to_the_original(pane, model, qtbot):
    original = pane.view.text()
    for text in ("one and only", "only one"):
        ask(qtbot, pane)
        model.write(text, "finished")
    assert [request["seed"] for request in model.requests] == [1, 2]
    press(qtbot, pane, "Ctrl r")
    assert pane.view.text() == "one and only"
    assert [step["text"] for step in pane.view.value()["assisted"]] == ["one and only"]
    press(qtbot, pane, "Ctrl r")
    assert pane.view.text() == original
    assert "assisted" not in pane.view.value()
    press(qtbot, pane, "Ctrl z")
    assert [step["text"] for step in pane.view.value()["assisted"]] == ["one and only"]


def test_a_text_that_was_changed_meanwhile_is_not_overwritten(pane, model, qtbot):
    ask(qtbot, pane)
    pane.view.focus_first()
    qtbot.keyClicks(pane.view.editor, " mine")
    mine = pane.view.text()
    model.write("one and only", "finished")
    assert pane.view.text() == mine
    assert pane.view.ask.state == "late"
    qtbot.mouseClick(pane.view.ask.accept, Qt.MouseButton.LeftButton)
    assert pane.view.text() == "one and only"
    press(qtbot, pane, "Ctrl r")
    assert pane.view.text() == mine


def test_escape_stops_the_model_and_the_text_stays(pane, model, qtbot):
    original = pane.view.text()
    ask(qtbot, pane)
    model.write("one", "")
    press(qtbot, pane, "Esc")
    assert model.stops == 1
    assert "Stopped" in pane.view.ask.status.text()
    model.write("one and only", "stopped")
    assert pane.view.text() == original
    ask(qtbot, pane, " please")
    assert model.requests[-1]["instruction"] == "shorter please"
    model.write("late", "finished", number=1)  # of the first request: nobody waits for it
    assert pane.view.text() == original
    pane.view.focus_first()
    press(qtbot, pane, "Esc")  # from the editor too
    assert model.stops == 2


def test_the_window_is_free_while_the_model_writes(pane, model, qtbot):
    ask(qtbot, pane)
    press(qtbot, pane, "Ctrl Enter")
    assert len(judged(pane.context.store)) == 1
    assert model.stops == 1
    text = pane.view.text()
    model.write("of the item before", "")  # it began late, and is stopped again
    assert model.stops == 2
    model.write("of the item before", "finished")
    assert pane.view.text() == text
    assert pane.view.ask.state == ""


def test_another_kind_of_feedback_stops_it(pane, model, qtbot):
    ask(qtbot, pane)
    press(qtbot, pane, "Alt 1")
    assert model.stops == 1
    model.write("one and only", "finished")
    press(qtbot, pane, "Alt 4")
    assert "only" not in pane.view.text()


@pytest.mark.parametrize(("text", "words"), [("", "wrote nothing"), ("SAME", "changed nothing")])
def test_what_changes_nothing_is_said(pane, model, qtbot, text, words):
    original = pane.view.text()
    ask(qtbot, pane)
    model.write(text.replace("SAME", original), "finished")
    assert words in pane.view.ask.status.text()
    assert pane.view.text() == original
    assert "assisted" not in pane.view.value()


def test_an_error_is_one_sentence_and_the_text_stays(pane, model, qtbot):
    original = pane.view.text()
    ask(qtbot, pane)
    model.write("The text is too long for this model.", "failed", hint="Shorten it.")
    assert pane.view.ask.status.text() == "The text is too long for this model. Shorten it."
    assert pane.view.text() == original
    ask(qtbot, pane)
    pane.context.session = None
    pane.context.session_changed.emit()
    assert "no longer loaded" in pane.view.ask.status.text()


def test_without_a_model_it_says_where_to_load_one(pane, qtbot):
    assert pane.view.ask.load.isVisible()
    ask(qtbot, pane)
    assert pane.view.ask.status.text() == "No model is loaded. Load one in Models."
    with qtbot.waitSignal(pane.context.pane_wanted, check_params_cb=lambda name, _: name == "models"):
        qtbot.mouseClick(pane.view.ask.load, Qt.MouseButton.LeftButton)


def test_a_busy_model_is_left_alone(pane, monkeypatch):
    session = SimpleNamespace(feeder=SimpleNamespace(writing=True))
    monkeypatch.setattr(pane.context, "session", session)
    with pytest.raises(WorkbenchError, match="writing answers"):
        pane.context.request_rewrite(prompt_id="p", text="t", instruction="i", seed=1)


def test_nothing_says_who_wrote_the_answer(pane, model, qtbot):
    ask(qtbot, pane)
    model.write("one and only", "finished")
    words = " ".join(each.text() for each in pane.view.findChildren(QLabel))
    assert "base" not in words
    assert "tuned" not in words


def test_a_draft_remembers_the_model_too(opened, open_pane, pane, model, qtbot):  # noqa: F811
    ask(qtbot, pane)
    model.write("one and only", "finished")
    qtbot.waitUntil(lambda: "one and only" in (opened("project").value("SELECT text FROM drafts") or ""), timeout=1_000)
    again = open_pane(opened("project"))
    press(qtbot, again, "Alt 4", "Ctrl Enter")
    assert stored(again)["assisted"] == [{"instruction": "shorter", "model_id": "model-1", "text": "one and only"}]


def test_undo_and_submit_again_keep_the_record(pane, model, qtbot):
    ask(qtbot, pane)
    model.write("one and only", "finished")
    press(qtbot, pane, "Ctrl Enter", "Esc", "z")
    assert judged(pane.context.store) == []
    press(qtbot, pane, "Ctrl Enter")
    assert stored(pane)["assisted"][0]["instruction"] == "shorter"


def test_the_data_pane_says_which_model_helped_and_how(opened, shown):  # noqa: F811
    store = opened("data", "one", prompts=1)
    response = store.responses.of_prompt(store.prompts.list()[0].id)[0]
    tuned = store.models.find("tuned")
    step = {"instruction": "shorter", "model_id": tuned.id, "text": "a"}
    value = {"of": 0, "text": "ab", "assisted": [step, step | {"instruction": "kinder", "model_id": "gone"}]}
    store.feedback.add("edit", response.prompt_id, [response.id], value, annotator="me")
    panel = shown(EntryPanel(store))
    panel.show_entry(entries(store)[0])
    words = [each.text() for each in panel.findChildren(QLabel)]
    assert "tuned: “shorter”\nimported: “kinder”" in words


# --- what is left of a model's work


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("amur"), max_size=12))
def test_steps_agree_with_a_history_of_texts(program):
    """Asking, typing, undo and redo against a list of (text, steps) states: steps follow the text."""
    steps, history, at = Steps(), [("", [])], 0
    for number, what in enumerate(program):
        text, known = history[at]
        if what == "u":
            at = max(at - 1, 0)
        elif what == "r":
            at = min(at + 1, len(history) - 1)
        else:
            new = f"{text}{what}{number} "
            if what == "a":
                step = Step("shorter", "m", new, text)
                steps.add(step)
                known = [*known, step.value()]
            history, at = [*history[: at + 1], (new, known)], at + 1
        steps.see(history[at][0])
        assert steps.values() == history[at][1]


# --- with a real model


def test_a_tiny_model_rewrites_in_a_child_process(tmp_path, llama_folder, opened, open_pane, qtbot):  # noqa: F811
    worlds.project(tmp_path / "tiny", llama_folder, prompts=2).close()
    store = opened("tiny")
    pane = open_pane(store)
    press(qtbot, pane, "Alt 4")
    before = store.value("SELECT COUNT(*) FROM responses")
    pane.context.load_model("tiny")
    qtbot.waitUntil(lambda: not pane.context.session_loading, timeout=60_000)
    ask(qtbot, pane, "say hello")
    qtbot.waitUntil(lambda: pane.view.ask.state != "writing", timeout=60_000)
    assert pane.view.ask.state == "proposal"
    press(qtbot, pane, "Ctrl Enter")
    (edit,) = store.feedback.list(kinds=["edit"])
    (step,) = edit.value["assisted"]
    assert step["model_id"] == store.models.find("tiny").id
    assert step["instruction"] == "say hello"
    assert step["text"]
    assert store.value("SELECT COUNT(*) FROM responses") == before  # it is no answer of its own
    pane.context.close()


def test_an_exported_edit_keeps_what_the_model_did(opened, tmp_path):  # noqa: F811
    store, other = opened("here", "one", prompts=1), opened("there")
    response = store.responses.of_prompt(store.prompts.list()[0].id)[0]
    step = {"instruction": "shorter", "model_id": "m", "text": "a"}
    value = {"of": 0, "text": "ab", "assisted": [step]}
    store.feedback.add("edit", response.prompt_id, [response.id], value)
    export_store(store, tmp_path / "all.jsonl")
    import_file(other, tmp_path / "all.jsonl")
    assert other.feedback.list()[0].value["assisted"] == [step]
