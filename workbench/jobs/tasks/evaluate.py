"""Measure a tuned model against its base on held-out prompts: reward of both, KL, length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...errors import StopRequested, WorkbenchError
from ...events import Answer, Event, Finished, Progress, Started, Stopped
from ...methods.base import Data, Job, knob
from . import generate

name = "evaluate"
title = "Evaluate"
text = "Compares two models on held-out prompts."
ROLES = ("base", "tuned")


@dataclass(frozen=True)
class Options:
    """Knobs of an evaluation."""

    samples: int = knob(1, "Answers of each model to each prompt.", low=1, high=100, advanced=False)
    temperature: float = knob(0.7, "0 takes the likeliest word; higher is more varied.", low=0.0, high=2.0, step=0.05)
    top_p: float = knob(1.0, "Only the likeliest words that add up to this share.", low=0.01, high=1.0, step=0.01)
    top_k: int = knob(0, "Only this many of the likeliest words; 0 turns it off.", low=0, high=100_000)
    min_p: float = knob(0.0, "Only words at least this likely relative to the likeliest.", low=0.0, high=1.0, step=0.01)
    repetition_penalty: float = knob(1.0, "Above 1, words that stand already become less likely.", low=0.5, high=2.0)
    max_new_tokens: int = knob(128, "Longest answer, in tokens.", low=1, high=32768, advanced=False)
    seed: int = knob(1017, "The same seed gives the same answers.", low=0, high=2**31 - 1, advanced=False)
    batch_size: int = knob(32, "Answers written at once.", low=1, high=1024)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the weights.", choices=("auto", "bfloat16", "float32"))


def lacks(data: Data) -> str:
    """Why nothing can be measured; "" when it can."""
    return "" if data.prompts else "There are no held-out prompts. Import or write more prompts."


def train(job: Job, options: Options) -> Iterator[Event]:
    """Yields an Answer for each model, prompt and sample (with its reward and KL), then the figures."""
    from ...lm.devices import choose

    if lacks(job.data):
        raise WorkbenchError(lacks(job.data))
    if len(job.others) != 2:
        raise WorkbenchError("An evaluation compares two models.", "Choose a base and a tuned model.")
    compute = choose(options.device, options.dtype)
    total = 2 * len(job.data.prompts) * options.samples
    yield Started(total, compute.name, compute.dtype_name)
    found: list[Answer] = []
    try:
        for ref, role in zip(job.others, ROLES, strict=True):
            yield Progress(len(found), total, "Loading the model")
            for answer in _answers_of(ref, role, job, options, compute):
                found.append(answer)
                yield Progress(len(found), total, "Writing answers")
        yield Progress(total, total, "Scoring answers")
        scored = _with_rewards(found, job, compute)
    except StopRequested:
        yield Stopped(len(found))
        return
    yield from scored
    yield Finished(summarise(scored))


def _answers_of(ref: Any, role: str, job: Job, options: Options, compute: Any) -> Iterator[Answer]:
    """Answers of one model, each with its KL to the model's own base (0 for a base that was not trained here)."""
    from ...lm.loading import load

    loaded = load(ref, compute)
    written = list(generate.answers(loaded, job, options, role))
    if not ref.adapter and not ref.parent:
        yield from (replace(answer, scores={"kl": 0.0}) for answer in written)
        return
    from ...lm.drift import kl_to_base, likelihoods

    prompts = {prompt.prompt_id: prompt for prompt in job.data.prompts}
    texts = [(prompts[answer.prompt_id].messages, answer.text) for answer in written]
    about: dict[str, Any] = {"temperature": options.temperature or 1.0, "check": job.check}
    if ref.adapter:
        drifts = kl_to_base(loaded, texts, **about)
    else:  # one after the other: there need not be memory for both
        tuned = likelihoods(loaded, texts, **about)
        del loaded
        parent = load(replace(ref, base=ref.parent, format=ref.parent_format, parent="", base_hash=""), compute)
        drifts = [one - other for one, other in zip(tuned, likelihoods(parent, texts, **about), strict=True)]
    for answer, kl in zip(written, drifts, strict=True):
        yield replace(answer, scores={"kl": kl})


def _with_rewards(answers: list[Answer], job: Job, compute: Any) -> list[Answer]:
    from ...lm.scoring import encode_all, load_reward, score_all

    if job.reward is None:
        return answers
    model = load_reward(job.reward, compute)
    prompts = {prompt.prompt_id: prompt for prompt in job.data.prompts}
    items = encode_all(model, ((prompts[answer.prompt_id].messages, answer.text) for answer in answers))
    rewards = score_all(model, items, check=job.check).tolist()
    return [
        replace(answer, scores={**answer.scores, "reward": reward})
        for answer, reward in zip(answers, rewards, strict=True)
    ]


def summarise(answers: list[Answer]) -> dict[str, Any]:
    """Means of both models, and the change with its 95 % interval, prompts drawn as wholes."""
    import numpy as np

    from ...evaluation.intervals import bootstrap_mean

    by_role = {role: [answer for answer in answers if answer.role == role] for role in ROLES}
    both = list(zip(by_role["base"], by_role["tuned"], strict=True))
    groups = [base.prompt_id for base, _ in both]
    summary: dict[str, Any] = {"prompts": len(set(groups)), "samples": len(both)}
    for key, measure in MEASURES.items():
        pairs = [(measure(base), measure(tuned)) for base, tuned in both]
        if any(value is None for pair in pairs for value in pair):
            continue
        low, high = bootstrap_mean([tuned - base for base, tuned in pairs], groups=groups)
        base_mean, tuned_mean = (float(np.mean([pair[side] for pair in pairs])) for side in (0, 1))
        summary[key] = {"base": base_mean, "tuned": tuned_mean, "change": tuned_mean - base_mean, "ci": [low, high]}
    return summary


MEASURES: dict[str, Any] = {
    "reward": lambda answer: answer.scores.get("reward"),
    "kl": lambda answer: answer.scores.get("kl"),
    "words": lambda answer: len(answer.text.split()),
    "tokens": lambda answer: answer.response_tokens,
    "finished": lambda answer: float(answer.finish_reason == "stop"),
}
