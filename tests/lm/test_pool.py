"""Several models in memory: each writes what it writes alone, and leaves when another needs the room."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch

from tests import tiny
from tests.conftest import FP32
from workbench.errors import WorkbenchError
from workbench.lm.features import read
from workbench.lm.generating import Sampler, sample, sample_all
from workbench.lm.loading import POLICY, add_new_adapter, load
from workbench.lm.pool import NoRoom, Pool, bytes_of, key_of
from workbench.lm.refs import ModelRef
from workbench.lm.saving import save_adapter

SAMPLER = Sampler(temperature=1.0, max_new_tokens=16, min_new_tokens=16)
PROMPT = [{"role": "user", "content": "hello"}]
PLENTY = 1 << 40


@pytest.fixture(scope="module")
def refs(tmp_path_factory, llama_folder, gpt2_folder):
    """A base, two adapters on it, and another base of another kind."""
    made = {"base": ModelRef(str(llama_folder), id="base", name="base")}
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        loaded = load(made["base"], FP32)
        add_new_adapter(loaded, POLICY, rank=4, alpha=32.0)
        with torch.no_grad():
            for key, weight in loaded.model.named_parameters():
                if "lora_B" in key:
                    weight.normal_(0, 0.3)
        folder = tmp_path_factory.mktemp("adapters") / name
        save_adapter(loaded, POLICY, folder, {})
        made[name] = ModelRef(str(llama_folder), adapter=str(folder), kind="adapter", id=name, name=name)
    made["other"] = ModelRef(str(gpt2_folder), id="other", name="other")
    return made


def alone(ref):
    loaded = load(ref, FP32)
    return sample_all(loaded, [loaded.template.prompt_ids(PROMPT)] * 2, SAMPLER, [5, 6])


def steps(pool, ref):
    loaded = pool.take(ref)
    return loaded, sample(loaded, [loaded.template.prompt_ids(PROMPT)] * 2, SAMPLER, [5, 6])


def test_models_that_take_turns_write_what_each_writes_alone(refs):
    pool = Pool(FP32, lambda: PLENTY)
    found = {name: [] for name in refs}
    running = {name: steps(pool, ref) for name, ref in refs.items()}
    while running:
        for name, (loaded, writing) in list(running.items()):
            pool.activate(loaded)
            grown = next(writing, None)
            if grown is None:
                del running[name]
            else:
                found[name] = grown
    wanted = {name: [draft.ids for draft in alone(ref)] for name, ref in refs.items()}
    assert {name: [draft.ids for draft in drafts] for name, drafts in found.items()} == wanted
    assert len({str(ids) for name, ids in wanted.items()}) == 4  # the adapters do change what is written
    assert pool.ids() == ["base", "first", "second", "other"]


def test_reading_with_every_adapter_off_does_not_change_who_writes(refs):
    pool = Pool(FP32, lambda: PLENTY)
    first, base = pool.take(refs["first"]), pool.take(refs["base"])
    plain = read(load(refs["base"], FP32), [(PROMPT, "a kind answer")])
    for loaded in (first, base, first, base):
        pool.activate(loaded)
        assert abs(read(loaded, [(PROMPT, "a kind answer")]) - plain).max() < 1e-5
        pool.activate(loaded)
        drafts = sample_all(loaded, [loaded.template.prompt_ids(PROMPT)] * 2, SAMPLER, [5, 6])
        assert [draft.ids for draft in drafts] == [draft.ids for draft in alone(loaded.ref)]


def test_what_was_used_longest_ago_leaves_for_another(refs):
    free = itertools.chain([0, PLENTY], itertools.repeat(PLENTY))
    pool = Pool(FP32, lambda: next(free))
    pool.take(refs["first"])
    pool.take(refs["other"])
    assert pool.ids() == ["other"] and pool.left == ["first"]
    assert pool.holds(refs["other"]) and not pool.holds(refs["first"])


def test_a_model_that_writes_does_not_leave(refs):
    pool = Pool(FP32, lambda: 0)
    pool.take(refs["base"])
    with pytest.raises(NoRoom):
        pool.take(refs["other"], busy={key_of(refs["base"])})
    assert pool.ids() == ["base"]
    pool.take(refs["second"], busy={key_of(refs["base"])})  # an adapter on a base that is there needs no room
    assert pool.ids() == ["base", "second"]
    pool.take(refs["other"])  # nobody writes any more, so the others leave, and it is tried whatever there is
    assert pool.ids() == ["other"]


def test_dropping_a_model_leaves_its_base_while_another_stands_on_it(refs):
    pool = Pool(FP32, lambda: PLENTY)
    for name in ("first", "second"):
        pool.take(refs[name])
    assert pool.drop("first") and pool.ids() == ["second"]
    loaded = pool.take(refs["second"])
    drafts = sample_all(loaded, [loaded.template.prompt_ids(PROMPT)] * 2, SAMPLER, [5, 6])
    assert [draft.ids for draft in drafts] == [draft.ids for draft in alone(refs["second"])]
    assert pool.drop("second") and pool.ids() == [] and not pool.drop("second")


@pytest.mark.parametrize("active", ["base", "first"])
def test_a_base_whose_last_adapter_left_writes_on_and_takes_adapters_again(refs, active):
    pool = Pool(FP32, lambda: PLENTY)
    for name in ("base", "first", active):
        pool.take(refs[name])
    pool.drop("first")
    for name in ("base", "second", "first", "base"):
        loaded = pool.take(refs[name])
        drafts = sample_all(loaded, [loaded.template.prompt_ids(PROMPT)] * 2, SAMPLER, [5, 6])
        assert [draft.ids for draft in drafts] == [draft.ids for draft in alone(refs[name])], name


def test_an_adapter_of_another_shape_leaves_nothing_on_the_base(refs, tmp_path):
    """Its base has the same layers by name, and other sizes: that is found when the weights are put in."""
    wider = load(ModelRef(str(tiny.llama(tmp_path / "wider", hidden=64))), FP32)
    add_new_adapter(wider, POLICY, rank=4, alpha=32.0)
    save_adapter(wider, POLICY, tmp_path / "strange", {})
    strange = ModelRef(refs["base"].base, adapter=str(tmp_path / "strange"), kind="adapter", id="strange")
    pool = Pool(FP32, lambda: PLENTY)
    for name in ("base", "first"):
        pool.take(refs[name])
        with pytest.raises(WorkbenchError, match="does not fit"):
            pool.take(strange)
        assert (
            not [key for key, _ in pool.take(refs["base"]).model.named_parameters() if "lora_" in key] or name != "base"
        )
        loaded = pool.take(refs[name])
        drafts = sample_all(loaded, [loaded.template.prompt_ids(PROMPT)] * 2, SAMPLER, [5, 6])
        assert [draft.ids for draft in drafts] == [draft.ids for draft in alone(refs[name])]


def test_a_model_that_cannot_be_loaded_changes_nothing(refs, tmp_path):
    pool = Pool(FP32, lambda: PLENTY)
    pool.take(refs["base"])
    with pytest.raises(WorkbenchError):
        pool.take(ModelRef(str(tmp_path / "nothing"), id="nothing"))
    with pytest.raises(WorkbenchError):
        pool.take(ModelRef(refs["base"].base, adapter=str(tmp_path), kind="adapter", id="bad"))
    assert pool.ids() == ["base"]


def test_the_room_that_a_base_needs_is_that_of_its_weights(refs, tmp_path):
    weights = sum(weight.numel() for weight in load(refs["base"], FP32).causal.parameters())
    assert bytes_of(refs["base"], FP32) == pytest.approx(4 * weights, rel=0.05)
    assert bytes_of(ModelRef(str(tiny.bert(tmp_path / "bert") / "nothing")), FP32) == 0


def test_a_model_that_is_wanted_in_another_way_does_not_stay_beside_itself(refs):
    pool = Pool(FP32, lambda: PLENTY)
    pool.take(refs["base"])
    other = dataclasses.replace(refs["base"], attention="eager")
    pool.take(other, busy={key_of(refs["base"])})  # it writes, and goes on
    assert pool.ids() == ["base", "base"]
    pool.take(refs["other"])
    pool.take(other)
    assert pool.ids() == ["base", "other"] and pool.holds(other) and not pool.holds(refs["base"])
