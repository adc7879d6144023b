"""Servers in Models, driven by keys and clicks against a server on this machine."""

from __future__ import annotations

import json
import socket
import sys

import pytest
from PySide6.QtCore import Qt

from tests.providers.keyrings import kept, no_keyring  # noqa: F401
from tests.providers.openai_server import serving
from tests.ui.test_models_pane import Project, make  # noqa: F401
from workbench.jobs.servers import add_server
from workbench.providers import keys
from workbench.ui.models_providers import USUAL, name_of

ENTER = Qt.Key.Key_Return


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture
def off():
    """An address where nobody is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def opened(pane, qtbot):
    """The dialog for a new server."""
    qtbot.mouseClick(pane._add_server_button, Qt.MouseButton.LeftButton)
    dialog = pane.servers.dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible)
    return dialog


def write(qtbot, field, text):
    field.selectAll()
    qtbot.keyClicks(field, text)


def cell(pane, column):
    """What the table says of the chosen row."""
    place = pane.table.currentIndex()
    return pane.table.model().index(place.row(), column).data()


def test_a_server_is_added_with_keys_and_shown_as_reachable(make, project, qtbot, kept):  # noqa: F811
    pane = make(project.store)
    with serving(key="canary") as server:
        dialog = opened(pane, qtbot)
        assert not dialog.go.isEnabled() and not dialog.test.isEnabled()
        write(qtbot, dialog.url, server.url)
        qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "refused the key" in dialog.status.text(), timeout=20_000)
        write(qtbot, dialog.key, "canary")
        qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "2 models" in dialog.status.text(), timeout=20_000)
        assert dialog.model.currentText() == "small" and dialog.key.text() == "canary"
        dialog.model.setCurrentIndex(1)
        write(qtbot, dialog.name, "Big one")
        dialog.price_in.setFocus()
        write(qtbot, dialog.price_in, "0.5")
        qtbot.keyClick(dialog.name, ENTER)
        qtbot.waitUntil(lambda: pane.chosen() is not None and pane.chosen().model.name == "Big one", timeout=20_000)
        qtbot.waitUntil(lambda: pane.state_of(pane.chosen()) == "reachable", timeout=20_000)
    model = project.store.models.list("server")[0]
    assert model.info == {"model": "large", "price_in": 0.5, "extras": True} and model.location == server.url
    assert json.loads(kept.read_text()) == {f"{keys.SERVICE}/127.0.0.1": "canary"}
    assert [cell(pane, place) for place in (2, 3, 4)] == ["Server", "not needed", "Reachable"]
    assert pane.sources.providers.texts[server.url].endswith(" ms") and pane.sources.providers.isVisible()
    assert pane.inspector.chip.text() == "Reachable"


def test_a_server_that_is_off_is_said_to_be(make, project, qtbot, off):  # noqa: F811
    model = add_server(project.store, off, "qwen")
    pane = make(project.store)
    pane.choose(model.id)
    qtbot.waitUntil(lambda: pane.state_of(pane.chosen()) == "unreachable", timeout=20_000)
    assert pane.inspector.memory_part.isHidden()
    assert cell(pane, 4) == "Not reachable" and pane.sources.providers.texts == {off: "off"}


def test_servers_are_not_asked_again_at_once_and_not_while_nobody_looks(make, project, qtbot):  # noqa: F811
    with serving() as server:
        add_server(project.store, server.url, "small")
        pane = make(project.store)
        qtbot.waitUntil(lambda: server.url in pane.servers.reaching.known, timeout=20_000)
        pane.servers.reaching.known.clear()
        pane.hide()
        pane.show()
        pane.refresh()
        assert not pane.servers.reaching._work.busy
        pane.hide()
        pane.servers.reaching.forget(server.url)
        assert not pane.servers.reaching._work.busy and not pane.servers.reaching._timer.isActive()


def test_a_servers_model_is_not_loaded_and_enter_goes_to_generate(make, project, qtbot, off):  # noqa: F811
    model = add_server(project.store, off, "qwen")
    pane = make(project.store)
    pane.choose(model.id)
    assert not pane.load_action.isEnabled() and not pane.load_button.isVisible() and not pane.save_action.isEnabled()
    assert pane.inspector.server_part.isVisible() and not pane.inspector.lineage.isVisible()
    wanted = []
    pane.context.pane_wanted.connect(lambda name, payload: wanted.append((name, payload)))
    pane.table.setFocus()
    qtbot.keyClick(pane.table, ENTER)
    assert wanted == [("generate", {"model_id": model.id})]
    pane.choose(project.base.id)
    assert pane.load_action.isEnabled() and not pane.inspector.server_part.isVisible()
    assert pane.inspector.lineage.isVisible() and not pane.edit_server_action.isEnabled()


def test_its_name_and_prices_are_changed_and_its_address_is_not(make, project, qtbot, off):  # noqa: F811
    model = add_server(project.store, off, "qwen", price_out=2.0)
    pane = make(project.store)
    pane.choose(model.id)
    pane.edit_server_action.trigger()
    dialog = pane.servers.dialog
    qtbot.waitUntil(dialog.isVisible)
    assert not dialog.url.isEnabled() and not dialog.model.isEnabled() and dialog.price_out.value() == 2.0
    write(qtbot, dialog.name, "Ours")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.chosen().model.name == "Ours", timeout=20_000)
    assert project.store.models.find(model.id).info == {"model": "qwen", "price_out": 2.0, "extras": True}


def test_a_key_is_forgotten(make, project, qtbot, kept, off):  # noqa: F811
    keys.keep(off, "canary")
    pane = make(project.store)
    pane.choose(add_server(project.store, off, "qwen").id)
    said = []
    pane.context.message.connect(lambda text, *_: said.append(text))
    pane.refresh()
    pane.choose(project.store.models.list("server")[0].id)
    pane.forget_key_action.trigger()
    qtbot.waitUntil(lambda: said == ["The key for 127.0.0.1 is forgotten."], timeout=20_000)
    assert json.loads(kept.read_text()) == {}


def test_no_keyring_is_told_in_the_dialog_and_nothing_is_lost(make, project, qtbot, no_keyring):  # noqa: F811
    pane = make(project.store)
    with serving() as server:
        dialog = opened(pane, qtbot)
        write(qtbot, dialog.url, server.url)
        write(qtbot, dialog.key, "canary")
        dialog.model.setEditText("small")
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "no keyring" in dialog.status.text(), timeout=20_000)
    assert dialog.isVisible() and dialog.key.text() == "canary" and dialog.url.text() == server.url
    assert project.store.models.list("server") == []
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert pane.servers.dialog is None


def test_the_usual_addresses_can_be_pressed(make, project, qtbot):  # noqa: F811
    dialog = opened(make(project.store), qtbot)
    qtbot.mouseClick(dialog.usual["OpenAI"], Qt.MouseButton.LeftButton)
    assert dialog.url.text() == USUAL["OpenAI"] and not dialog._testing.busy  # it wants a key first
    assert name_of(USUAL["Ollama"]) == "Ollama" and name_of("http://lab:9000/v1") == "lab:9000"
    dialog.reject()


def test_a_removed_server_can_be_brought_back(make, project, qtbot, off):  # noqa: F811
    model = add_server(project.store, off, "qwen")
    pane = make(project.store)
    pane.choose(model.id)
    pane.remove_action.trigger()
    assert project.store.models.list("server") == [] and not pane.sources.providers.isVisible()
    pane.undo_action.trigger()
    assert pane.chosen().model.id == model.id


def test_the_window_needs_no_openai(make, project, qtbot, off):  # noqa: F811
    add_server(project.store, off, "qwen")
    before = "openai" in sys.modules
    pane = make(project.store)
    qtbot.waitUntil(lambda: off in pane.servers.reaching.known, timeout=20_000)
    assert ("openai" in sys.modules) == before
