"""Four columns at once with a real session: safetensors, GGUF or adapter, GPT-2 without a chat template, a server."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch
from PySide6.QtCore import Qt

from tests import tiny
from tests.conftest import FP32
from tests.providers.openai_server import Says, serving
from tests.ui.test_generate_pane import control_enter, delete, display, ids, key
from workbench import paths
from workbench.jobs.adding import STARTER, STARTER_ID, add_model, fetch_starter
from workbench.jobs.exporting import export_model
from workbench.jobs.servers import add_server
from workbench.lm.loading import POLICY, add_new_adapter, load
from workbench.lm.refs import ModelRef
from workbench.lm.saving import save_adapter
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.generate_pane import GeneratePane

ENDLESS = Says(pieces=[f"word{number} " for number in range(8)], hangs="after")


def adapter(folder, base):
    """An adapter that changes what its base says."""
    loaded = load(ModelRef(str(base)), FP32)
    add_new_adapter(loaded, POLICY, rank=4, alpha=16.0)
    with torch.no_grad():
        for name, weight in loaded.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05)
    save_adapter(loaded, POLICY, folder, {"base_model_name_or_path": str(base)})
    return folder


@pytest.fixture
def world(tmp_path, llama_folder, gpt2_folder, qtbot):
    """A project with a model of each source, a pane with a column of each of four, and the server."""
    store = Store.open(tmp_path / "project")
    for text in ("Say hello", "Write a haiku"):
        store.prompts.add(text)
    base = add_model(store, str(llama_folder), "safetensors")
    add_model(store, str(tiny.gguf(tmp_path, llama_folder)), "gguf")
    add_model(store, str(adapter(tmp_path / "adapter", llama_folder)), "adapter", base_id=base.id)
    add_model(store, str(gpt2_folder), "gpt2")
    speech = SimpleNamespace(says=Says())
    with serving(lambda number, body: speech.says) as server:
        add_server(store, server.url, "small", name="server", price_in=200.0, price_out=1000.0)
        context = Context(store)
        pane = display(qtbot, GeneratePane(context))
        yield SimpleNamespace(store=store, context=context, pane=pane, server=server, speech=speech)
        delete(pane)
        context.close()
        store.close()


def choose(pane, qtbot, store, names):
    for _ in range(len(names) - 1):
        qtbot.mouseClick(pane.sampling.add_button, Qt.MouseButton.LeftButton)
    for place, name in enumerate(names):
        pane.columns.change_model(place, store.models.find(name).id)


def settle(pane, qtbot, tokens, samples=1):
    pane.sampling.samples.setValue(samples)
    pane.sampling.fields["max_new_tokens"].spin.setValue(tokens)
    pane.prompts.list.setFocus()


def failures(context):
    told = []
    context.message.connect(lambda *words: told.append(words))
    return told


@pytest.mark.parametrize("second", ["gguf", "adapter"])
def test_the_same_prompts_run_on_every_source(world, qtbot, second):
    pane, store, told = world.pane, world.store, failures(world.context)
    choose(pane, qtbot, store, ["safetensors", second, "gpt2", "server"])
    settle(pane, qtbot, 6)
    key(pane, qtbot, "b")
    qtbot.waitUntil(lambda: bool(told) or (not pane.writer.busy and store.responses.count() == 8), timeout=120_000)
    assert not told
    makers = {
        (response.adapter_id or response.model_id): response
        for prompt_id in ids(pane)
        for response in store.responses.of_prompt(prompt_id)
    }
    names = {store.models.find(id_).name for id_ in makers}
    assert names == {"safetensors", second, "gpt2", "server"}
    server = store.models.find("server")
    assert makers[server.id].text == "Hello, world" and makers[server.id].response_tokens > 0
    assert all(view.cards and not view.drafts for view in pane.area.views)


def test_four_columns_stream_at_once_and_stop_within_half_a_second(world, qtbot):
    pane, store, told = world.pane, world.store, failures(world.context)
    world.speech.says = ENDLESS
    choose(pane, qtbot, store, ["safetensors", "adapter", "gpt2", "server"])
    settle(pane, qtbot, 500)
    pane.sampling.fields["temperature"].spin.setValue(2.0)
    begun, seen = set(), []
    pane.writer.token.connect(lambda request, index, text: (begun.add(request.place), seen.append(request.place)))
    control_enter(pane, qtbot)
    qtbot.waitUntil(lambda: bool(told) or begun == {0, 1, 2, 3}, timeout=120_000)
    assert not told
    writing = [place for place in range(4) if pane.writer.lane(place).request is not None]
    assert len(writing) >= 2 and 3 in writing  # a tiny model may come to its end before the last one begins
    asked = time.monotonic()
    key(pane, qtbot, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not pane.writer.busy, timeout=10_000)
    took = time.monotonic() - asked
    assert took < 5, took  # half a second on a machine with nothing else to do
    assert pane.area.views[3].drafts[0].state.text() == "Stopped, not kept"
    assert world.server.gone.wait(10)  # its connection was closed
    world.speech.says = Says()
    control_enter(pane, qtbot)  # and everything is there for the next answers
    qtbot.waitUntil(lambda: bool(told) or bool(pane.area.views[3].cards), timeout=60_000)
    assert not told
    pane.writer.stop()
    qtbot.waitUntil(lambda: not pane.writer.busy, timeout=10_000)


def test_a_server_that_goes_away_in_mid_stream_is_said_and_the_others_go_on(world, qtbot):
    pane, store, told = world.pane, world.store, failures(world.context)
    world.speech.says = Says(pieces=["It is "], breaks=True)
    choose(pane, qtbot, store, ["safetensors", "server"])
    settle(pane, qtbot, 6)
    control_enter(pane, qtbot)
    qtbot.waitUntil(lambda: bool(told) and bool(pane.area.views[0].cards), timeout=120_000)
    ((text, hint, tone),) = told
    assert "server" in text.lower() and hint and tone == "bad"
    (card,) = pane.area.views[1].cards.values()
    assert card.text.plain() == "It is " and "broke off" in card.meta.text() and not card.ticked()
    (kept,) = [each for each in store.responses.of_prompt(ids(pane)[0]) if each.finish_reason == "broke off"]
    assert (kept.text, kept.queued) == ("It is ", False)


def test_a_server_alone_needs_no_model_in_memory(world, qtbot):
    pane, store, told = world.pane, world.store, failures(world.context)
    pane.columns.change_model(0, store.models.find("server").id)
    settle(pane, qtbot, 6, samples=3)
    control_enter(pane, qtbot)
    qtbot.waitUntil(lambda: bool(told) or not pane.writer.busy, timeout=60_000)
    assert not told and world.context.session_ids == []
    assert len(pane.area.views[0].cards) == 3
    assert sorted(body["seed"] for _, body in world.server.asked) == [17, 18, 19]
    # 7 tokens in and 3 out, at 200 and 1,000 for a million of them
    assert all("cost 0.0044" in card.meta.text() for card in pane.area.views[0].cards.values())


@pytest.mark.real_model
def test_smollm2_writes_from_every_source(tmp_path, qtbot):
    """SmolLM2 as safetensors, with an adapter, as a GGUF file written here, and a server, on the same prompts."""
    if not any((paths.shared_models() / name).is_dir() for name in (STARTER, STARTER_ID.replace("/", "--"))):
        pytest.skip("the starter model is not on this machine")
    store = Store.open(tmp_path / "project")
    list(fetch_starter(store))
    base = store.models.list("base")[0]
    add_model(store, str(adapter(tmp_path / "adapter", base.location)), "adapter", base_id=base.id)
    list(export_model(store, base.id, tmp_path / "smollm2.gguf", format="gguf", dtype="float16"))
    add_model(store, str(tmp_path / "smollm2.gguf"), "gguf")
    for text in ("What is the capital of France?", "What is the capital of Italy?"):
        store.prompts.add(text)
    with serving() as server:
        add_server(store, server.url, "small", name="server")
        context = Context(store)
        pane = display(qtbot, GeneratePane(context))
        told = failures(context)
        choose(pane, qtbot, store, [base.name, "adapter", "gguf", "server"])
        settle(pane, qtbot, 24)
        qtbot.mouseClick(pane.sampling.presets.button("exact"), Qt.MouseButton.LeftButton)
        pane.prompts.list.setFocus()
        key(pane, qtbot, "b")
        qtbot.waitUntil(lambda: bool(told) or (not pane.writer.busy and store.responses.count() == 8), timeout=280_000)
        assert not told
        by_model = {store.models.find(each.adapter_id or each.model_id).name: each.text
                    for each in store.responses.of_prompt(store.prompts.list()[0].id)}  # fmt: skip
        assert "Paris" in by_model[base.name] and by_model["gguf"] == by_model[base.name]
        assert by_model["adapter"] and by_model["server"] == "Hello, world"
        delete(pane)
        context.close()
        store.close()
