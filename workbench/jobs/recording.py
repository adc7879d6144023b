"""Events on their way to the screen pass through here and are in the store before anybody sees them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .. import events as ev
from ..errors import WorkbenchError
from ..lm import checkpoints, files
from ..lm.vectors import from_text
from ..methods import METHODS
from ..store import Response, RunSample, Store, owners, run_queue
from ..store.records import Verdict
from ..store.rows import now
from ..store.runs import CUT_OFF_HINT
from . import first_batch

_MODELS = {"adapter": "adapter", "reward": "reward", "model": "base"}
"""Kinds of models by what a run says it has saved. A model that was trained whole is a base, with a parent."""


def record(store: Store, run_id: str, events: Iterator[ev.Event]) -> Iterator[ev.Event]:
    """Write what each event says about the run, then pass it on. The run's end is always written.

    A run that stops because a pause was wanted (see run_queue.want) waits again, first in line; one that is to be
    discarded keeps its curves and nothing else.
    """
    fresh = {"ended_at": None, "error": "", "hint": "", "details": ""}
    owners.own(store, run_id)
    store.runs.update(run_id, status="running", started_at=now(), pid=os.getpid(), **fresh)
    ended = False
    unsure: list[ev.Saved] = []
    try:
        for event in events:
            ended = ended or isinstance(event, ev.ENDINGS)
            _write(store, run_id, event, unsure)
            yield event
    finally:
        if not ended:
            store.runs.update(
                run_id, status="interrupted", ended_at=now(), error="The run was cut off.", hint=CUT_OFF_HINT
            )
        run_queue.forget_wish(store, run_id)
        owners.disown(store, run_id)


def _write(store: Store, run_id: str, event: ev.Event, unsure: list[ev.Saved]) -> None:
    """`unsure`: what was saved while a wish stands that may make it needless; the run's end decides."""
    if isinstance(event, ev.Saved) and event.kind in _MODELS and _wish(store, run_id):
        unsure.append(event)
        return
    if isinstance(event, ev.Stopped) and (wish := _wish(store, run_id)):
        _drop(store, run_id, unsure)
        if wish == "pause":
            run_queue.put_back(store, run_id)
        else:
            checkpoints.clear(store.runs_folder / run_id)
            _end(store, run_id, "stopped", summary={"discarded": True})
        return
    if isinstance(event, ev.ENDINGS):
        for saved in unsure:
            add_result(store, run_id, saved)
    match event:
        case ev.Started():
            store.runs.update(run_id, total=event.total, device=f"{event.device} {event.dtype}".strip())
            if "resumed" in event.info:
                _go_on(store, run_id, event.info)
        case ev.FirstBatch():
            first_batch.keep(event, store.runs_folder / run_id)
        case ev.Metrics():
            store.runs.add_metrics(run_id, event.step, event.values)
        case ev.Sample():
            sample = RunSample(run_id, event.step, event.prompt, event.text, ev.plain(event.scores), event.prompt_id)
            store.runs.add_sample(sample)
        case ev.Warned():
            store.runs.add_warning(run_id, event.step, event.topic, event.text)
        case ev.Answer():
            store_answer(store, event, run_id)
        case ev.Features():
            store_features(store, event)
        case ev.Judged():
            store_verdict(store, event, run_id)
        case ev.Translated():
            store_translation(store, event, run_id)
        case ev.Saved() if event.kind in _MODELS:
            add_result(store, run_id, event)
        case ev.Finished():
            _end(store, run_id, "finished", summary=ev.plain(event.summary))
        case ev.Stopped():
            _end(store, run_id, "stopped", summary=ev.plain(event.summary))
        case ev.Failed():
            _end(store, run_id, "failed", error=event.text, hint=event.hint, details=event.details[-20_000:])
        case _:
            pass


def _wish(store: Store, run_id: str) -> str:
    """ "pause" or "discard" when that is wanted of a run; what cannot go on later stops instead of pausing."""
    wish = run_queue.wish(store, run_id)
    resumes = wish == "pause" and store.runs.find(run_id).method in METHODS
    return wish if resumes or wish == "discard" else ""


def _drop(store: Store, run_id: str, unsure: list[ev.Saved]) -> None:
    """A model that nobody wants leaves the disk: a paused run will save another."""
    for saved in unsure:
        path = Path(saved.path)
        if path.is_relative_to(store.runs_folder / run_id):
            shutil.rmtree(path, ignore_errors=True)


def _go_on(store: Store, run_id: str, info: Mapping[str, Any]) -> None:
    """Take the run back to the checkpoint that it goes on from: its curves go on there, and its time too."""
    store.runs.rewind(run_id, int(info["resumed"]))
    for step, values in info.get("recent", {}).items():
        # What was not heard because the window was gone when it was said.
        store.runs.add_metrics(run_id, int(step), values)
    begun = datetime.now(UTC) - timedelta(seconds=float(info.get("seconds", 0.0)))
    store.runs.update(run_id, started_at=begun.isoformat(timespec="milliseconds"))


