"""Write several answers to each prompt. What the same model wrote there before, drawn in the same way, is not written
again, so that a run that was cut off goes on when it is started once more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ...errors import StopRequested, WorkbenchError
from ...events import BROKE_OFF, Answer, Event, Finished, Progress, Started, Stopped
from ...lm.refs import LLAMA_CPP, TRANSFORMERS, ModelRef, engine_of
from ...methods.base import Data, Job, knob
from ...store import Store
from ..frozen import ANSWERS, read_answers

name = "generate"
title = "Generate"
text = "Writes answers to prompts."


@dataclass(frozen=True)
class Options:
    """Knobs of generation."""

    samples: int = knob(4, "Answers to each prompt.", low=1, high=1000, advanced=False)
    temperature: float = knob(0.8, "0 takes the likeliest word; higher is more varied.", low=0.0, high=2.0, step=0.05)
    top_p: float = knob(0.95, "Only the likeliest words that add up to this share.", low=0.01, high=1.0, step=0.01)
    top_k: int = knob(50, "Only this many of the likeliest words; 0 turns it off.", low=0, high=100_000)
    min_p: float = knob(0.0, "Only words at least this likely relative to the likeliest.", low=0.0, high=1.0, step=0.01)
    repetition_penalty: float = knob(1.0, "Above 1, words that stand already become less likely.", low=0.5, high=2.0)
    max_new_tokens: int = knob(128, "Longest answer, in tokens.", low=1, high=32768, advanced=False)
    seed: int = knob(17, "The same seed gives the same answers.", low=0, high=2**31 - 1, advanced=False)
    batch_size: int = knob(32, "Answers written at once.", low=1, high=1024)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the weights.", choices=("auto", "bfloat16", "float32"))
    engine: str = knob(
        "auto", "What runs a GGUF model (auto: what was chosen in Models).", choices=("auto", TRANSFORMERS, LLAMA_CPP)
    )


def lacks(data: Data) -> str:
    """Why there is nothing to write; "" when there is."""
    return "" if data.prompts else "There are no prompts. Import or write some."


def sampler_of(options: Any) -> Any:
    """The Sampler that these options describe."""
    from ...lm.generating import Sampler

    return Sampler(
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        min_p=options.min_p,
        repetition_penalty=options.repetition_penalty,
        max_new_tokens=options.max_new_tokens,
    )


def gather(store: Store, model: ModelRef | None, reward: ModelRef | None) -> list[dict[str, Any]]:
    """What the model has written already: for each answer its prompt, its seed and how it was drawn."""
    sql = (
        "SELECT prompt_id, seed, sampler, template_hash FROM responses "
        "WHERE COALESCE(adapter_id, model_id) = ? AND seed IS NOT NULL AND finish_reason <> ?"
    )
    rows = store.rows(sql, [model.id if model else "", BROKE_OFF])
    return [row | {"sampler": json.loads(row["sampler"])} for row in rows]


class Written:
    """The answers that are there: which of what is wanted need not be written."""

    def __init__(self, job: Job, sampler: Mapping[str, Any], template_hash: str) -> None:
        rows = read_answers(job.folder) if (job.folder / ANSWERS).exists() else []
        self._there = {
            (row["prompt_id"], row["seed"])
            for row in rows
            # A server may have left out settings that it does not know: the others tell.
            if row["sampler"]
            and row["sampler"].items() <= sampler.items()
            and row["template_hash"] == template_hash
            and row["sampler"].get("engine") == sampler.get("engine")
        }

    def left(self, job: Job, options: Any) -> list[tuple[Any, int]]:
        """(prompt, number of its answer) of what is still to be written."""
        wanted = [(prompt, index) for prompt in job.data.prompts for index in range(options.samples)]
        return [item for item in wanted if (item[0].prompt_id, options.seed + item[1]) not in self._there]


def train(job: Job, options: Options) -> Iterator[Event]:
    """Yields an Answer for each prompt and sample that is not there yet."""
    if lacks(job.data):
        raise WorkbenchError(lacks(job.data))
    assert job.model is not None
    if job.model.kind == "server":
        from . import serving

        work = Written(job, serving.sampler_of(options), "").left(job, options)
        yield Started(len(work), job.model.base)
        yield from _told(job, options, serving.answers(job, options, job.model, work=work), len(work))
        return
    from ...lm.devices import choose

    compute = choose(options.device, options.dtype)
    ref = job.model if options.engine == "auto" else replace(job.model, engine=options.engine)
    yield Progress(0, 0, "Loading the model")
    loaded = _loaded(ref, compute)
    work = Written(job, sampler_of(options).to_json() | engine_of(ref), loaded.template.hash).left(job, options)
    runs = ref.engine == LLAMA_CPP
    yield Started(len(work), compute.name, loaded.numbers if runs else compute.dtype_name)
    written = answers(loaded, job, options, work=work)
    written = written if runs else read_too(loaded, job, written, options.batch_size)
    yield from _told(job, options, scored(job, compute, written, options.batch_size), len(work))


def _loaded(ref: ModelRef, compute: Any) -> Any:
    """The model, ready to write: a Loaded, or a Running."""
    from ...lm import llama_cpp_engine, loading

    return llama_cpp_engine.load(ref, compute) if ref.engine == LLAMA_CPP else loading.load(ref, compute)


def _told(job: Job, options: Options, written: Iterator[Answer], total: int) -> Iterator[Event]:
    """The answers with their progress, and how it ended."""
    there = len(job.data.prompts) * options.samples - total
    done = 0
    try:
        for answer in written:
            yield answer
            done += 1
            yield Progress(done, total, "Writing answers")
    except StopRequested:
        yield Stopped(done, {"answers": done, "there": there})
        return
    yield Finished({"answers": done, "there": there})


def scored(job: Job, compute: Any, written: Iterator[Answer], size: int) -> Iterator[Answer]:
    """The same answers with the score of the job's reward model, where it has one; `size` are scored at a time."""
    if job.reward is None:
        yield from written
        return
    from ...lm.loading import load
    from ...lm.scoring import encode_all, load_reward, score_all

    reward = load_reward(job.reward, compute, load(replace(job.reward, adapter="", kind="base"), compute))
    messages = {prompt.prompt_id: prompt.messages for prompt in job.data.prompts}
    while group := list(islice(written, size)):
        scores = score_all(reward, encode_all(reward, [(messages[each.prompt_id], each.text) for each in group]))
        for answer, score in zip(group, scores, strict=True):
            yield replace(answer, scores=dict(answer.scores) | {"reward": float(score)})


