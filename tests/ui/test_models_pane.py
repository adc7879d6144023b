"""The Models pane on a real project, driven by keys and clicks."""

import json
import sys

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt

from tests import tiny
from workbench.errors import WorkbenchError
from workbench.events import Failed, Loaded
from workbench.store import Store
from workbench.ui import models_words as words
from workbench.ui.context import Context
from workbench.ui.models_library import Entry, lineage
from workbench.ui.models_machine import Card, Machine, card_of
from workbench.ui.models_pane import ModelsPane
from workbench.ui.models_table import Room
from workbench.ui.theme import theme


class Project:
    """A base, a reward model and two adapters trained from each other, with the judgements behind them."""

    def __init__(self, folder):
        self.store = Store.open(folder)
        self.base = self.model("SmolLM2", "base", source="starter", parameters=135_000_000, size_bytes=270_000_000)
        self.judge()
        run = self.store.runs.add(name="reward-1", method="reward", options={}, model_id=self.base.id)
        self.store.runs.freeze(run.id, [item.id for item in self.store.feedback.list()], "x")
        self.reward = self.made("reward-1", "reward", run, {"method": "reward", "accuracy": 0.718})
        self.reward_run = run
        self.first = self.ppo("helpful-v1", self.base)
        self.second = self.ppo("helpful-v2", self.first)

    def model(self, name, kind, **fields):
        place = self.store.models_folder / name
        place.mkdir()
        fields = {"source": "local", "hash": name} | fields
        return self.store.models.add(name=name, kind=kind, location=str(place), **fields)

    def made(self, name, kind, run, info):
        info = {"started_from": self.base.id, **info}
        fields = {"source": "run", "parent_id": self.base.id, "run_id": run.id, "size_bytes": 17_000_000}
        return self.model(name, kind, info=info, **fields)

    def ppo(self, name, start):
        run = self.store.runs.add(name=name, method="ppo", options={}, model_id=start.id, reward_id=self.reward.id)
        return self.made(name, "adapter", run, {"method": "ppo", "started_from": start.id, "reward_id": self.reward.id})

    def judge(self):
        prompt, _ = self.store.prompts.add("Where is the kettle?")
        ids = [self.store.responses.add(prompt.id, text, model_id=self.base.id).id for text in ("Here.", "There.")]
        for _ in range(2):
            self.store.feedback.add("rating", prompt.id, ids, {"ratings": [1, 5]}, annotator="you")
        self.store.feedback.add("comparison", prompt.id, ids, {"choice": "b", "strength": 1}, annotator="you")


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
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture
def make(qtbot):
    """make(store) shows the pane; everything is closed in the right order."""
    made = []

    def build(store):
        context = Context(store)
        pane = ModelsPane(context)
        made.append((pane, context))
        return display(qtbot, pane)

    yield build
    for pane, context in made:
        delete(pane)
        context.close()
        context.store.close()


@pytest.fixture
def pane(make, project):
    return make(project.store)


def names(pane):
    return [entry.model.name for entry in pane.table.rows_model.rows()]


def loads(pane, model):
    """What a session says when it has loaded a model."""
    pane.context._on_session_event(
        pane.context.session, Loaded({"id": model.id, "dtype": "bfloat16", "loaded": [model.id]})
    )


def test_models_stand_in_groups_newest_first(pane):
    assert names(pane) == ["helpful-v2", "helpful-v1", "reward-1", "SmolLM2"]
    titles = [pane.table.model().index(place, 0).data() for place in (0, 4)]
    assert titles == ["Trained by me", "Bases"]
    assert pane.chosen().model.name == "helpful-v2"
    assert pane.counts.text() == "4 models"


