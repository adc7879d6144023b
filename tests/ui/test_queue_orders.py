"""What comes next in Feedback: every order by keys on a real pane, prompt sets, and a long queue without a stall."""

from __future__ import annotations

import threading
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel

from tests.ui.test_feedback_pane import judged, open_pane, opened, press  # noqa: F401
from workbench.jobs import ordering
from workbench.store.queueing import ENOUGH
from workbench.store.repeating import AFTER
from workbench.ui import feedback_sources
from workbench.ui.feedback_orders import WHY

LONG = 20_000


@pytest.fixture
def store(opened):  # noqa: F811
    """Five prompts with two answers each; q1 and q3 are the prompt set "mail"."""
    made = opened("queue")
    for number in range(5):
        prompt, _ = made.prompts.add(f"q{number}", tags=["mail"] if number % 2 else ["shop"])
        for place in range(2):
            made.responses.add(prompt.id, f"answer {place} to {number}")
    return made


@pytest.fixture
def pane(store, open_pane, qtbot):  # noqa: F811
    made = open_pane(store)
    looked(qtbot, made)
    return made


def looked(qtbot, pane):
    """Wait until the queue was looked through."""
    flow = pane.flow
    asked = flow._queue.asked(flow.kind, flow.order)
    qtbot.waitUntil(lambda: flow.ahead.of(asked) is not None and not flow.ahead.looking, timeout=LONG)


def choose(qtbot, box, value):
    """Choose as a person would, and wait until the queue was looked through."""
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def item_of(box, order):
    model = box.model()
    assert isinstance(model, QStandardItemModel)
    return model.item(box.findData(order))


def rate(store, text, stars, who):
    prompt = next(prompt for prompt in store.prompts.list() if prompt.text == text)
    ids = [response.id for response in store.responses.of_prompt(prompt.id)]
    return store.feedback.add("rating", prompt.id, ids, {"ratings": list(stars)}, annotator=who)


def questions(qtbot, pane, count):
    """The prompts that come, one after the other, each rated by keys."""
    found = []
    for _ in range(count):
        found.append(pane.flow.item.prompt.text)
        press(qtbot, pane, "4", "3", "Enter")
        looked(qtbot, pane)
    return found


def test_every_order_says_in_one_line_what_it_is_for(pane, qtbot):
    box = pane.bar.order
    lines = [box.itemData(place, WHY) for place in range(box.count())]
    assert len(lines) == len(set(lines)) == 7
    assert all(lines)
    assert not any("\n" in line for line in lines)
    assert pane.guide.head.text().startswith("Newest: The latest answers first.")
    choose(qtbot, box, "oldest")
    assert box.toolTip() == "What has waited longest first."
    assert pane.guide.head.text().startswith("Oldest: What has waited longest first.")


def test_an_order_that_cannot_work_is_grey_and_says_why_until_it_can(pane, store, qtbot):
    box = pane.bar.order
    assert {order for order in ("uncertain", "disagreement", "again") if item_of(box, order).isEnabled()} == set()
    assert "two people who judged the same" in item_of(box, "disagreement").toolTip()
    assert f"after {AFTER} others" in item_of(box, "again").toolTip()
    rate(store, "q2", (5, 1), "Noor")
    rate(store, "q2", (1, 5), "Ada")
    qtbot.waitUntil(lambda: item_of(box, "disagreement").isEnabled(), timeout=LONG)
    assert item_of(box, "disagreement").toolTip() == "What people, or a person and the reward model, judge differently."


def test_what_people_dispute_comes_next(pane, store, qtbot):
    for text, other in (("q0", (2, 5)), ("q1", (1, 5)), ("q2", (5, 1))):
        rate(store, text, (5, 1), "Noor")
        rate(store, text, other, "Ada")
    shown = pane.flow.item
    choose(qtbot, pane.bar.order, "disagreement")
    looked(qtbot, pane)
    assert pane.flow.item == shown  # nothing changes under the hands
    assert questions(qtbot, pane, 4) == ["q4", "q1", "q0", "q3"]  # then the newest
    assert pane.flow.item.prompt.text == "q2"


def test_a_prompt_set_is_a_slice_of_the_queue_with_an_end_of_its_own(pane, store, qtbot):
    sets = pane.bar.sets
    assert sets.isVisible()
    assert [sets.itemText(place) for place in range(sets.count())] == ["All prompts", "shop  3", "mail  2"]
    choose(qtbot, sets, "mail")
    looked(qtbot, pane)
    qtbot.waitUntil(lambda: pane.bar.left.text() == "2 left")
    assert questions(qtbot, pane, 3) == ["q4", "q3", "q1"]
    assert pane.empty.sentence.text() == "Nothing is left in the prompt set mail."
    qtbot.mouseClick(pane.empty.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.flow.item is not None)
    assert pane.flow.item.prompt.text == "q2"
    assert sets.currentText() == "All prompts"


