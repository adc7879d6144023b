"""What Models tells of a model beside its template: whether it fits, how it is loaded, its note, and the tree."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from shiboken6 import isValid

from tests import tiny
from tests.ui.test_models_pane import Project, delete, display, names
from tests.ui.test_models_template import WAIT, reader  # noqa: F401
from workbench.jobs import load_choices
from workbench.jobs.adding import add_model
from workbench.jobs.load_choices import LoadChoice
from workbench.jobs.tokens import TokenReader
from workbench.methods.fitting import Fit, Machine
from workbench.store import Store
from workbench.ui import models_fits, models_loading, models_machine
from workbench.ui.context import Context
from workbench.ui.generate_pane import GeneratePane
from workbench.ui.models_fits import FitsSection
from workbench.ui.models_library import entries, tree
from workbench.ui.models_loading import LoadingSection
from workbench.ui.models_pane import ModelsPane
from workbench.ui.tokens_dialog import TokensDialog

GB = 1_000_000_000
PLAIN = models_machine.Machine("cpu", 8, 16 * GB, 8 * GB, 100 * GB, "2.9.0+cpu")
CARD = dataclasses.replace(PLAIN, torch="2.9.0", card=models_machine.Card("NVIDIA H100", 80 * GB, 79 * GB))


@pytest.fixture
def opened(tmp_path):
    """A project and what panes share; closed last."""
    project = Project(tmp_path / "project")
    context = Context(project.store)
    yield project, context
    context.close()
    project.store.close()


@pytest.fixture
def pane(opened, qtbot):
    pane = display(qtbot, ModelsPane(opened[1]))
    yield pane
    delete(pane)


def test_models_stand_under_what_they_grew_from(pane, opened, qtbot):
    project, _ = opened
    found = [(entry.model.name, depth) for entry, depth in tree(entries(project.store))]
    assert found == [("SmolLM2", 0), ("reward-1", 1), ("helpful-v1", 2), ("helpful-v2", 2)]
    qtbot.keyClick(pane.table, Qt.Key.Key_B)
    assert names(pane) == [name for name, _ in found]
    cell = pane.table.rows_model.columns[0].cell(pane.table.rows_model.rows()[2])
    assert (cell.text, cell.depth) == ("helpful-v1", 2)
    qtbot.keyClick(pane.table, Qt.Key.Key_B)
    assert names(pane)[0] == "helpful-v2"


def test_a_note_is_on_the_disk_with_each_key(pane, opened, qtbot):
    project, _ = opened
    pane.choose(project.first.id)
    qtbot.keyClicks(pane.note.field, "for mail")
    other = Store.beside(project.store.folder)
    assert other.models.find(project.first.id).note == "for mail"
    other.close()
    pane.choose(project.base.id)
    assert pane.note.field.toPlainText() == ""
    pane.choose(project.first.id)
    assert pane.note.field.toPlainText() == "for mail"


def test_a_licence_is_inherited_and_said_to_be(pane, opened):
    project, _ = opened
    with project.store.writing() as db:
        db.execute("UPDATE models SET licence = 'apache-2.0' WHERE id = ?", [project.base.id])
    pane.refresh()
    pane.choose(project.base.id)
    assert pane.inspector.facts.fact("Licence") == "Apache 2.0"
    pane.choose(project.first.id)
    assert pane.inspector.facts.fact("Licence") == "Apache 2.0, from its base"
    assert pane.inspector.facts.fact("On disk") == "17 MB, and 270 MB of its base"


def test_ways_that_do_not_fit_say_why_and_by_how_much(shown, tmp_path):
    section = shown(FitsSection(tmp_path))
    parts = {"model": 2 * GB, "passing": 9 * GB, "process": GB}
    found = [
        Fit("running", {"model": 2 * GB}, 2 * GB, "fits"),
        Fit("sft", parts, 12 * GB, "tight", over=4 * GB),
        Fit("ppo_whole", parts, 20 * GB, "too large", over=4 * GB, micro_tokens=512),
    ]
    section.show_fits(found, Machine("cpu", 16 * GB, 8 * GB))
    texts = [each.text() for each in section.findChildren(QLabel)]
    assert "16 GB in all, 8 GB free now" in [text.replace(".00", "").replace(".0", "") for text in texts]
    assert "Tight: 4.00 GB more than is free now. Most of it is activations and cache." in texts
    too_large = "Too large by 4.00 GB. Most of it is activations and cache. It fits with micro-batches of 512 tokens."
    assert too_large in texts
    assert section.reason(found[0]) == "Fits. Most of it is the model."


def test_figures_are_made_beside_the_window_of_the_models_own_files(qtbot, tmp_path, llama_folder):
    store = Store.open(tmp_path / "project")
    model = add_model(store, str(llama_folder), "tiny")
    section = FitsSection(store.folder)
    qtbot.addWidget(section)
    section.show()
    with qtbot.waitSignal(section.known, timeout=WAIT) as told:
        section.show_entry(entries(store)[0], PLAIN)
    assert told.args == [True]
    assert [fit.way for fit in section.found] == ["running", "sft", "reward", "dpo", "ppo", "ppo_whole", "grpo"]
    assert models_fits._figures(store, model.id, CARD)["machine"].device == "cuda"
    qtbot.waitUntil(lambda: not section.busy, timeout=WAIT)
    store.close()


def test_what_this_machine_cannot_do_is_grey_with_the_reason_and_the_rest_is_kept_by_keys(opened, shown, qtbot):
    project, context = opened
    section = shown(LoadingSection(context))
    entry = next(each for each in entries(project.store) if each.model.id == project.base.id)
    section.show_entry(entry, PLAIN, False)
    item = section.quantize.model().item(1)
    assert not item.isEnabled() and item.toolTip().startswith("Needs an NVIDIA or AMD card")
    assert not section.dtype.model().item(2).isEnabled() and section.dtype.model().item(3).isEnabled()
    section.dtype.setFocus()
    with qtbot.waitSignal(section.changed):
        qtbot.keyClick(section.dtype, Qt.Key.Key_Down)
    with qtbot.waitSignal(section.changed):
        qtbot.keyClick(section.attention, Qt.Key.Key_Down)
    assert load_choices.of(project.store, project.base) == LoadChoice("bfloat16", attention="sdpa")
    section.show_entry(entry, CARD, True)
    assert section.dtype.model().item(2).isEnabled() and not section.note.isHidden()


def test_what_runs_a_gguf_file_is_chosen_by_keys_and_for_such_files_alone(opened, shown, qtbot, tmp_path, llama_folder,
                                                                         monkeypatch):  # fmt: skip
    project, context = opened
    section = shown(LoadingSection(context))
    file = add_model(project.store, str(tiny.gguf(tmp_path, llama_folder)), "file")
    found = {each.model.id: each for each in entries(project.store)}
    section.show_entry(found[project.base.id], PLAIN, False)
    assert section.engine.isHidden() and section.alone.isHidden()
    monkeypatch.setattr(models_loading, "_has", lambda package: False)
    section.show_entry(found[file.id], PLAIN, False)
    item = section.engine.model().item(1)
    assert not section.engine.isHidden() and not item.isEnabled()
    assert item.toolTip() == 'Needs llama.cpp\'s package: pip install "feedback-workbench[llama-cpp]".'
    monkeypatch.setattr(models_loading, "_has", lambda package: True)
    monkeypatch.setattr(load_choices, "problem_with", lambda ref, installed=None: None)
    section.show_entry(found[file.id], PLAIN, False)
    assert item.isEnabled() and section.dtype.isEnabled()
    section.engine.setFocus()
    with qtbot.waitSignal(section.changed):
        qtbot.keyClick(section.engine, Qt.Key.Key_Down)
    assert load_choices.of(project.store, file).engine == "llama.cpp"
    assert "only writes answers" in section.alone.text() and not section.dtype.isEnabled()
    with qtbot.waitSignal(section.changed):
        qtbot.keyClick(section.engine, Qt.Key.Key_Up)
    assert section.alone.isHidden() and section.dtype.isEnabled()


def test_generate_shows_the_tokens_of_the_prompt_by_a_key(qtbot, tmp_path, llama_folder, reader):  # noqa: F811
    store = Store.open(tmp_path / "project")
    add_model(store, str(llama_folder), "tiny")
    store.prompts.add("hello world", system="be brief")
    context = Context(store)
    context.tokens = reader
    pane = display(qtbot, GeneratePane(context))
    pane.prompts.list.setFocus()
    qtbot.keyClick(pane.prompts.list, Qt.Key.Key_W)
    dialog = next(each for each in QApplication.topLevelWidgets() if isinstance(each, TokensDialog))
    qtbot.waitUntil(lambda: bool(dialog.counts.text()), timeout=WAIT)
    assert dialog.view.text() == (
        "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhello world<|im_end|>\n<|im_start|>assistant\n"
    )
    before = dialog.view.toPlainText()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    qtbot.keyClick(dialog, Qt.Key.Key_I)
    assert len(dialog.view.toPlainText()) > len(before)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(dialog) or not dialog.isVisible())
    delete(pane)
    context.tokens = TokenReader()
    context.close()
    store.close()