def test_list_at_the_left_counts_and_filters(pane, qtbot):
    counts = {name: facet.count() for name, facet in pane.sources.facets.items()}
    assert counts == {
        "all": 4,
        "mine": 3,
        "find": -1,
        "here": -1,
        "base": 1,
        "adapter": 2,
        "reward": 1,
        "local": 0,
        "hub": 1,
        "gguf": 0,
        "run": 3,
        "server": 0,
    }
    qtbot.mouseClick(pane.sources.facets["reward"], Qt.MouseButton.LeftButton)
    assert names(pane) == ["reward-1"]
    pane.sources.facets["reward"].setFocus()
    qtbot.keyClick(pane.sources.facets["reward"], Qt.Key.Key_Up)
    assert names(pane) == ["helpful-v2", "helpful-v1"]


def test_slash_goes_to_the_filter_and_escape_empties_it(pane, qtbot):
    qtbot.keyClick(pane.table, "/")
    assert pane.filter.hasFocus()
    qtbot.keyClicks(pane.filter, "v1")
    assert names(pane) == ["helpful-v1"] and pane.counts.text() == "1 of 4 models"
    qtbot.keyClicks(pane.filter, "xyz")
    assert pane.counts.text() == "0 of 4 models"
    assert pane.stack.currentWidget() is pane.nothing
    qtbot.keyClick(pane.filter, Qt.Key.Key_Escape)
    assert len(names(pane)) == 4


def test_letters_typed_into_the_filter_do_nothing_else(pane, qtbot, project):
    loads(pane, project.second)
    pane.filter.setFocus()
    qtbot.keyClicks(pane.filter, "ujk")
    assert pane.filter.text() == "ujk"
    assert pane.context.session_model is not None


def test_j_and_k_walk_over_group_rows(pane, qtbot):
    seen = []
    for key in "jjjk":
        qtbot.keyClick(pane.table, key)
        seen.append(pane.chosen().model.name)
    assert seen == ["helpful-v1", "reward-1", "SmolLM2", "reward-1"]


def test_loaded_model_is_shown_and_unloaded_by_u(pane, qtbot, project):
    loads(pane, project.second)
    assert pane.state_of(pane.chosen()) == "loaded"
    assert pane.inspector.chip.text() == "Loaded"
    assert pane.counts.text() == "4 models, 1 loaded"
    assert pane.unload_button.isVisible() and not pane.load_button.isVisible()
    unloaded = []
    pane.context.unload_model = unloaded.append
    qtbot.keyClick(pane.table, "u")
    assert unloaded == [project.second.id]


def test_reward_model_cannot_be_loaded_but_goes_to_generate(pane, qtbot, project):
    pane.choose(project.reward.id)
    assert not pane.load_action.isEnabled()
    with qtbot.waitSignal(pane.context.pane_wanted) as wanted:
        pane.generate_action.trigger()
    assert wanted.args == ["generate", {"reward_id": project.reward.id}]


def test_missing_files_are_said_and_not_loaded(make, project):
    (project.store.models_folder / "SmolLM2").rmdir()
    pane = make(project.store)
    pane.choose(project.base.id)
    assert pane.inspector.chip.text() == "Files missing"
    assert not pane.load_action.isEnabled()


def test_removal_is_taken_back_with_ctrl_z(pane, qtbot, project):
    pane.choose(project.first.id)
    qtbot.keyClick(pane.table, Qt.Key.Key_Delete)
    assert names(pane) == ["helpful-v2", "reward-1", "SmolLM2"]
    assert (project.store.models_folder / "helpful-v1").exists()
    assert pane.strip.messages()[0].text == "Removed helpful-v1."
    qtbot.keyClick(pane.table, "z", Qt.KeyboardModifier.ControlModifier)
    assert pane.chosen().model.name == "helpful-v1"
    assert not pane.undo_action.isEnabled()


def test_lineage_joins_the_judgements_of_the_reward_model(project):
    nodes = lineage(project.store, project.first)
    kinds = [(node.kind, node.model.name if node.model else dict(node.counts)) for node in nodes]
    people = {"rating": 2, "comparison": 1}
    assert kinds == [
        ("model", "SmolLM2"),
        ("people", people),
        ("model", "helpful-v1"),
        ("people", people),
        ("model", "helpful-v2"),
    ]
    assert nodes[2].reward_name == "reward-1"
    assert lineage(project.store, project.base)[-1].more == 2


