"""How reward training ends: early, or because numbers went bad, and what is kept and said then."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import worlds
from workbench.errors import WorkbenchError
from workbench.events import Event, Finished, Metrics, Saved, Warned
from workbench.lm.scoring import AdapterReward, encode_all, load_reward, score_all
from workbench.methods import reward
from workbench.methods.base import Data, Job

QUICK: dict[str, Any] = {
    "epochs": 8,
    "learning_rate": 5e-3,
    "rank": 4,
    "max_tokens": 64,
    "device": "cpu",
    "dtype": "float32",
}
WILD: dict[str, Any] = {"learning_rate": 0.1, "warmup": 0.0, "evaluations": 48, "clip_norm": 0.0}


def run(job: Job, **options: Any) -> list[Event]:
    return list(reward.train(job, reward.Options(**QUICK | options)))


def curve(events: list[Event], name: str) -> dict[int, float]:
    metrics = [event for event in events if isinstance(event, Metrics)]
    return {event.step: float(event.values[name] or 0.0) for event in metrics if name in event.values}


def saved_accuracy(job: Job) -> float:
    """Accuracy on the held-out pairs of what lies on disk."""
    assert job.model is not None
    ref = worlds.job(job.folder, Path(job.model.base), data=Data(), reward=job.folder / "reward").reward
    assert ref is not None
    model = load_reward(ref, FP32)
    held = job.data.split("held_out").pairs
    chosen, rejected = (
        score_all(model, encode_all(model, ((pair.messages, getattr(pair, side)) for pair in held)))
        for side in ("chosen", "rejected")
    )
    return float((chosen > rejected).float().mean())


@pytest.mark.parametrize(("keep", "name"), [("loss", "loss/held_out"), ("accuracy", "accuracy/held_out")])
def test_patience_ends_it_and_the_best_is_kept(llama_folder, tmp_path, keep, name):
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs()))
    events = run(job, patience=2, keep=keep, **WILD)
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.summary["stopped_early"] is True
    measured = curve(events, name)
    best = min(measured.values()) if keep == "loss" else max(measured.values())
    assert measured[end.summary["best_step"]] == pytest.approx(best)
    assert end.summary["step"] == end.summary["best_step"] + 2 < events[1].total  # type: ignore[attr-defined]
    (said,) = [event for event in events if isinstance(event, Warned) and event.topic == "stopped_early"]
    assert f"at step {end.summary['step']} of {events[1].total}" in said.text  # type: ignore[attr-defined]
    assert f"held-out {keep} was last improved at step {end.summary['best_step']}" in said.text
    assert saved_accuracy(job) == pytest.approx(end.summary["accuracy"])


def test_without_patience_it_goes_to_the_end(llama_folder, tmp_path):
    events = run(worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs(16, 8))), **WILD | {"epochs": 4})
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.summary["stopped_early"] is False
    assert end.summary["step"] == events[1].total  # type: ignore[attr-defined]


# --- numbers that are none ------------------------------------------------------------------------------------------


def bad_loss(scores: torch.Tensor) -> torch.Tensor:
    return scores * math.nan


def bad_score(scores: torch.Tensor) -> torch.Tensor:
    """One answer's score is infinite: a hinge loss would not show it."""
    return torch.cat([scores[:1] + math.inf, scores[1:]])


def bad_gradient(scores: torch.Tensor) -> torch.Tensor:
    scores.register_hook(lambda gradient: gradient * math.inf)
    return scores


@pytest.fixture
def go_bad(monkeypatch) -> Callable[[int, Callable[[torch.Tensor], torch.Tensor]], None]:
    """Spoil the scores of one training step: no tiny model does so by itself at a step of our choice."""
    good = AdapterReward.scores

    def spoil(step: int, how: Callable[[torch.Tensor], torch.Tensor]) -> None:
        steps = iter(range(1, 10_000))

        def scores(model: AdapterReward, items: Any) -> torch.Tensor:
            found = good(model, items)
            return how(found) if torch.is_grad_enabled() and next(steps) == step else found

        monkeypatch.setattr(AdapterReward, "scores", scores)

    return spoil


@pytest.mark.parametrize("loss", ["logistic", "hinge", "plackett_luce"])
@pytest.mark.parametrize("how", [bad_loss, bad_score, bad_gradient])
def test_bad_numbers_stop_it_before_the_step_and_the_best_is_saved(llama_folder, tmp_path, go_bad, how, loss):
    go_bad(8, how)
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs()))
    events: list[Event] = []
    with pytest.raises(WorkbenchError, match="no longer a number at step 8") as caught:
        _each(job, events, evaluations=24, loss=loss)
    measured = curve(events, "accuracy/held_out")
    assert max(curve(events, "loss/train")) == 7  # the bad step was not taken
    saved = [event for event in events if isinstance(event, Saved)]
    assert [event.step for event in saved] == [7]
    best = saved[0].info["best_step"]
    assert f"those of step {best}, are saved" in caught.value.hint
    assert saved_accuracy(job) == pytest.approx(measured[best])
    folder = tmp_path / "reward"
    tensors = [tensor for path in folder.glob("*.safetensors") for tensor in load_file(path).values()]
    assert len(tensors) > 2
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
    info = json.loads((folder / "reward.json").read_text())
    assert math.isfinite(info["mean"])
    assert math.isfinite(info["std"])


def _each(job: Job, events: list[Event], **options: Any) -> None:
    """Keeps the events that came before an error."""
    for event in reward.train(job, reward.Options(**QUICK | options)):
        events.append(event)


def test_bad_held_out_scores_are_never_the_best(llama_folder, tmp_path, monkeypatch):
    good = AdapterReward.scores
    measured = iter(range(100))

    def scores(model: AdapterReward, items: Any) -> torch.Tensor:
        found = good(model, items)
        spoiled = not torch.is_grad_enabled() and next(measured) == 2
        return found * math.nan if spoiled else found

    monkeypatch.setattr(AdapterReward, "scores", scores)
    events: list[Event] = []
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs()))
    with pytest.raises(WorkbenchError, match="held-out score is no longer a number"):
        _each(job, events, evaluations=12)
    (saved,) = [event for event in events if isinstance(event, Saved)]
    assert saved_accuracy(job) == pytest.approx(curve(events, "accuracy/held_out")[saved.info["best_step"]])


def test_bad_numbers_before_anything_was_measured_save_nothing(llama_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(AdapterReward, "scores", lambda model, items: torch.full((len(items),), math.nan))
    events: list[Event] = []
    with pytest.raises(WorkbenchError, match="no longer a number") as caught:
        _each(worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs())), events)
    assert "Nothing was saved" in caught.value.hint
    assert not any(isinstance(event, Saved) for event in events)
    assert not (tmp_path / "reward").exists()
