"""From what a person chose to a run row and a job specification, with every check that needs no model."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..feedback.base import Pair, Prompt, Rules
from ..feedback.converting import convert
from ..lm import checkpoints
from ..lm.refs import ModelRef
from ..methods.base import FUNCTION_FILE, Data, needs_reward, options_from
from ..store import Model, Run, Store, run_queue
from . import chat_templates, compute, frozen, functions, load_choices
from .learned import JUDGES
from .run import worker
from .spec import JobSpec

_ASK_SERVERS = ("generate",)
"""Work that a model behind a server can do, too."""
_PACKAGES = ("feedback-workbench", "torch", "transformers", "peft", "trl", "numpy")


def data_of(
    store: Store,
    rules: Rules | None = None,
    annotators: Sequence[str] | None = None,
    prompt_ids: Iterable[str] | None = None,
) -> Data:
    """Everything in the project that a method could learn from, under the rules."""
    rules = rules or project_rules(store)
    wanted = None if prompt_ids is None else set(prompt_ids)
    conversion = convert(store.feedback.judgements(annotators=annotators), rules)
    prompts = tuple(
        Prompt(prompt.id, prompt.messages, prompt.split, prompt.tags)
        for prompt in store.prompts.list()
        if wanted is None or prompt.id in wanted
    )
    return Data(
        prompts,
        tuple(conversion.pairs),
        tuple(conversion.rankings),
        tuple(conversion.labels),
        tuple(conversion.demonstrations),
    )


def data_read(store: Store, method: Any, options: Mapping[str, Any]) -> Data:
    """The same, as a method with these options reads it: under its own rules, of those who are named.

    Raises WorkbenchError for a name that has judged nothing.
    """
    return data_of(store, *_read_by(store, method, options_from(method.Options, options)))


def _read_by(
    store: Store, method: Any, options: Any, rules: Rules | None = None, annotators: Sequence[str] | None = None
) -> tuple[Rules | None, Sequence[str] | None]:
    """By which rules, and whose judgements: what the options say goes before what was asked for."""
    reads = getattr(method, "READS", None)
    if reads is None:
        return rules, annotators
    known = [*store.feedback.annotators(), *store.judges.counts()]
    rules, named = reads(options, rules or project_rules(store), known)
    return rules, named or annotators


def project_rules(store: Store) -> Rules:
    """The project's own conversion rules, or the usual ones."""
    return Rules(**(store.setting("rules") or {}))


def reference(store: Store, model_id: str) -> ModelRef:
    """Where a model of the project is. A base's files must be there; raises WorkbenchError when they are not."""
    model = store.models.find(model_id)
    if model.kind == "server":
        return _on_server(model)
    base = store.models.base_of(model)
    for part in (base, model):
        _check_files(part)
    origin = store.models.reference_of(base)
    parent: dict[str, Any] = {}
    if origin.id != base.id:
        parent = {"parent": origin.location, "parent_format": origin.format}
    return ModelRef(
        **parent,
        base=base.location,
        format=base.format,
        adapter="" if model.kind == "base" else model.location,
        kind=model.kind,
        name=model.name,
        id=model.id,
        base_hash=base.hash,
        template=chat_templates.choice_of(store, model).text,
        **dataclasses.asdict(load_choices.of(store, model)),
    )


def _refuse_servers(title: str, *refs: ModelRef) -> None:
    for ref in refs:
        if ref.kind == "server":
            raise WorkbenchError(
                f"{title} needs a model's weights, and {ref.name} is behind a server.",
                "Choose a model of this computer. What a server answers can be judged and learned from.",
            )


def _on_server(model: Model) -> ModelRef:
    served, extras = str(model.info.get("model", "")), bool(model.info.get("extras", True))
    return ModelRef(
        base=model.location, format="server", kind="server", name=model.name, id=model.id, served=served, extras=extras
    )


def _same(store: Store, model_id: str | None, began: Mapping[str, Any] | None) -> ModelRef | None:
    """A model of a run that goes on, wherever it lies now, with the chat template that the run was made for."""
    if not model_id:
        return None
    return dataclasses.replace(reference(store, model_id), template=str((began or {}).get("template", "")))


def _check_files(model: Model) -> None:
    if model.source != "hub" and not os.path.exists(model.location):
        raise WorkbenchError(f"The files of {model.name} are gone from {model.location}.", "Add the model again.")


@dataclass(frozen=True)
class _Checked:
    """What a person chose, as a job takes it."""

    name: str
    method: Any
    options: dict[str, Any]
    data: Data
    model: ModelRef | None
    reward: ModelRef | None
    others: tuple[ModelRef, ...]

    def spec(self, run_id: str, folder: Path, **extra: Any) -> JobSpec:
        """How to run it in a folder that holds the data."""
        data = str(folder / "data.jsonl")
        return JobSpec(
            run_id, self.name, self.options, str(folder), self.model, self.reward, self.others, data, dict(extra)
        )