def test_amber_node_opens_the_data_and_a_model_node_is_chosen(pane, qtbot, project):
    buttons = pane.inspector.lineage.buttons
    assert [button.text() for button in buttons] == [
        "SmolLM2", "2 ratings, 1 comparison", "helpful-v1", "2 ratings, 1 comparison", "helpful-v2",
    ]  # fmt: skip
    with qtbot.waitSignal(pane.context.pane_wanted) as wanted:
        qtbot.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert wanted.args == ["data", {"run_id": project.reward_run.id}]
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    assert pane.chosen().model.name == "SmolLM2"


def test_lineage_is_drawn_in_amber_and_blue(pane, qtbot):
    qtbot.waitUntil(lambda: pane.inspector.lineage.height() > 100)
    image = pane.inspector.lineage.grab().toImage()
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert {theme().color(token).name() for token in ("s1", "s2", "ref")} <= seen


def test_memory_is_weights_adapter_and_cache(project):
    entry = Entry(project.second, project.base)
    memory = entry.memory(2)
    assert (memory.weights, memory.adapter) == (270_000_000, 17_000_000)
    assert memory.total == 270_000_000 + 17_000_000 + 27_000_000
    assert entry.memory(4).weights == 540_000_000
    assert Entry(project.base, project.base).memory(2).adapter == 0


@pytest.mark.parametrize(("free", "total", "token"), [(9e9, 9e9, "s1"), (1e8, 9e9, "warn"), (1e8, 2e8, "bad")])
def test_memory_bar_says_whether_it_fits(pane, project, free, total, token):
    pane.table.room = Room(int(total), int(free), 2)
    cell = pane.table._memory(Entry(project.base, project.base))
    assert cell.bar[1] == token


def test_fits_filter_leaves_large_models_out(pane, qtbot, project):
    project.model("Giant", "base", parameters=10**12)
    pane.refresh()
    pane.table.room = Room(8_000_000_000, 4_000_000_000, 2)
    assert "Giant" in names(pane)
    qtbot.mouseClick(pane.fits, Qt.MouseButton.LeftButton)
    assert "Giant" not in names(pane) and "SmolLM2" in names(pane)


def test_facts_name_place_run_and_accuracy(pane, project):
    pane.choose(project.reward.id)
    facts = pane.inspector.facts
    assert facts.fact("Run") == "reward-1"
    assert facts.fact("Accuracy") == "71.8%"
    assert facts.fact("Where it lies").replace("\u200b", "").endswith("models/reward-1")


def test_a_run_that_saves_a_model_is_shown(pane, project):
    model = project.ppo("helpful-v3", project.second)
    assert names(pane)[0] == model.name


def test_empty_project_offers_the_starter(make, tmp_path):
    pane = make(Store.open(tmp_path / "empty"))
    assert pane.stack.currentWidget() is pane.empty
    assert pane.empty.sentence.text() == "No models yet."
    assert not pane.header_actions()[-1].isHidden()


def test_starter_is_offered_only_while_it_is_not_here(pane):
    assert pane.header_actions()[-1].isHidden()


def test_folder_is_added_beside_the_window(make, tmp_path, qtbot):
    folder = tiny.llama(tmp_path / "tiny-llama")
    pane = make(Store.open(tmp_path / "empty"))
    pane.adding.add(str(folder))
    assert pane.progress.isVisible() and not pane.add_folder_action.isEnabled()
    qtbot.waitUntil(lambda: names(pane) == ["tiny-llama"], timeout=20_000)
    assert pane.chosen().model.parameters > 0
    assert not pane.progress.isVisible() and pane.add_folder_action.isEnabled()