def answers(
    loaded: Any, job: Job, options: Any, role: str = "", work: Sequence[tuple[Any, int]] | None = None
) -> Iterator[Answer]:
    """Answers in batches of prompts of similar length; each has its own seed, so a batch's size changes nothing.

    work: (prompt, number of its answer); None for all that the options want.
    """
    from ...lm.batching import by_length
    from ...lm.generating import sample_all
    from ...lm.llama_cpp_engine import Running

    sampler, drawn = sampler_of(options), engine_of(loaded.ref) if isinstance(loaded, Running) else {}
    if work is None:
        work = [(prompt, index) for prompt in job.data.prompts for index in range(options.samples)]
    ids = [loaded.template.prompt_ids(prompt.messages) for prompt, _ in work]
    for group in by_length([len(item) for item in ids], options.batch_size):
        begun = time.perf_counter()
        seeds = [options.seed + work[place][1] for place in group]
        drafts = sample_all(loaded, [ids[place] for place in group], sampler, seeds, check=job.check)
        seconds = (time.perf_counter() - begun) / len(group)
        for place, draft in zip(group, drafts, strict=True):
            prompt, index = work[place]
            yield Answer(
                prompt_id=prompt.prompt_id,
                text=loaded.template.text_of(draft.ids),
                index=index,
                role=role,
                sampler=sampler.to_json() | drawn,
                seed=options.seed + index,
                template_hash=loaded.template.hash,
                prompt_tokens=len(ids[place]),
                response_tokens=len(draft.ids),
                finish_reason=draft.finish_reason,
                seconds=seconds,
            )


def read_too(loaded: Any, job: Job, written: Iterator[Answer], size: int) -> Iterator[Answer]:
    """The same answers, each with the vector that a linear reward head reads of it; `size` are read at a time."""
    from ...lm.features import read, space_of
    from ...lm.vectors import to_text

    messages = {prompt.prompt_id: prompt.messages for prompt in job.data.prompts}
    space = space_of(loaded)
    while group := list(islice(written, size)):
        try:
            found = read(loaded, [(messages[answer.prompt_id], answer.text) for answer in group], job.check)
        except StopRequested:
            yield from group  # they are written; what was not read of them can be read later
            raise
        for answer, vector in zip(group, found, strict=True):
            yield replace(answer, space=space, vector=to_text(vector))
