"""Changing the guidelines in Feedback: versions, drafts that survive, and letters that type and do not judge."""

import pytest
from PySide6.QtCore import Qt

from tests.ui.test_feedback_pane import FOUR, judged, open_pane, opened, press, shown_words  # noqa: F401
from workbench.errors import WorkbenchError


@pytest.fixture
def store(opened):  # noqa: F811
    return opened("project", *FOUR)


@pytest.fixture
def pane(store, open_pane):  # noqa: F811
    return open_pane(store)


@pytest.fixture
def page(pane, qtbot):
    """The page, opened by its key."""
    press(qtbot, pane, "e")
    assert pane.desk.is_open
    assert pane.desk.page.editor.hasFocus()
    return pane.desk.page


def write(qtbot, page, text):
    page.editor.selectAll()
    qtbot.keyClicks(page.editor, text)


def test_the_first_save_makes_version_one_of_the_sample(pane, page, store, qtbot):
    assert "Fixes the problem" in page.editor.text()
    assert "version 1" in page.save_button.text()
    press(qtbot, pane, "Ctrl Enter")
    (version,) = store.guidelines.list()
    assert (version.text, version.annotator) == (page.editor.text().strip(), "me")
    assert not pane.desk.is_open
    assert pane.guide.version.text() == "v1"


def test_a_saved_text_is_a_new_version_and_judgements_go_by_it(pane, page, store, qtbot):
    write(qtbot, page, "Be kind.")
    press(qtbot, pane, "Ctrl Enter")
    assert "Be kind." in shown_words(pane.guide)
    press(qtbot, pane, "5", "4", "3", "2", "Enter", "e")
    write(qtbot, page, "Be brief.")
    qtbot.waitUntil(page.save_button.isEnabled)
    qtbot.mouseClick(page.save_button, Qt.MouseButton.LeftButton)
    press(qtbot, pane, "5", "4", "3", "2", "Enter")
    versions = store.guidelines.list()
    assert [version.text for version in versions] == ["Be kind.", "Be brief."]
    assert [feedback.guideline_id for feedback in judged(store)] == [version.id for version in versions]


def test_letters_type_and_do_not_judge(pane, page, store, qtbot):
    item, blind = pane.flow.item, pane.blind
    write(qtbot, page, "asfznhxm 12345 v")
    assert page.editor.text() == "asfznhxm 12345 v"
    page.closer.setFocus()
    press(qtbot, pane, *"sfznhxm12345gv", "Ctrl z", "Alt 2")
    assert store.value("SELECT COUNT(*) FROM feedback") == 0
    assert (pane.flow.item, pane.flow.kind, pane.blind) == (item, "rating", blind)
    assert pane.desk.is_open


def test_the_keys_judge_again_after_escape(pane, page, store, qtbot):
    press(qtbot, pane, "Esc")
    assert not pane.desk.is_open
    press(qtbot, pane, "5", "4", "3", "2", "Enter")
    assert len(judged(store)) == 1
    press(qtbot, pane, "z")
    assert judged(store) == []
    assert store.guidelines.list() == []


def test_the_same_text_cannot_be_saved_again(pane, store, qtbot):
    store.guidelines.add("Be kind.")
    press(qtbot, pane, "e")
    assert not pane.desk.page.save_button.isEnabled()
    press(qtbot, pane, "Ctrl Enter")
    assert pane.desk.is_open
    qtbot.keyClicks(pane.desk.page.editor, "  ")
    qtbot.waitUntil(lambda: not pane.desk.page._showing.isActive())
    assert not pane.desk.page.save_button.isEnabled()
    write(qtbot, pane.desk.page, " ")
    qtbot.waitUntil(lambda: "Write what" in pane.desk.page.note.text())
    assert len(store.guidelines.list()) == 1


# --- drafts


def test_a_draft_is_on_disk_within_a_second_and_comes_back(opened, open_pane, pane, page, qtbot):  # noqa: F811
    write(qtbot, page, "Half a thou")
    qtbot.waitUntil(lambda: "Half a thou" in opened("project").draft("guidelines me"), timeout=1_000)
    again = open_pane(opened("project"))  # as after a crash: nothing was closed
    assert again.guide.version.text().endswith("draft")
    press(qtbot, again, "e")
    assert again.desk.page.editor.text() == "Half a thou"
    assert opened("project").guidelines.list() == []
    press(qtbot, again, "Ctrl Enter")
    assert opened("project").draft("guidelines me") == ""
    assert [version.text for version in opened("project").guidelines.list()] == ["Half a thou"]


def test_escape_keeps_the_draft_and_discard_forgets_it(pane, page, store, qtbot):
    write(qtbot, page, "Something else")
    press(qtbot, pane, "Esc")
    assert pane.guide.version.text() == "sample, draft"
    press(qtbot, pane, "e")
    assert page.editor.text() == "Something else"
    qtbot.mouseClick(page.discard, Qt.MouseButton.LeftButton)
    assert "Fixes the problem" in page.editor.text()
    assert store.draft("guidelines me") == ""
    press(qtbot, pane, "Esc")
    assert pane.guide.version.text() == "sample"


def test_a_version_saved_meanwhile_is_told(pane, store, qtbot):
    store.guidelines.add("One", "me")
    press(qtbot, pane, "e")
    write(qtbot, pane.desk.page, "Mine")
    press(qtbot, pane, "Esc")
    store.guidelines.add("Two", "Noor")
    press(qtbot, pane, "e")
    page = pane.desk.page
    assert page.editor.text() == "Mine"
    assert "Version 2 was saved by Noor since you began" in page.note.text()
    press(qtbot, pane, "Ctrl Enter")
    assert [version.text for version in store.guidelines.list()] == ["One", "Two", "Mine"]


