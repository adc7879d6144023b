"""Reward training on tiny models: it learns, keeps the best, saves what loads again, and stops when asked."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import worlds
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Sample, Saved, Started, Stopped
from workbench.feedback.base import Pair
from workbench.lm.scoring import encode_all, load_reward, score_all
from workbench.methods import reward
from workbench.methods.base import Data

QUICK = {"epochs": 8, "learning_rate": 5e-3, "rank": 4, "max_tokens": 64, "device": "cpu", "dtype": "float32"}


def run(job, **options):
    return list(reward.train(job, reward.Options(**QUICK | options)))


@pytest.fixture(scope="module")
def outcome(llama_folder, tmp_path_factory):
    job = worlds.job(tmp_path_factory.mktemp("run"), llama_folder, data=Data(pairs=worlds.pairs()))
    return job, run(job)


def test_it_learns_what_the_judgements_say(outcome):
    _, events = outcome
    first = next(event for event in events if isinstance(event, Metrics)).values
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.summary["accuracy"] > 0.9
    assert last.summary["held_out_loss"] < 0.7 * first["loss/held_out"]
    assert last.summary["longer_wins"] == reward.longer_wins([p for p in worlds.pairs() if p.split == "held_out"])
    assert last.summary["pairs"] == 48
    assert last.summary["held_out_pairs"] == 16


def test_events_come_in_order_and_metrics_at_every_step(outcome):
    _, events = outcome
    assert [type(event) for event in events if isinstance(event, Started | Saved | Finished)] == [
        Started,
        Saved,
        Finished,
    ]
    steps = [event.step for event in events if isinstance(event, Metrics)]
    assert steps == list(range(events[1].total + 1))
    assert all(math.isfinite(v) for event in events if isinstance(event, Metrics) for v in event.values.values())
    assert sum(isinstance(event, Sample) for event in events) == 16


def test_the_saved_model_scores_as_the_trained_one(outcome):
    job, events = outcome
    saved = next(event for event in events if isinstance(event, Saved))
    ref = worlds.job(job.folder, job.model.base, data=Data(), reward=saved.path).reward
    model = load_reward(ref, FP32)
    held = job.data.split("held_out").pairs
    chosen = score_all(model, encode_all(model, ((p.messages, p.chosen) for p in held)))
    rejected = score_all(model, encode_all(model, ((p.messages, p.rejected) for p in held)))
    assert float((chosen > rejected).float().mean()) == pytest.approx(saved.info["accuracy"])
    info = json.loads((job.folder / "reward" / "reward.json").read_text())
    assert info["architecture"] == "adapter"
    assert info["std"] > 0


def next_round(job, folder, pairs, **fields):
    """A job that goes on from the reward model that another made."""
    ref = replace(job.model, adapter=str(job.folder / "reward"), kind="reward")
    return replace(job, folder=folder, model=ref, data=Data(pairs=pairs), **fields)


def test_a_reward_model_learns_more_from_where_it_was(llama_folder, tmp_path):
    first = worlds.job(tmp_path / "one", llama_folder, data=Data(pairs=worlds.pairs(12, 8)))
    ended = run(first, heads=3)[-1]
    more = worlds.pairs(24, 8, seed=5)
    events = run(next_round(first, tmp_path / "two", more), epochs=2)
    begins = next(event for event in events if isinstance(event, Metrics))
    fresh = run(worlds.job(tmp_path / "fresh", llama_folder, data=Data(pairs=more)), warm_start=False)
    from_nothing = next(event for event in fresh if isinstance(event, Metrics))
    assert from_nothing.values["accuracy/held_out"] <= 0.5 < 0.9 < begins.values["accuracy/held_out"]
    assert (
        events[-1].summary["held_out_loss"] <= begins.values["loss/held_out"]
    )  # the best is kept, and that may be the first
    assert ended.summary["accuracy"] > 0.9
    stored = load_file(tmp_path / "two" / "reward" / "reward_head.safetensors")
    assert "ensemble" not in stored  # it belonged to other weights


def test_an_encoder_learns_more_from_where_it_was(bert_folder, tmp_path):
    first = worlds.job(tmp_path / "one", bert_folder, data=Data(pairs=worlds.pairs()))
    ended = run(first, learning_rate=3e-3, epochs=10)[-1]
    events = run(next_round(first, tmp_path / "two", worlds.pairs()), epochs=1, learning_rate=1e-6)
    begins = next(event for event in events if isinstance(event, Metrics))
    assert begins.values["accuracy/held_out"] == ended.summary["accuracy"]


@pytest.mark.parametrize("options", [{"loss": "hinge"}, {"use_margin": True}, {"loss": "hinge", "use_margin": True}])
def test_other_losses_learn_too(llama_folder, tmp_path, options):
    events = run(worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs())), **options)
    assert events[-1].summary["accuracy"] > 0.9


def test_an_encoder_is_trained_whole(bert_folder, tmp_path):
    job = worlds.job(tmp_path, bert_folder, data=Data(pairs=worlds.pairs()))
    events = run(job, learning_rate=3e-3, epochs=10)
    assert events[-1].summary["accuracy"] > 0.8
    ref = worlds.job(tmp_path, bert_folder, data=Data(), reward=tmp_path / "reward").reward
    model = load_reward(ref, FP32)
    scores = score_all(model, encode_all(model, [(worlds.messages("say fox"), "fox dog kind lazy")]))
    assert math.isfinite(float(scores[0]))


def test_micro_batches_change_memory_and_not_the_step(llama_folder, tmp_path):
    data = Data(pairs=worlds.pairs(8, 4))
    runs = [
        run(worlds.job(tmp_path / str(micro), llama_folder, data=data), epochs=1, micro_tokens=micro)
        for micro in (1024, 40)
    ]
    losses = [[e.values["loss/train"] for e in events if isinstance(e, Metrics) and e.step] for events in runs]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_the_same_seed_gives_the_same_run(llama_folder, tmp_path):
    data = Data(pairs=worlds.pairs(8, 4))
    runs = [run(worlds.job(tmp_path / name, llama_folder, data=data), epochs=2) for name in "ab"]
    values = [[event.values for event in events if isinstance(event, Metrics)] for events in runs]
    assert values[0] == values[1]


def test_stop_keeps_the_best_so_far(llama_folder, tmp_path):
    calls = iter(range(10_000))
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs()), stopping=lambda: next(calls) > 12)
    events = run(job)
    assert isinstance(events[-1], Stopped)
    assert 0 < events[-1].step < events[1].total
    assert (tmp_path / "reward" / "reward_head.safetensors").is_file()


def test_stop_before_anything_was_learned_keeps_nothing(llama_folder, tmp_path):
    events = run(worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs()), stopping=lambda: True))
    assert events[-1] == Stopped(0)
    assert not (tmp_path / "reward").exists()


def test_training_goes_on_from_the_fitted_head(llama_folder, tmp_path):
    """The optimiser keeps float32 copies of the weights: taken before the fit, they would undo it at the first step."""
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs()))
    trial = reward.Run(job, reward.Options(**QUICK | {"learning_rate": 1e-6, "dropout": 0.0}), FP32)
    steps = trial.steps()
    while not isinstance(event := next(steps), Metrics):
        pass
    fitted = trial.model.weight.detach().clone()
    assert event.step == 0
    assert float(fitted.abs().max()) > 0.01
    while event.step < 2:
        event = next(steps)
    assert float((trial.model.weight - fitted).abs().max()) < 1e-4


def test_too_little_data_is_refused_in_words(llama_folder, tmp_path):
    with pytest.raises(WorkbenchError, match="at least 4 pairs"):
        run(worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs(2, 4))))
    with pytest.raises(WorkbenchError, match="held-out"):
        run(worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs(8, 0))))


def test_longer_wins_counts_ties_half():
    texts = [("longer", "short"), ("aaa", "bbb"), ("a", "bbb")]
    pairs = [Pair("p", worlds.messages("say"), chosen, rejected) for chosen, rejected in texts]
    assert reward.longer_wins(pairs) == pytest.approx(0.5)
    assert math.isnan(reward.longer_wins([]))