def fail(store: Store, run_id: str, error: WorkbenchError) -> None:
    """The run could not even begin, for a reason that a person can act on."""
    _end(store, run_id, "failed", error=error.text, hint=error.hint)
    owners.disown(store, run_id)


def _end(store: Store, run_id: str, status: str, **fields: Any) -> None:
    store.runs.update(run_id, status=status, ended_at=now(), **fields)


def store_answer(store: Store, answer: ev.Answer, run_id: str | None, model_id: str | None = None) -> Response:
    """Keep an answer with everything that made it. Answers of an evaluation, and parts of answers, are not put into the
    feedback queue."""
    run = store.runs.find(run_id) if run_id else None
    if run is not None:
        refs = run.spec.get("others") or []
        place = {"base": 0, "tuned": 1}.get(answer.role)
        model_id = refs[place]["id"] if place is not None and place < len(refs) else run.model_id
    base_id, adapter_id = _base_and_adapter(store, model_id)
    response = store.responses.add(
        answer.prompt_id,
        answer.text,
        model_id=base_id,
        adapter_id=adapter_id,
        run_id=run_id,
        sampler=dict(answer.sampler),
        seed=answer.seed,
        template_hash=answer.template_hash,
        prompt_tokens=answer.prompt_tokens,
        response_tokens=answer.response_tokens,
        finish_reason=answer.finish_reason,
        seconds=answer.seconds,
        scores=ev.plain(dict(answer.scores) | ({"role": answer.role} if answer.role else {})),
        source="generated",
        queued=(run is None or run.method != "evaluate") and answer.finish_reason != ev.BROKE_OFF,
    )
    if answer.vector:
        store.features.add(answer.space, {response.id: from_text(answer.vector)})
    return response


def store_translation(store: Store, event: ev.Translated, run_id: str | None) -> Response:
    """Keep a paragraph as a prompt, and its translation as the answer to it."""
    with store.writing():
        prompt, _ = store.prompts.add(system=event.system, turns=event.turns, tags=event.tags, source="translation")
        store.fillings.keep(prompt.id, event.template, event.variables, key=event.key)
        return store_answer(store, ev.Answer(prompt.id, **event.answer), run_id)


def store_features(store: Store, event: ev.Features) -> None:
    """Keep what was read of answers, and what a reward model said of them."""
    if vectors := {id_: from_text(text) for id_, text in event.vectors.items() if text}:
        store.features.add(event.space, vectors)
    if event.scores:
        store.features.add_scores(event.model_id, event.scores, event.spreads)


def store_verdict(store: Store, event: ev.Judged, run_id: str) -> None:
    """Keep what a judge said, apart from what people say."""
    said = {each.name: getattr(event, each.name) for each in fields(event)}
    said |= {"response_ids": tuple(event.response_ids), "told": ev.plain(event.told), "run_id": run_id}
    store.judges.say(Verdict(**said))


def _base_and_adapter(store: Store, model_id: str | None) -> tuple[str | None, str | None]:
    if model_id is None:
        return None, None
    model = store.models.find(model_id)
    base = store.models.base_of(model)
    return base.id, None if base.id == model.id else model.id


def add_result(store: Store, run_id: str, event: ev.Saved) -> None:
    """Put what a run saved into the model list, under its parent; a later save of the same run replaces nothing."""
    run = store.runs.find(run_id)
    path = Path(event.path)
    whole, facts = _whole(store, run.model_id, path) if event.kind == "model" else ({}, {})
    # A run that went on after a stop has saved a model before; that one stays as it was.
    name = f"{run.name}, step {event.step}" if run.result_id else run.name
    parent = store.models.base_of(store.models.find(run.model_id)).id if run.model_id else None
    model = store.models.add(
        name=name,
        kind=_MODELS[event.kind],
        source="run",
        location=str(path),
        parent_id=parent,
        run_id=run_id,
        size_bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        info=facts
        | ev.plain({"method": run.method, "reward_id": run.reward_id, "started_from": run.model_id, **event.info})
        | {"template": str((run.spec.get("model") or {}).get("template", ""))},
        **whole,
    )
    store.runs.update(run_id, result_id=model.id)


def _whole(store: Store, model_id: str | None, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a base's row says beside the rest, and facts about it: adapters and features are told by its hash."""
    facts = files.describe_folder(path)
    licence = store.models.base_of(store.models.find(model_id)).licence if model_id else ""
    return {"hash": files.folder_hash(path), "parameters": facts.pop("parameters"), "licence": licence}, facts