def test_folder_without_a_model_says_why(make, tmp_path, qtbot):
    pane = make(Store.open(tmp_path / "empty"))
    (tmp_path / "photos").mkdir()
    with qtbot.waitSignal(pane.context.message, timeout=20_000) as told:
        pane.adding.add(str(tmp_path / "photos"))
    assert told.args[0].endswith("has no config.json.")
    assert pane.add_folder_action.isEnabled() and not pane.progress.isVisible()


def test_adapter_of_an_unknown_base_asks_for_its_base(pane, tmp_path, qtbot, monkeypatch, project):
    folder = tmp_path / "lora"
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "somebody/else"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    pane.adding.add(str(folder))
    qtbot.waitUntil(lambda: bool(pane.strip.messages()), timeout=20_000)
    asked = "workbench.ui.models_adding.QInputDialog.getItem"
    monkeypatch.setattr(asked, lambda *args: (args[3][0], True))
    message = pane.strip.messages()[0]
    button = next(button for button in message.findChildren(type(pane.load_button)) if button.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "lora" in names(pane), timeout=20_000)
    added = project.store.models.find("lora")
    assert (added.kind, added.parent_id) == ("adapter", project.base.id)


def test_model_is_loaded_by_enter_in_a_real_child(make, tmp_path, qtbot):
    """The only test here that starts the session's process."""
    store = Store.open(tmp_path / "real")
    folder = tiny.llama(tmp_path / "tiny-llama")
    store.models.add(name="tiny-llama", kind="base", source="local", location=str(folder), parameters=20_000)
    pane = make(store)
    qtbot.keyClick(pane.table, Qt.Key.Key_Return)
    assert pane.inspector.chip.text() == "Loading"
    failures = []
    pane.context.session_event.connect(lambda event: failures.append(event) if isinstance(event, Failed) else None)
    qtbot.waitUntil(lambda: bool(failures) or pane.inspector.chip.text() == "Loaded", timeout=120_000)
    assert not failures
    qtbot.keyClick(pane.table, "u")
    assert pane.inspector.chip.text() == "Ready"


def test_graphics_card_is_read_from_its_listing():
    card = card_of("NVIDIA GeForce RTX 4070, 12282, 11022\n")
    assert card == Card("NVIDIA GeForce RTX 4070", 12282 << 20, 11022 << 20)
    assert card_of("No devices were found") is None


def test_card_counts_only_when_torch_can_use_it():
    card = Card("RTX 4070", 12, 11)
    cpu = Machine("x", 4, 100, 60, 1, "2.10.0+cpu", card)
    gpu = Machine("x", 4, 100, 60, 1, "2.10.0", card)
    assert (cpu.total, cpu.free) == (100, 60)
    assert (gpu.total, gpu.free) == (12, 11)


@pytest.mark.parametrize(("count", "text"), [(0, ""), (950, "950"), (134_515_008, "135 M"), (1_235_814_400, "1.24 B")])
def test_parameters_in_words(count, text):
    assert words.parameters(count) == text


def test_work_refuses_a_second_piece_until_the_first_is_done(pane, qtbot):
    pane.adding.work.start(lambda store: iter(()))
    with pytest.raises(WorkbenchError, match="already"):
        pane.adding.work.start(lambda store: iter(()))
    qtbot.waitUntil(lambda: not pane.adding.work.busy)


def test_window_has_no_torch():
    """tests.tiny imports it here, so the window's modules are asked in a process of their own."""
    import subprocess

    code = "import sys, workbench.ui.models_pane, workbench.ui.generate_pane, workbench.ui.first_run; "
    done = subprocess.run([sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], check=False)
    assert done.returncode == 0


def test_other_panes_choose_a_model_whatever_the_filter_says(pane, project):
    pane.filter.setText("v1")
    pane.visit({"model_id": project.base.id})
    assert pane.chosen().model.name == "SmolLM2"


# --- saving for other programs --------------------------------------------------------------------------------------
