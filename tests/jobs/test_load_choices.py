"""How a model is loaded to write is kept by model, and is what the session does."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import FP32
from tests.jobs import worlds
from tests.jobs.test_session import request, until
from workbench import events as ev
from workbench.errors import WorkbenchError
from workbench.jobs import load_choices, preparing
from workbench.jobs.load_choices import LoadChoice
from workbench.jobs.process import Child
from workbench.jobs.spec import JobSpec
from workbench.lm.devices import Compute, check_attention, in_dtype
from workbench.lm.loading import load_as_chosen

CARD = Compute(torch.device("cuda"), torch.bfloat16, "card", 0)


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


def test_a_choice_is_kept_and_followed_by_what_stands_on_the_base(store):
    base = store.models.list()[0]
    adapter = store.models.add(name="theirs", kind="adapter", source="local", location="/tmp", parent_id=base.id)
    assert load_choices.of(store, adapter) == LoadChoice()
    load_choices.keep(store, base, LoadChoice("bfloat16", attention="eager"))
    assert load_choices.of(store, adapter) == LoadChoice("bfloat16", attention="eager")
    load_choices.keep(store, adapter, LoadChoice("float32"))
    assert load_choices.of(store, adapter).dtype == "float32" and load_choices.of(store, base).dtype == "bfloat16"
    store.set_setting(load_choices.SETTING.format(id=adapter.id), {"dtype": "int3", "attention": "sdpa"})
    assert load_choices.of(store, adapter) == LoadChoice(attention="sdpa")


def test_the_session_loads_as_chosen_and_tells_what_cannot_be(store, tmp_path):
    base = store.models.list()[0]
    load_choices.keep(store, base, LoadChoice("bfloat16", attention="eager"))
    ref = preparing.reference(store, base.id)
    child = Child(JobSpec("session", "session", {"device": "cpu"}, str(tmp_path), ref), tmp_path / "log.txt")
    events = child.events()
    try:
        assert until(events, ev.Loaded)[-1].info["dtype"] == "bfloat16"
        load_choices.keep(store, base, LoadChoice(quantize="8bit"))
        child.send(request(preparing.reference(store, base.id)))
        failed = until(events, ev.Failed)[-1]
        assert "8-bit weights need" in failed.text
    finally:
        child.kill()
        child.close()


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_the_kernel_is_the_librarys_and_gives_the_same_numbers(llama_folder, llama, kernel):
    from workbench.lm.refs import ModelRef

    loaded = load_as_chosen(ModelRef(str(llama_folder), attention=kernel), FP32)
    assert loaded.causal.config._attn_implementation == kernel and not loaded.packs
    ids = torch.tensor([[5, 9, 3, 17]])
    with torch.no_grad():
        assert torch.allclose(loaded.causal(input_ids=ids).logits, llama.causal(input_ids=ids).logits, atol=1e-4)


@pytest.mark.parametrize(
    ("compute", "kernel", "installed", "said"),
    [
        (FP32, "flash_attention_2", True, "needs an NVIDIA or AMD card"),
        (CARD, "flash_attention_2", False, "is not installed"),
        (in_dtype(CARD, "float32"), "flash_attention_2", True, "does not compute in float32"),
    ],
)
def test_flash_attention_only_where_it_works(compute, kernel, installed, said):
    check_attention(CARD, "flash_attention_2", installed=True)
    check_attention(compute, "sdpa", installed=installed)
    with pytest.raises(WorkbenchError, match=said):
        check_attention(compute, kernel, installed=installed)


def test_number_formats(llama_folder):
    assert in_dtype(FP32, "auto") is FP32
    assert in_dtype(CARD, "float16").dtype is torch.float16
    with pytest.raises(WorkbenchError, match="does not compute in float16"):
        in_dtype(FP32, "float16")