def _checked(
    store: Store,
    name: str,
    options: Mapping[str, Any],
    model_id: str | None,
    reward_id: str | None,
    other_ids: Sequence[str] = (),
    *,
    rules: Rules | None = None,
    annotators: Sequence[str] | None = None,
    prompt_ids: Iterable[str] | None = None,
    split: str | None = None,
) -> _Checked:
    method = worker(name)
    parsed = options_from(method.Options, options)
    rules, annotators = _read_by(store, method, parsed, rules, annotators)
    wants = method.wants(parsed) if hasattr(method, "wants") else getattr(method, "WANTS", (Prompt,))
    data = _wanted(method, wants, data_of(store, rules, annotators, prompt_ids), split)
    if collect := getattr(method, "collect", None):
        data = dataclasses.replace(data, documents=collect(parsed))
    problem = method.lacks(data)
    if problem:
        raise WorkbenchError(problem)
    plain = dataclasses.asdict(parsed)
    if needs_reward(method, plain) and not (reward_id and plain.get("model_weight", 1.0)):
        what = "gives its reward model no weight, and nothing else says" if reward_id else "needs a reward model to say"
        hint = "Train one on your judgements first, or choose a rule, a function or a judge."
        raise WorkbenchError(f"{method.title} {what} what answers are worth.", hint)
    functions.check_chosen(store, plain)
    model = reference(store, model_id) if model_id else None
    reward = reference(store, reward_id) if reward_id else None
    others = tuple(reference(store, other) for other in other_ids)
    if name not in _ASK_SERVERS:
        _refuse_servers(method.title, *filter(None, (model, reward, *others)))
    if model is None or model.kind != "server":
        compute.require()
    return _Checked(name, method, plain, data, model, reward, others)


def look(
    store: Store,
    method: str,
    options: Mapping[str, Any],
    folder: Path,
    *,
    model_id: str | None,
    reward_id: str | None = None,
) -> JobSpec:
    """How to tell the first batch of a run that is not there, with its files in `folder`. Raises WorkbenchError where
    prepare() would."""
    made = _checked(store, method, options, model_id, reward_id)
    frozen.write(made.data, folder / "data.jsonl")
    functions.freeze(store, made.options, folder)
    return made.spec("look", folder, only_looks=True)


def prepare(
    store: Store,
    method: str,
    options: Mapping[str, Any],
    *,
    model_id: str | None,
    reward_id: str | None = None,
    other_ids: Sequence[str] = (),
    name: str = "",
    rules: Rules | None = None,
    annotators: Sequence[str] | None = None,
    prompt_ids: Iterable[str] | None = None,
    split: str | None = None,
) -> tuple[Run, JobSpec]:
    """Check, insert a waiting run, freeze what it learns from, and say how to run it.

    Raises WorkbenchError before anything is written when options, data or models do not fit. `split`: only prompts
    of this split.
    """
    read = {"rules": rules, "annotators": annotators, "prompt_ids": prompt_ids, "split": split}
    made = _checked(store, method, options, model_id, reward_id, other_ids, **read)
    answers = made.method.gather(store, made.model, made.reward) if hasattr(made.method, "gather") else ()
    run = store.runs.add(
        name=name or _free_name(store, made.method.title),
        method=method,
        options=made.options,
        model_id=model_id,
        reward_id=reward_id,
    )
    folder = store.runs_folder / run.id
    spec = made.spec(run.id, folder)
    digest = frozen.write(made.data, folder / "data.jsonl")
    functions.freeze(store, made.options, folder)
    if answers:
        frozen.write_answers(answers, folder)
    store.runs.freeze(run.id, _sources(made.data), digest)
    if judged := store.judges.learned_by(run.id):
        spec = dataclasses.replace(spec, extra={JUDGES: judged})
    store.runs.update(run.id, spec=spec.to_json(), log_path=str(folder / "log.txt"), versions=versions())
    return store.runs.find(run.id), spec


def resume(store: Store, run_id: str, changes: Mapping[str, Any] | None = None) -> tuple[Run, JobSpec]:
    """Say how a run that was cut off goes on from its newest checkpoint, on the data that it began with.

    `changes`: knobs that are turned on purpose, for a run that failed because of them. Raises WorkbenchError when the
    run is going, has no checkpoint, or its models are gone.
    """
    store.runs.interrupt_orphans()
    run = store.runs.find(run_id)
    placed = run_queue.place_of(store, run.id) is not None
    if run.status in ("waiting", "running") and not placed:
        raise WorkbenchError(f"{run.name} is still going.", "Wait until it has ended, or stop it.")
    folder = store.runs_folder / run.id
    if checkpoints.newest(folder, deep=False) is None:
        raise WorkbenchError(f"{run.name} has no checkpoint to go on from.", "Start it again from the beginning.")
    options = dict(run.options) | dict(changes or {})
    plain = dataclasses.asdict(options_from(worker(run.method).Options, options))
    functions.check_frozen(store, plain, folder)
    model = _same(store, run.model_id, run.spec.get("model"))
    reward = _same(store, run.reward_id, run.spec.get("reward"))
    if model is None or model.kind != "server":
        compute.require()
    changed = tuple(sorted(name for name in changes or {} if run.options.get(name) != plain[name]))
    spec = JobSpec(
        run.id, run.method, plain, str(folder), model, reward, (), str(folder / "data.jsonl"), _told(run), True, changed
    )
    if placed:
        run_queue.take_out(store, run.id)
    store.runs.update(run.id, status="waiting", options=plain, spec=spec.to_json(), versions=versions())
    return store.runs.find(run.id), spec


