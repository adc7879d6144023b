"""The first run, from an empty project to the first answers."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt

from tests import tiny
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.first_run import FirstRun, sample_count
from workbench.ui.models_machine import Card, Machine

GPU = Card("RTX 4070", 12_000_000_000, 11_000_000_000)


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
def page(qtbot, tmp_path, monkeypatch):
    """The page of an empty project. Loading is asked for, not done."""
    context = Context(Store.open(tmp_path / "project"))
    loaded = []
    monkeypatch.setattr(context, "load_model", loaded.append)
    page = FirstRun(context)
    page.loaded = loaded
    yield display(qtbot, page)
    delete(page)
    context.close()
    context.store.close()


def key(page, qtbot, name):
    qtbot.keyClick(page.window(), name)


def open_step(page):
    return next(step.number for step in page.steps if step.open)


def test_the_computer_is_looked_at_by_itself(page, qtbot):
    qtbot.waitUntil(lambda: page.steps[0].done, timeout=20_000)
    assert page.steps[0].title.text() == "This computer is ready"
    assert "free on disk" in page.steps[0].text.text()
    assert open_step(page) == 2


@pytest.mark.parametrize(
    ("card", "torch", "said"),
    [
        (GPU, "2.10.0", "RTX 4070 with 12.0 GB."),
        (GPU, "2.10.0+cpu", "this PyTorch was built without support for it"),
        (None, "2.10.0+cpu", "Models run on the processor: Ryzen, 8 threads, 32.0 GB of memory."),
        (None, "", "pip install torch"),
    ],
)
def test_the_computer_in_words(page, card, torch, said):
    machine = Machine("Ryzen", 8, 32_000_000_000, 20_000_000_000, 61_000_000_000, torch, card)
    page._on_looked({"machine": machine})
    assert said in page.steps[0].text.text()
    assert "61.0 GB free on disk." in page.steps[0].text.text()


def test_numbers_pick_and_the_button_says_what_it_does(page, qtbot):
    words = []
    for number in "2311":
        key(page, qtbot, number)
        words.append(page.models.button.text())
    assert words == ["Choose the folder", "Choose the file", "Get SmolLM2-135M-Instruct", "Get SmolLM2-135M-Instruct"]


def test_only_the_open_step_shows_what_to_do(page):
    assert [step.inside.isVisible() for step in page.steps[1:]] == [True, False, False]
    assert page.steps[1].accessibleName() == "Step 2, Choose a model to start from, open"


def test_enter_fetches_the_starter_and_shows_how_far_it_is(page, qtbot, monkeypatch):
    from workbench.events import Finished, Progress

    def fetching(store):
        yield Progress(1, 3, "Downloading the starter")
        place = store.models_folder / "starter"
        place.mkdir()
        model = store.models.add(name="SmolLM2-135M-Instruct", kind="base", source="starter", location=str(place))
        yield Finished({"model_id": model.id, "name": model.name})

    seen = []
    monkeypatch.setattr("workbench.ui.work.fetching_starter", fetching)
    page._work.progressed.connect(
        lambda text, fraction: seen.append((page.models.progress_text.text(), round(fraction, 2)))
    )
    key(page, qtbot, Qt.Key.Key_Return)
    assert not page.models.button.isEnabled()
    qtbot.waitUntil(lambda: open_step(page) == 3, timeout=20_000)
    assert seen == [("Downloading the starter", 0.33)]
    assert page.steps[1].done and page.steps[1].text.text() == "SmolLM2-135M-Instruct"
    assert page.loaded == [page.context.store.models.find("SmolLM2-135M-Instruct").id]


def test_folder_is_chosen_and_added(page, qtbot, tmp_path, monkeypatch):
    folder = tiny.llama(tmp_path / "tiny-llama")
    asked = "workbench.ui.first_run.QFileDialog.getExistingDirectory"
    monkeypatch.setattr(asked, lambda *args: str(folder))
    key(page, qtbot, "2")
    key(page, qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: open_step(page) == 3, timeout=20_000)
    assert page.context.store.models.find("tiny-llama").parameters > 0


def test_failure_is_told_and_can_be_tried_again(page, qtbot, tmp_path):
    with qtbot.waitSignal(page.context.message, timeout=20_000) as told:
        page.add_model(str(tmp_path / "nothing-here"))
    assert told.args[0].startswith("There is nothing at")
    assert open_step(page) == 2 and page.models.button.isEnabled()


def test_from_sample_prompts_to_the_first_answers(page, qtbot):
    place = page.context.store.models_folder / "mine"
    place.mkdir()
    page.context.store.models.add(name="mine", kind="base", source="local", location=str(place))
    assert open_step(page) == 3
    key(page, qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: open_step(page) == 4, timeout=30_000)
    assert page.context.store.prompts.count() == sample_count() == 128
    assert page.rate_button.hasFocus()
    wanted = []
    page.context.pane_wanted.connect(lambda *said: wanted.append(said))
    with qtbot.waitSignal(page.done):
        key(page, qtbot, Qt.Key.Key_Return)
    assert wanted == [("generate", None)]


def test_steps_can_be_skipped(page, qtbot):
    with qtbot.waitSignals([page.done, page.context.pane_wanted]):
        qtbot.mouseClick(page.skip_button, Qt.MouseButton.LeftButton)
