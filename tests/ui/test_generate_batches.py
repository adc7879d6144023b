"""A batch in the background: started by B, followed, stopped, and gone on with after the window was closed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt

from tests.providers.openai_server import Says, serving
from tests.ui.test_generate_pane import delete, display, key
from workbench.events import Finished
from workbench.jobs.adding import add_model
from workbench.jobs.servers import add_server
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.generate_batches import MANY
from workbench.ui.generate_pane import GeneratePane
from workbench.ui.models_machine import Machine

PROMPTS = MANY + 5


@pytest.fixture
def world(tmp_path, qtbot):
    """A project with more prompts than are written on screen and a model on a server; open() shows its pane."""
    speech = SimpleNamespace(says=Says())
    opened = []

    def open_pane():
        store = Store.open(tmp_path / "project")
        context = Context(store)
        opened.append((pane := display(qtbot, GeneratePane(context)), context))
        pane.prompts.list.setFocus()
        return pane

    def close():
        pane, context = opened.pop()
        delete(pane)
        context.close()
        context.store.close()

    with serving(lambda number, body: speech.says) as server:
        store = Store.open(tmp_path / "project")
        for number in range(PROMPTS):
            store.prompts.add(f"Prompt number {number}")
        add_server(store, server.url, "small", name="server")
        store.close()
        yield SimpleNamespace(open=open_pane, close=close, speech=speech, server=server)
        while opened:
            close()


def test_many_prompts_are_written_in_the_background(world, qtbot):
    pane = world.open()
    pane.sampling.samples.setValue(2)
    assert not pane.batch_bar.isVisible()
    key(pane, qtbot, "b")
    assert pane.batches.busy and pane.batch_bar.stop.isVisible() and not pane.all_action.isEnabled()
    qtbot.waitUntil(lambda: not pane.batches.busy, timeout=60_000)
    store = pane.context.store
    assert store.responses.count() == 2 * PROMPTS and not pane.batch_bar.isVisible()
    assert pane.prompts.progress_text.text() == f"{PROMPTS} of {PROMPTS} done"
    assert len(pane.area.views[0].cards) == 2  # of the prompt that is shown
    assert {response.seed for response in store.responses.of_prompt(store.prompts.list()[0].id)} == {17, 18}


def test_a_batch_that_was_stopped_goes_on_after_the_window_was_closed(world, qtbot):
    pane = world.open()
    pane.sampling.samples.setValue(1)
    world.speech.says = Says(hangs="before")
    key(pane, qtbot, "b")
    qtbot.waitUntil(lambda: len(world.server.asked) > 0, timeout=60_000)
    qtbot.mouseClick(pane.batch_bar.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.batches.cut_off is not None, timeout=30_000)
    assert pane.batch_bar.go_on.isVisible() and not pane.batch_bar.stop.isVisible()
    world.close()

    world.speech.says = Says()
    pane = world.open()
    assert pane.batch_bar.go_on.isVisible()
    qtbot.mouseClick(pane.batch_bar.go_on, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.context.store.responses.count() == PROMPTS, timeout=60_000)
    qtbot.waitUntil(lambda: not pane.batches.busy, timeout=30_000)
    assert not pane.batch_bar.isVisible()


def test_a_batch_that_fails_keeps_what_it_has_and_can_be_left(world, qtbot):
    pane = world.open()
    told = []
    pane.context.message.connect(lambda *words: told.append(words))
    world.speech.says = Says(status=401)
    key(pane, qtbot, "b")
    qtbot.waitUntil(lambda: pane.batches.cut_off is not None, timeout=60_000)
    assert "key" in told[0][0] and told[0][2] == "bad"
    qtbot.mouseClick(pane.batch_bar.leave, Qt.MouseButton.LeftButton)
    assert not pane.batch_bar.isVisible()
    world.close()
    assert not world.open().batch_bar.isVisible()


# --- room in memory


class Machines:
    """What the window sees of this computer, and how much of it is free."""

    def __init__(self):
        self.free, self.looks = 1 << 40, 0

    def look(self, store):
        self.looks += 1
        yield Finished({"machine": Machine("cpu", 2, 1 << 40, self.free, 1 << 40, "2.10+cpu")})


@pytest.fixture
def loaded(tmp_path, llama_folder, qtbot, monkeypatch):
    """A pane on a project with two local models, the first of which is in memory."""
    machines = Machines()
    monkeypatch.setattr("workbench.ui.generate_room.looking", machines.look)
    store = Store.open(tmp_path / "project")
    for number in range(PROMPTS):
        store.prompts.add(f"Prompt number {number}")
    model = add_model(store, str(llama_folder), "tiny")
    context = Context(store)
    pane = display(qtbot, GeneratePane(context))
    pane.sampling.samples.setValue(1)
    pane.sampling.fields["max_new_tokens"].set_value(4)
    context.load_model(model.id)
    qtbot.waitUntil(lambda: context.session_ids == [model.id], timeout=60_000)
    pane.prompts.list.setFocus()
    yield pane, machines
    delete(pane)
    context.close()
    store.close()


def test_the_copy_in_memory_leaves_where_both_do_not_fit_and_the_bar_says_so(loaded, qtbot):
    pane, machines = loaded
    machines.free = 1 << 20
    key(pane, qtbot, "b")
    assert pane.batches.busy and pane.batch_bar.isVisible()
    qtbot.waitUntil(lambda: pane.context.session is None, timeout=60_000)
    assert pane.batch_bar.words.text() == "tiny writes in the background; tiny left memory to make room"
    qtbot.waitUntil(lambda: not pane.batches.busy, timeout=60_000)
    assert pane.context.store.responses.count() == PROMPTS and machines.looks == 1


def test_it_stays_where_both_fit(loaded, qtbot):
    pane, _ = loaded
    key(pane, qtbot, "b")
    qtbot.waitUntil(lambda: bool(pane.context.jobs), timeout=60_000)
    assert pane.batch_bar.words.text() == "tiny writes in the background" and pane.context.session_ids
    pane.batches.stop()
    qtbot.waitUntil(lambda: not pane.batches.busy, timeout=60_000)


def test_a_batch_that_is_stopped_while_room_is_made_can_go_on(loaded, qtbot):
    pane, machines = loaded
    key(pane, qtbot, "b")
    pane.batches.stop()
    assert not pane.batches.busy and pane.batch_bar.go_on.isVisible()
    qtbot.waitUntil(lambda: machines.looks == 1)
    assert not pane.context.jobs and pane.context.store.runs.list("generate") == []
    pane.batches.forget()