def test_a_project_without_tags_offers_no_prompt_sets(opened, open_pane, qtbot):  # noqa: F811
    store = opened("plain")
    store.responses.add(store.prompts.add("no tag")[0].id, "answer")
    pane = open_pane(store)
    looked(qtbot, pane)
    assert not pane.bar.sets.isVisible()


def test_again_for_consistency_asks_blind_for_what_lies_back(opened, open_pane, qtbot):  # noqa: F811
    store = opened("again", "one", prompts=AFTER + 3)
    given = []
    for prompt in store.prompts.list()[:-1]:
        ids = [response.id for response in store.responses.of_prompt(prompt.id)]
        given.append(store.feedback.add("rating", prompt.id, ids, {"ratings": [2]}, annotator="me").id)
    pane = open_pane(store)
    looked(qtbot, pane)
    choose(qtbot, pane.bar.order, "again")
    looked(qtbot, pane)
    press(qtbot, pane, "4", "Enter")
    looked(qtbot, pane)
    assert pane.flow.item.repeat_of in given[:3]
    assert pane._rate.value() == {"ratings": [None]}
    for _ in range(3):
        if pane.flow.item is not None:
            press(qtbot, pane, "5", "Enter")
            looked(qtbot, pane)
    assert pane.flow.item is None
    assert "asked again" in pane.empty.sentence.text()
    repeats = [row.repeat_of for row in judged(store) if row.repeat_of]
    assert len(repeats) == len(set(repeats)) > 0


def test_what_enough_people_have_judged_does_not_come(opened, open_pane, qtbot):  # noqa: F811
    store = opened("enough", "one", "two", prompts=3)
    for who in ("Noor", "Ada"):
        rate(store, "Question 2", (3, 3), who)
    rate(store, "Question 1", (3, 3), "Noor")
    store.set_setting(ENOUGH, 2)
    pane = open_pane(store)
    assert questions(qtbot, pane, 2) == ["Question 1", "Question 0"]
    assert pane.flow.item is None


# --- a long queue


def test_looking_ahead_never_runs_on_the_windows_thread(store, open_pane, qtbot, monkeypatch):  # noqa: F811
    threads = []
    real = ordering.upcoming
    monkeypatch.setattr(
        "workbench.ui.feedback_ahead.upcoming", lambda *given: threads.append(threading.get_ident()) or real(*given)
    )
    pane = open_pane(store)
    looked(qtbot, pane)
    questions(qtbot, pane, 2)
    qtbot.waitUntil(lambda: len(threads) >= 2)  # once more when the keys rest
    assert threading.get_ident() not in threads


def test_a_long_queue_is_walked_beside_the_window_and_says_so_meanwhile(store, open_pane, qtbot, monkeypatch):  # noqa: F811
    """A person has done the newest three; a short look sees only two."""
    monkeypatch.setattr(feedback_sources, "WITHIN", 2)
    monkeypatch.setattr(feedback_sources, "FEW_PROMPTS", 2)
    real = ordering.upcoming
    monkeypatch.setattr("workbench.ui.feedback_ahead.upcoming", lambda *given: time.sleep(0.3) or real(*given))
    for text in ("q4", "q3", "q2"):
        rate(store, text, (3, 3), "me")
    pane = open_pane(store)
    assert pane.flow.item is None
    assert pane.empty.sentence.text() == "Looking for the next item…"
    assert not pane.empty.action.isVisible()
    qtbot.waitUntil(lambda: pane.flow.item is not None, timeout=LONG)
    assert pane.flow.item.prompt.text == "q1"
    qtbot.waitUntil(lambda: pane.bar.left.text() == "2 left")
    press(qtbot, pane, "4", "3", "Enter")
    assert pane.flow.item.prompt.text == "q0"  # known ahead: no key waits
    qtbot.waitUntil(lambda: pane.bar.left.text() == "1 left")
    press(qtbot, pane, "4", "3", "Enter")
    assert pane.flow.item is None
    looked(qtbot, pane)
    assert pane.empty.sentence.text().startswith("Queue finished: 2 judged")
    qtbot.waitUntil(lambda: pane.bar.left.text() == "0 left")


def test_a_new_answer_comes_first_although_the_queue_is_long(store, open_pane, qtbot, monkeypatch):  # noqa: F811
    monkeypatch.setattr(feedback_sources, "WITHIN", 2)
    pane = open_pane(store)
    looked(qtbot, pane)
    oldest = store.prompts.list()[0]
    store.responses.add(oldest.id, "a late answer")
    qtbot.waitUntil(lambda: pane.flow._ahead is not None)
    press(qtbot, pane, "4", "3", "Enter")
    assert pane.flow.item.prompt.text == oldest.text


def test_the_session_bar_fits_into_the_smallest_window(pane, qtbot):
    choose(qtbot, pane.bar.order, "disagreement")
    press(qtbot, pane, "4", "3", "Enter")
    pane.set_window_width(1024)
    qtbot.waitUntil(lambda: pane.bar.pace.text() != "")
    assert pane.bar.minimumSizeHint().width() <= 1024 - 72
