"""What a finished reward run says about itself: its reliability curve, and the doubts of its heads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import worlds
from workbench.errors import WorkbenchError
from workbench.events import Event, Finished, Metrics, Warned, from_line, to_line
from workbench.lm.scoring import AdapterReward, encode_all, load_reward, score_all
from workbench.methods import reward
from workbench.methods.base import Data, Job
from workbench.methods.reward_measuring import Held, doubts

QUICK: dict[str, Any] = {
    "epochs": 4,
    "learning_rate": 5e-3,
    "rank": 4,
    "max_tokens": 64,
    "device": "cpu",
    "dtype": "float32",
}


def run(job: Job, **options: Any) -> list[Event]:
    return list(reward.train(job, reward.Options(**QUICK | options)))


def reopened(job: Job) -> AdapterReward:
    assert job.model is not None
    ref = worlds.job(job.folder, Path(job.model.base), data=Data(), reward=job.folder / "reward").reward
    assert ref is not None
    model = load_reward(ref, FP32)
    assert isinstance(model, AdapterReward)
    return model


@pytest.fixture(scope="module")
def outcome(llama_folder, tmp_path_factory):
    job = worlds.job(tmp_path_factory.mktemp("run"), llama_folder, data=Data(pairs=worlds.pairs()))
    return job, run(job, heads=6)


def test_figures_of_pairs_equal_hand_arithmetic():
    held = Held(torch.tensor([2.0, 0.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, -3.0]))
    assert held.accuracy == pytest.approx(2.5 / 4)
    losses = [math.log1p(math.exp(-gap)) for gap in (1, -1, 0, 4)]
    assert held.loss == pytest.approx(sum(losses) / 4)
    assert held.metrics()["margin/held_out"] == pytest.approx(1.0)
    # p = 0.731 once right and once wrong, 0.5 undecided, 0.982 right
    expected = (2 * (0.7310586 - 0.5) + 0.0 + (1 - 0.9820138)) / 4
    assert held.metrics()["calibration/ece"] == pytest.approx(expected, abs=1e-6)


def test_the_summary_has_the_curve_and_survives_the_way_to_the_window(outcome):
    _, events = outcome
    end = from_line(to_line(events[-1]))
    assert isinstance(end, Finished)
    curve = end.summary["reliability"]
    assert sum(each["count"] for each in curve) == end.summary["held_out_pairs"] == 16
    right = sum(each["count"] * each["right"] for each in curve) / 16
    assert right == pytest.approx(end.summary["accuracy"])
    assert all(each["low"] <= each["right"] <= each["high"] for each in curve)
    at_best = [e.values for e in events if isinstance(e, Metrics) and e.step == end.summary["best_step"]]
    assert end.summary["ece"] == pytest.approx(at_best[0]["calibration/ece"])


def test_heads_are_saved_and_say_the_same_doubts_again(outcome):
    job, events = outcome
    end = events[-1]
    assert isinstance(end, Finished)
    stored = load_file(job.folder / "reward" / "reward_head.safetensors")
    assert stored["ensemble"].shape == (6, stored["weight"].shape[0])
    model = reopened(job)
    held = job.data.split("held_out").pairs
    items = [item for side in ("chosen", "rejected") for item in sides(model, held, side)]
    spread = model.spread(items)
    assert spread.shape == (32,)
    assert float(spread.mean()) == pytest.approx(end.summary["spread"], rel=1e-3)
    assert float(spread.min()) > 0
    scores = model.each(model.all_features(items))
    torch.testing.assert_close(scores.mean(0), torch.zeros(6), atol=1e-3, rtol=0)  # each head is standardised
    torch.testing.assert_close(scores.std(0), torch.ones(6), atol=1e-3, rtol=0)


def sides(model: AdapterReward, pairs: Any, side: str) -> list[Any]:
    return encode_all(model, ((pair.messages, getattr(pair, side)) for pair in pairs))


def test_heads_agree_with_the_trained_head_about_what_is_clear(outcome):
    job, _ = outcome
    model = reopened(job)
    held = job.data.split("held_out").pairs
    chosen, rejected = (sides(model, held, side) for side in ("chosen", "rejected"))
    trained = score_all(model, chosen) - score_all(model, rejected)
    heads = model.each(model.all_features(chosen)) - model.each(model.all_features(rejected))
    assert float(((heads.mean(1) > 0) == (trained > 0)).float().mean()) > 0.9


def test_heads_do_not_change_the_scores(llama_folder, tmp_path):
    data = Data(pairs=worlds.pairs(16, 8))
    jobs = [worlds.job(tmp_path / str(heads), llama_folder, data=data) for heads in (1, 4)]
    ends = [run(job, heads=heads, epochs=1)[-1].summary for job, heads in zip(jobs, (1, 4), strict=True)]  # type: ignore[attr-defined]
    assert ends[1] == ends[0] | {key: ends[1][key] for key in set(ends[1]) - set(ends[0])}
    assert set(ends[1]) - set(ends[0]) == {"heads", "spread", "accuracy_certain", "accuracy_uncertain"}
    with pytest.raises(WorkbenchError, match="one head"):
        reopened(jobs[0]).spread([])


def test_doubts_equal_hand_arithmetic():
    # gaps of two heads: (4, 2), (1, -1), (-3, -1), (0.2, 0.4); |mean| / deviation: 2.12, 0, 1.41, 2.12
    gaps = torch.tensor([[4.0, 2.0], [1.0, -1.0], [-3.0, -1.0], [0.2, 0.4]])
    scores = torch.zeros(8, 2)
    scores[0::2] = gaps
    held = Held(torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 0.0]))
    found = doubts(scores, held)
    assert (found["heads"], found["accuracy_certain"], found["accuracy_uncertain"]) == (2, 1.0, 0.25)
    assert found["spread"] == pytest.approx(float(gaps.std(1).sum()) / 8)


def test_an_encoder_says_that_it_has_one_head(bert_folder, tmp_path):
    events = run(worlds.job(tmp_path, bert_folder, data=Data(pairs=worlds.pairs(8, 4))), heads=4, epochs=1)
    assert [event.topic for event in events if isinstance(event, Warned) and event.topic == "heads"] == ["heads"]
    assert isinstance(events[-1], Finished)
    assert "spread" not in events[-1].summary


@pytest.mark.parametrize("kind", ["llama_folder", "bert_folder"])
def test_nothing_is_dropped_while_measuring(kind, request, tmp_path):
    """What is measured is the model that is saved, not a random part of it."""
    job = worlds.job(tmp_path, request.getfixturevalue(kind), data=Data(pairs=worlds.pairs(16, 8)))
    trial = reward.Run(job, reward.Options(dropout=0.5, **QUICK), FP32)
    steps = trial.steps()
    while not isinstance(event := next(steps), Metrics) or event.step < 2:
        pass
    items = [item for pair in trial.held_pairs for item in pair]
    assert torch.equal(score_all(trial.model, items), score_all(trial.model, items))
    trial.model.train_groups(0.0)
    with torch.no_grad():
        assert not torch.equal(trial.model.scores(items), trial.model.scores(items))
