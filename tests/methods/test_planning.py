"""Plans: from options and data to counts of tokens."""

import dataclasses
import random

import pytest

from tests.methods import stored, worlds
from workbench.lm.devices import choose
from workbench.lm.refs import ModelRef
from workbench.methods import METHODS, ppo, reward
from workbench.methods.base import Data
from workbench.methods.planning import (
    OPENING,
    _longest_of,
    imitating_work,
    judging_work,
    micro_tokens_that_fit,
    plan,
    text_tokens,
    train_tokens,
    writing_work,
)

PPO = dataclasses.asdict(ppo.Options())
REWARD = dataclasses.asdict(reward.Options())
DATA = Data(prompts=worlds.prompts(), pairs=worlds.pairs())


def test_the_usual_micro_batch_is_that_of_the_devices():
    compute = choose("cpu")
    assert train_tokens("cpu") == compute.train_tokens
    assert train_tokens("cuda") == dataclasses.replace(compute, device=type(compute.device)("cuda")).train_tokens


@pytest.mark.parametrize("budget", [0, 128, 300, 1 << 20])
def test_a_micro_batch_stays_within_its_tokens_and_its_step(budget):
    work = writing_work(PPO | {"micro_tokens": budget, "batch_size": 64, "minibatches": 2}, DATA, "cpu")
    assert work.tokens <= (budget or train_tokens("cpu"))
    assert work.logits % 48 == 0
    assert work.logits // 48 <= 32
    if budget == 1 << 20:
        assert work.logits == 32 * 48


def test_one_row_is_learned_from_even_if_it_is_longer_than_the_budget():
    work = writing_work(PPO | {"micro_tokens": 16}, DATA, "cpu")
    assert work.logits == 48
    assert work.tokens >= work.longest - 1


def test_a_longer_answer_a_larger_batch_and_another_base_take_more(llama_folder, tmp_path):
    ref = ModelRef(str(llama_folder))

    def total(reward_ref=None, **changes):
        return plan(PPO | changes, DATA, ref, reward_ref, bytes_each=4).estimate.total

    plain = total()
    assert total(max_new_tokens=512, micro_tokens=4096) > plain
    assert total(batch_size=512) > plain
    assert total(rank=64) > plain
    other = ModelRef(str(llama_folder), adapter=str(tmp_path), base_hash="x")
    moved = ModelRef(str(llama_folder.parent / "." / llama_folder.name) + "/", adapter=str(tmp_path), base_hash="y")
    assert total(moved) > total(other)  # a base of its own
    assert plan(PPO, DATA, ModelRef("no/where"), None, bytes_each=4) is None


def test_a_pairs_prompt_is_counted_once_and_cut_at_the_limit():
    work = judging_work(REWARD | {"dropout": 0.0}, DATA, "cpu")
    assert work.tokens > 0
    assert not work.dropout
    assert work.depth == pytest.approx(2 / 3)
    short = judging_work(REWARD | {"max_tokens": 16}, DATA, "cpu")
    assert short.tokens <= OPENING + 8 * 32
    assert short.longest <= OPENING + 16


def test_the_worst_draw_is_between_the_usual_and_the_longest():
    draw = random.Random(3)
    lengths = [draw.randint(10, 200) for _ in range(200)]
    worst = max(sum(draw.sample(lengths, 8)) for _ in range(200))
    assert _longest_of(lengths, 8, 8) == pytest.approx(worst, rel=0.15)
    assert _longest_of([50, 50, 50], 8, 2) == 100


def test_every_script_is_counted_by_its_bytes():
    assert text_tokens("Thank the neighbour for the water.") == pytest.approx(8, abs=2)
    assert text_tokens("谢谢邻居帮忙浇花") >= 5


def test_what_fits_can_be_asked_for(llama_folder):
    found = plan(PPO, DATA, ModelRef(str(llama_folder)), None, bytes_each=4)
    assert micro_tokens_that_fit(found, 1 << 20, "cpu") == 0
    assert micro_tokens_that_fit(found, 1 << 40, "cpu") == 1 << 17


@pytest.mark.parametrize("name", stored.NAMES)
def test_methods_on_stored_judgements_are_planned_by_their_own_examples(llama_folder, name):
    ref, data = ModelRef(str(llama_folder)), stored.data()
    options = dataclasses.asdict(METHODS[name].Options())

    def planned(**changes):
        return plan(options | changes, data, ref, None, bytes_each=4)

    plain = planned()
    assert 0 < plain.work.tokens <= train_tokens("cpu")
    assert plain.work.longest <= planned(max_tokens=4096).work.longest
    assert planned(max_tokens=16).work.longest == 16
    assert planned(train="full").estimate.optimiser > plain.estimate.optimiser
    assert planned(micro_tokens=64).estimate.total < plain.estimate.total
    assert planned(quantize="8bit").estimate.weights < plain.estimate.weights
    other = {"sft": "pairs", "dpo": "labels", "kto": "pairs", "orpo": "labels", "cpo": "demonstrations"}[name]
    assert plan(options, Data(**{other: getattr(data, other)}), ref, None, bytes_each=4).work.tokens == 0


def test_padded_rows_fill_the_micro_batch_that_a_step_is_cut_into():
    options = dataclasses.asdict(METHODS["dpo"].Options(batch_size=64))
    assert imitating_work(options, stored.data(), "cpu", 1000).tokens == train_tokens("cpu")
    assert imitating_work(options | {"batch_size": 2}, stored.data(), "cpu", 1000).tokens < train_tokens("cpu")


def test_all_logits_take_more_than_a_tile():
    ours = {name: dataclasses.asdict(METHODS[name].Options()) for name in ("dpo", "orpo", "cpo")}
    found = {name: imitating_work(options, stored.data(), "cuda", 150_000).theirs for name, options in ours.items()}
    assert found["orpo"] == found["cpo"] > 10 * found["dpo"]
