"""Conversations in Generate: each turn is a prompt with answers, and the next goes on from the chosen one."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from tests.ui.test_generate_pane import answer, answer_all, control_enter, ids, key, make, make_store, say  # noqa: F401
from workbench.events import Finished
from workbench.store import Store
from workbench.ui.generate_prompts import Filter


@pytest.fixture
def chat(make, tmp_path):  # noqa: F811
    """The pane in Chat, over a project that a test may open again."""
    pane = make(make_store(tmp_path / "project"))
    pane.sampling.samples.setValue(2)
    pane.modes.pick("chat")
    return pane


def says(pane, qtbot, text):
    """Type into the conversation and press Enter; the request that the session is given."""
    before = len(pane.context.session.requests)
    qtbot.keyClicks(pane.chat.field, text)
    qtbot.keyClick(pane.chat.field, Qt.Key.Key_Return)
    assert len(pane.context.session.requests) == before + 1
    return pane.context.session.requests[-1]


def hears(pane, *texts):
    """The session answers what it was asked last."""
    request = pane.context.session.requests[-1]
    for index, text in enumerate(texts):
        answer(pane, request, index, text)
    say(pane, Finished({"id": request["id"]}))


def said(request):
    return [(turn["role"], turn["content"]) for turn in request["messages"]]


def cards(pane):
    return list(pane.area.views[0].cards.values())


def test_enter_says_what_is_typed_and_the_first_answer_is_gone_on_from(chat, qtbot):
    assert chat.chat.field.hasFocus()
    assert not chat.dock.generate.isEnabled()
    chat.chat.system_field.setText("You sell pots.")
    assert said(says(chat, qtbot, "Do you ship?")) == [("system", "You sell pots."), ("user", "Do you ship?")]
    assert chat.chat.field.toPlainText() == ""
    hears(chat, "We do.", "No.")
    assert [card.go_on.isChecked() for card in cards(chat)] == [True, False]
    request = says(chat, qtbot, "To Norway?")
    assert said(request)[1:] == [("user", "Do you ship?"), ("assistant", "We do."), ("user", "To Norway?")]
    assert "Model: We do." in chat.chat.transcript.plain()
    assert chat.chat.transcript.plain().endswith("User: To Norway?")


def test_another_answer_is_chosen_by_click_and_by_key(chat, qtbot):
    says(chat, qtbot, "Hello")
    hears(chat, "One.", "Two.")
    qtbot.mouseClick(cards(chat)[1].go_on, Qt.MouseButton.LeftButton)
    assert [card.go_on.isChecked() for card in cards(chat)] == [False, True]
    qtbot.mouseClick(cards(chat)[1].go_on, Qt.MouseButton.LeftButton)
    assert cards(chat)[1].go_on.isChecked()
    chat.prompts.list.setFocus()
    key(chat, qtbot, Qt.Key.Key_N)
    assert [card.go_on.isChecked() for card in cards(chat)] == [True, False]
    key(chat, qtbot, Qt.Key.Key_N)
    chat.chat.field.setFocus()
    assert ("assistant", "Two.") in said(says(chat, qtbot, "And then?"))


def test_each_turn_is_a_prompt_whose_answers_are_judged(chat, qtbot):
    store = chat.context.store
    first = says(chat, qtbot, "Hello")["prompt_id"]
    hears(chat, "Hi.", "Good day.")
    second = says(chat, qtbot, "Bye")["prompt_id"]
    hears(chat, "See you.", "Bye.")
    assert ids(chat) == [first, second]
    prompt = store.prompts.find(second)
    assert prompt.source == "chat"
    assert [turn["role"] for turn in prompt.turns] == ["user", "assistant", "user"]
    assert [each.text for each in store.responses.of_prompt(second)] == ["See you.", "Bye."]
    assert len(chat.answers.to_send()) == 2


def test_shift_enter_begins_a_line_and_what_was_not_answered_is_said_differently(chat, qtbot):
    qtbot.keyClicks(chat.chat.field, "One")
    qtbot.keyClick(chat.chat.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    request = says(chat, qtbot, "two")
    assert said(request) == [("user", "One\ntwo")]
    say(chat, Finished({"id": request["id"]}))
    assert said(says(chat, qtbot, "Three")) == [("user", "Three")]


def test_nothing_is_lost_when_enter_is_pressed_while_a_model_writes(chat, qtbot):
    says(chat, qtbot, "Hello")
    qtbot.keyClicks(chat.chat.field, "Too early")
    qtbot.keyClick(chat.chat.field, Qt.Key.Key_Return)
    assert chat.chat.field.toPlainText() == "Too early"
    assert len(chat.context.session.requests) == 1


def test_again_answers_the_same_turn_and_keeps_what_is_typed(chat, qtbot):
    first = says(chat, qtbot, "Hello")
    hears(chat, "Hi.", "Hm.")
    qtbot.keyClicks(chat.chat.field, "Next")
    chat.prompts.list.setFocus()
    key(chat, qtbot, Qt.Key.Key_R)
    again = chat.context.session.requests[-1]
    assert (again["prompt_id"], again["messages"]) == (first["prompt_id"], first["messages"])
    assert again["seed"] != first["seed"]
    assert chat.chat.field.toPlainText() == "Next"


def test_a_turn_of_before_can_be_gone_on_from_and_a_new_conversation_begins(chat, qtbot):
    first = says(chat, qtbot, "Hello")["prompt_id"]
    hears(chat, "Hi.", "Hm.")
    says(chat, qtbot, "Bye")
    hears(chat, "See you.", "So long.")
    chat.prompts.list.choose(first)
    assert [card.text.plain() for card in cards(chat)] == ["Hi.", "Hm."]
    assert said(says(chat, qtbot, "Well?")) == [("user", "Hello"), ("assistant", "Hi."), ("user", "Well?")]
    hears(chat, "Well.", "Oh.")
    assert said(says(chat, qtbot, "And?"))[2:] == [("user", "Well?"), ("assistant", "Well."), ("user", "And?")]
    hears(chat, "So.", "No.")
    chat.prompts.list.setFocus()
    key(chat, qtbot, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert not cards(chat)
    assert chat.chat.field.hasFocus()
    assert said(says(chat, qtbot, "Fresh")) == [("user", "Fresh")]


def test_a_conversation_begins_from_any_mode(chat, qtbot):
    says(chat, qtbot, "Hello")
    hears(chat, "Hi.", "Hm.")
    chat.modes.pick("set")
    key(chat, qtbot, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert chat.modes.value() == "chat"
    assert not cards(chat)
    assert chat.chat.field.hasFocus()


def test_what_others_bring_in_changes_no_conversation(chat, qtbot):
    says(chat, qtbot, "Hello")
    hears(chat, "Hi.", "Hm.")
    chat.prompts.list.choose(ids(chat)[0])
    chat.start_anew()
    qtbot.keyClicks(chat.chat.field, "Fre")
    chat.context.store.prompts.add("From elsewhere", by="someone")
    assert not cards(chat)
    assert said(says(chat, qtbot, "sh")) == [("user", "Fresh")]


def test_conversation_and_draft_survive_a_restart(chat, make, tmp_path, qtbot):  # noqa: F811
    first = says(chat, qtbot, "Hello")["prompt_id"]
    hears(chat, "Hi.", "Hm.")
    qtbot.keyClicks(chat.chat.field, "Half a")
    qtbot.waitUntil(lambda: "Half a" in chat.context.store.draft("generate/chat"))
    again = make(Store.open(tmp_path / "project"))
    again.modes.pick("chat")
    assert again.answers.prompt.id == first
    assert said(says(again, qtbot, " thought"))[-2:] == [("assistant", "Hi."), ("user", "Half a thought")]


def test_the_modes_keep_to_their_own(chat, qtbot):
    says(chat, qtbot, "Hello")
    hears(chat, "Hi.", "Hm.")
    chat.modes.pick("single")
    assert ids(chat) == []
    assert not chat.answers.responses()
    chat.modes.pick("set")
    assert all(card.go_on.isHidden() for card in cards(chat))
    chat.prompts.set_filter(Filter("chat"))
    assert len(ids(chat)) == 1
    assert all(card.go_on.isHidden() for card in cards(chat))
    chat.modes.pick("chat")
    assert [card.go_on.isChecked() for card in cards(chat)] == [True, False]


def test_another_answer_is_written_in_one_column(make, store, qtbot):  # noqa: F811
    pane = make(store)
    control_enter(pane, qtbot)
    answer_all(pane)
    first = pane.context.session.requests[0]
    qtbot.mouseClick(next(iter(pane.area.views[0].cards.values())).again, Qt.MouseButton.LeftButton)
    again = pane.context.session.requests[-1]
    assert (again["prompt_id"], again["samples"]) == (first["prompt_id"], 1)
    assert again["seed"] != first["seed"]


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "plain")