def test_a_full_disk_keeps_the_text_and_says_so(pane, page, store, qtbot, monkeypatch):
    def refuse(*args, **fields):
        raise WorkbenchError("The disk is full.", "Free some space.")

    monkeypatch.setattr(store.guidelines, "add", refuse)
    write(qtbot, page, "Be kind.")
    with qtbot.waitSignal(pane.context.message) as heard:
        press(qtbot, pane, "Ctrl Enter")
    assert heard.args[0] == "The disk is full."
    assert pane.desk.is_open
    assert page.editor.text() == "Be kind."


# --- preview, changes, versions


def test_the_preview_follows_what_is_typed(pane, page, qtbot):
    write(qtbot, page, "1. **Be kind.** Always.")
    qtbot.waitUntil(lambda: "Be kind" in shown_words(page.preview))
    qtbot.keyClicks(page.editor, " Be brief.")
    page.sides.pick("changes")  # also when the timer has not run yet
    assert page.save_button.isEnabled()
    assert "added" in [style for style, _ in page.changes._runs]
    assert "removed" in [style for style, _ in page.changes._runs]


@pytest.fixture
def three(store):
    """Three versions; two judgements under the first, one under the second, one of them taken back, one before."""
    prompt = store.prompts.list()[0]
    ids = [response.id for response in store.responses.of_prompt(prompt.id)]

    def judge(version):
        fields = {"annotator": "me", "guideline_id": version and version.id}
        return store.feedback.add("rating", prompt.id, ids, {"ratings": [1, 2, 3, 4]}, **fields)

    judge(None)
    first = store.guidelines.add("Be kind to people.", "me")
    judge(first), judge(first)
    store.feedback.add("skip", prompt.id, ids, {"kind": "rating"}, annotator="me", guideline_id=first.id)
    second = store.guidelines.add("Be kind and brief.", "Noor")
    judge(second)
    store.feedback.retract([judge(second).id])
    store.guidelines.add("Be brief.", "me")
    return store


def test_history_says_who_when_and_how_much_was_judged(three, open_pane, qtbot):  # noqa: F811
    pane = open_pane(three)
    press(qtbot, pane, "e")
    page = pane.desk.page
    page.sides.pick("history")
    words = [shown_words(card) for card in page.versions.cards]
    assert [each[0] for each in words] == ["Version 1", "Version 2", "Version 3"]
    assert ["2 judgements" in words[0], "1 judgement" in words[1], "0 judgements" in words[2]] == [True] * 3
    assert any("Noor" in word for word in words[1])
    assert "1 judgement" in page.versions.before.text()
    assert page.versions.before.isVisible()


def test_two_versions_are_compared_word_by_word(three, open_pane, qtbot):  # noqa: F811
    pane = open_pane(three)
    press(qtbot, pane, "e")
    page = pane.desk.page
    page.sides.pick("history")
    qtbot.mouseClick(page.versions.cards[1], Qt.MouseButton.LeftButton)
    assert page.versions.changes._runs == [
        ("plain", "Be kind "), ("removed", "to people"), ("added", "and brief"), ("plain", "."),
    ]  # fmt: skip
    assert page.versions.figures.text() == "+2 −2"
    page.versions.against.pick("now")
    assert page.versions.changes._runs == [("plain", "Be "), ("removed", "kind and "), ("plain", "brief.")]


def test_using_an_old_version_again_makes_a_new_one(three, open_pane, qtbot):  # noqa: F811
    pane = open_pane(three)
    press(qtbot, pane, "e")
    page = pane.desk.page
    page.sides.pick("history")
    assert not page.versions.again.isEnabled()  # it is the current one
    qtbot.mouseClick(page.versions.cards[0], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.versions.again, Qt.MouseButton.LeftButton)
    versions = three.guidelines.list()
    assert [version.text for version in versions][2:] == ["Be brief.", "Be kind to people."]
    assert versions[3].id != versions[0].id
    assert page.editor.text() == "Be kind to people."
    assert three.draft("guidelines me") == ""
    assert len(page.versions.cards) == 4
    assert pane.guide.version.text() == "v4"


def test_other_panes_get_what_they_ask_for_while_the_page_is_open(pane, page, qtbot):
    pane.visit("ranking")
    assert not pane.desk.is_open
    assert pane.flow.kind == "ranking"


def test_answers_that_arrive_do_not_take_the_focus(opened, open_pane, qtbot):  # noqa: F811
    store = opened("empty", prompts=0)
    prompt, _ = store.prompts.add("Hi")
    pane = open_pane(store)
    pane.first_focus().setFocus()
    press(qtbot, pane, "e")
    store.responses.add(prompt.id, "Hello")
    qtbot.waitUntil(lambda: pane.flow.item is not None)
    assert pane.desk.is_open
    assert pane.desk.page.editor.hasFocus()


def test_a_narrow_window_goes_back_to_the_answers(store, open_pane, qtbot):  # noqa: F811
    pane = open_pane(store, width=1280)
    press(qtbot, pane, "g")
    press(qtbot, pane, "e")
    assert not pane.guide.isVisible()
    press(qtbot, pane, "Esc")
    assert not pane.guide.isVisible()
    press(qtbot, pane, "5")
    assert pane._rate.value()["ratings"][0] == 5
