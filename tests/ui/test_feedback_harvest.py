"""What the judgements become, counted beside the window while a person goes on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.store import Store
from workbench.store.queueing import item_of
from workbench.ui.feedback_sources import Harvest, harvested


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store.open(tmp_path_factory.mktemp("harvest") / "project")
    prompt, _ = made.prompts.add("Question")
    for text in ("one", "two", "three"):
        made.responses.add(prompt.id, text)
    yield made
    made.close()


def say(store, stars):
    prompt = store.prompts.list()[0]
    ids = [answer.id for answer in store.responses.of_prompt(prompt.id)]
    return store.feedback.add("rating", prompt.id, ids, {"ratings": [stars, 3, 1]}, annotator="you")


STEPS = st.lists(st.sampled_from(["say", "undo", "redo", "begin", "count", "take"]), max_size=25)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_whatever_comes_or_goes_while_it_is_counted_is_counted_once(store, steps):
    store.feedback.retract([item.id for item in store.feedback.list()])
    say(store, 5)
    harvest = Harvest(store)
    harvest.read()
    begun, found = False, None
    for number, step in enumerate(steps):
        if step == "say":
            feedback = say(store, 1 + number % 5)
            harvest.add(item_of(store, feedback), feedback)
        elif step in ("undo", "redo"):
            feedback = getattr(store.feedback, step)("you")
            if feedback is not None:
                harvest.add(item_of(store, feedback), feedback, -1 if step == "undo" else 1)
        elif step == "begin":
            harvest.begin()
            begun, found = True, None
        elif step == "count" and begun:
            found = harvested(store, size=2)
        elif step == "take" and found is not None:
            harvest.take(*found)
            begun, found = False, None
        expected, _ = harvested(store)
        assert dict(+harvest.of("rating")) == {name: n for name, n in expected.get("rating", {}).items() if n}