def _told(run: Run) -> dict[str, Any]:
    """What the specification of a run says of its frozen data."""
    extra = run.spec.get("extra") or {}
    return {JUDGES: extra[JUDGES]} if JUDGES in extra else {}


def repeat(store: Store, run_id: str) -> Run:
    """A new run that is what another one was: its knobs, its seed, its models and the rows that it learned from.

    Raises WorkbenchError when those rows are gone or were changed.
    """
    old = store.runs.find(run_id)
    source = store.runs_folder / old.id
    functions.check_frozen(store, old.options, source)
    if not (source / "data.jsonl").is_file() or frozen.digest(source / "data.jsonl") != old.data_hash:
        raise WorkbenchError(f"What {old.name} learned from is no longer there.", "Change and run it on today's rows.")
    fields = {"model_id": old.model_id, "reward_id": old.reward_id}
    title = worker(old.method).title
    run = store.runs.add(name=_free_name(store, title), method=old.method, options=old.options, **fields)
    folder = store.runs_folder / run.id
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("data.jsonl", frozen.ANSWERS, FUNCTION_FILE):
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)
    store.runs.freeze(run.id, store.runs.sources_of(old.id), old.data_hash)
    spec = JobSpec.from_line(json.dumps({**old.spec, "run_id": run.id, "resumes": False, "changed": []}))
    spec = dataclasses.replace(spec, folder=str(folder), data=str(folder / "data.jsonl"))
    store.runs.update(run.id, spec=spec.to_json(), log_path=str(folder / "log.txt"), versions=versions())
    return store.runs.find(run.id)


def waits_again(store: Store, run_id: str) -> Run:
    """A run that can be put in line as it is: it never began, or has a checkpoint. Raises WorkbenchError for others."""
    run = store.runs.find(run_id)
    if run.status in ("running", "finished"):
        words = "is still going" if run.status == "running" else "has finished"
        raise WorkbenchError(f"{run.name} {words}.", "A new run can be made of it: run it again.")
    if run.started_at and checkpoints.newest(store.runs_folder / run.id, deep=False) is None:
        raise WorkbenchError(f"{run.name} has no checkpoint to go on from.", "Run it again from the beginning.")
    return run


def spec_of(store: Store, run: Run) -> JobSpec:
    """How a run that waited is run now: from its newest checkpoint, if it has one.

    Raises WorkbenchError when its models are gone, or its function is not the one that was confirmed.
    """
    folder = store.runs_folder / run.id
    functions.check_frozen(store, run.options, folder)
    return dataclasses.replace(
        JobSpec.from_line(json.dumps(run.spec)),
        folder=str(folder),
        data=str(folder / "data.jsonl"),
        model=_same(store, run.model_id, run.spec.get("model")),
        reward=_same(store, run.reward_id, run.spec.get("reward")),
        resumes=checkpoints.newest(folder, deep=False) is not None,
    )


def _wanted(chosen: Any, wants: Sequence[type], data: Data, split: str | None) -> Data:
    """Only the kinds of example that the method reads: the rest would bloat the file and blur "used by"."""
    prompts = tuple(item for item in data.prompts if split is None or item.split == split)
    measured = data.split("held_out").pairs if Pair in getattr(chosen, "MEASURED_ON", ()) else ()
    return Data(
        prompts=prompts if Prompt in wants else (),
        pairs=data.pairs if Pair in wants else measured,
        **{field: getattr(data, field) if kind in wants else () for field, kind in _rest()},
    )


def _rest() -> tuple[tuple[str, type], ...]:
    from ..feedback.base import Demonstration, Label, Ranking

    return (("rankings", Ranking), ("labels", Label), ("demonstrations", Demonstration))


def judges_in(store: Store, method: Any, data: Data) -> dict[str, int]:
    """How many verdicts of each judge are in what a method wants of the data."""
    return store.judges.said_by(_sources(_wanted(method, method.WANTS, data, None)))


def _sources(data: Data) -> set[str]:
    parts = (data.pairs, data.rankings, data.labels, data.demonstrations)
    return {source for items in parts for item in items for source in item.sources}


def _free_name(store: Store, title: str) -> str:
    taken = {run.name for run in store.runs.list()}
    number = 1
    while f"{title} {number}" in taken:
        number += 1
    return f"{title} {number}"


def versions() -> dict[str, str]:
    """Versions of the libraries that a result depends on, read without importing them."""
    return {package: compute.version_of(package) or "absent" for package in _PACKAGES}
