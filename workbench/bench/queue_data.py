"""What `bench queue` chooses from: answers with cached features in a project, and what its judge says of them.

Two sources: what people said of two answers in a file that can be imported, and the project's own rule over answers
that a model writes to the sample prompts. Both are made once and kept, because reading the answers takes minutes.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..evaluation.rules import Brief
from ..events import Progress
from ..feedback.converting import convert
from ..jobs import adding, preparing, running
from ..jobs.tasks import features
from ..lm import files
from ..store import Store
from ..store.exchange.importing import import_file
from ..store.prompts import split_of
from . import models
from .alternating import Tell

HELD_OUT = 0.4
"""Share of prompts on which heads are measured, by the prompt's own hash: more than in a project, to be exact."""

Verdicts = Mapping[frozenset[str], str]
"""Two answers' ids, and the id of the better one or "" for a tie. Of two that are not here the judge cannot say."""


@dataclass(frozen=True)
class Pool:
    """A project whose pool of answers waits in its queue; `held_out` are (better, worse) answers of other prompts."""

    name: str
    judge: str
    folder: Path
    verdicts: Verdicts
    held_out: tuple[tuple[str, str], ...]
    prompts: int
    """Prompts of the pool."""


def people(file: Path, model: Path, folder: Path, tell: Tell) -> Pool:
    """People's comparisons in a file, each two answers by the majority of the votes on them."""
    if not file.is_file():
        raise WorkbenchError(f"There is no file {file}.", "Name a file of comparisons that can be imported.")
    about = [hashlib.sha256(file.read_bytes()).hexdigest(), files.folder_hash(model)]
    judge = f"the majority of the people in {file.name}"
    return _kept("people", judge, folder, about, lambda store: _from_people(store, file, model, tell))


def rule(model: Path, samples: int, tokens: int, folder: Path, tell: Tell) -> Pool:
    """The demo's rule, over `samples` answers of a model to each sample prompt."""
    judging = Brief()
    about = [judging.text, samples, tokens, files.folder_hash(model)]
    judge = f"{judging.name} ({judging.text})"
    return _kept("rule", judge, folder, about, lambda store: _from_rule(store, judging, model, samples, tokens, tell))


# --- making


def _kept(name: str, judge: str, folder: Path, about: Iterable[Any], fill: Callable[[Store], Verdicts]) -> Pool:
    """The pool that was made of the same things before, or a new one."""
    digest = hashlib.sha256(json.dumps([HELD_OUT, *about]).encode()).hexdigest()[:12]
    place = folder / f"{name}-{digest}"
    if not (place / "pool.json").is_file():
        place.mkdir(parents=True, exist_ok=True)
        store = Store.open(place)
        try:
            found = _divided(store, fill(store))
        finally:
            store.close()
        new = place / "pool.new"
        new.write_text(json.dumps(found), encoding="utf-8")
        os.replace(new, place / "pool.json")  # last: what is there is whole
    found = json.loads((place / "pool.json").read_text(encoding="utf-8"))
    verdicts = {frozenset((one, other)): better for one, other, better in found["verdicts"]}
    held_out = tuple((better, worse) for better, worse in found["held_out"])
    return Pool(name, judge, place, verdicts, held_out, found["prompts"])


def _divided(store: Store, verdicts: Verdicts) -> dict[str, Any]:
    """Take the answers of held-out prompts out of the queue, and say what is in it and what they are measured by."""
    apart = {prompt.id for prompt in store.prompts.list() if split_of(prompt.hash, HELD_OUT) == "held_out"}
    rows = store.rows("SELECT id, prompt_id FROM responses WHERE queued = 1")
    held = {row["id"] for row in rows if row["prompt_id"] in apart}
    store.responses.queue(held, False)
    pool = {tuple(sorted(pair)): better for pair, better in verdicts.items() if not pair & held}
    measured = [(better, *(pair - {better})) for pair, better in verdicts.items() if pair <= held and better]
    if not pool or not measured:
        raise WorkbenchError("There are too few comparisons to hold some out.", "Choose a larger file.")
    return {
        "verdicts": [[*pair, better] for pair, better in sorted(pool.items())],
        "held_out": sorted(measured),
        "prompts": len({row["prompt_id"] for row in rows} - apart),
    }


def _from_people(store: Store, file: Path, model: Path, tell: Tell) -> Verdicts:
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        imported = Store.open(Path(name))
        try:
            import_file(imported, file)
            ids = _copied(imported, store)
            judgements = [item for item in imported.feedback.judgements() if item.kind == "comparison"]
        finally:
            imported.close()
    # Texts and not answers: a file shows the same answer in several rows, and its votes belong together.
    verdicts = {
        frozenset(ids[item.prompt_id, answer.text] for answer in item.answers): ""
        for item in judgements
        if len({answer.text for answer in item.answers}) == 2
    }
    for pair in convert(judgements).pairs:
        better, worse = ids[pair.prompt_id, pair.chosen], ids[pair.prompt_id, pair.rejected]
        verdicts[frozenset((better, worse))] = better
    _read(store, _base(store, model), tell)
    return verdicts


def _copied(imported: Store, store: Store) -> dict[tuple[str, str], str]:
    """Put every prompt with each of its answers once into `store`: new ids by prompt of `imported` and text."""
    ids: dict[tuple[str, str], str] = {}
    with store.writing():
        for prompt in imported.prompts.list():
            added, _ = store.prompts.add(turns=prompt.turns, system=prompt.system)
            for text in dict.fromkeys(answer.text for answer in imported.responses.of_prompt(prompt.id)):
                key = hashlib.sha256(f"{added.hash} {text}".encode("utf-8", "surrogatepass")).hexdigest()
                ids[prompt.id, text] = store.responses.add(added.id, text, import_key=key).id
    return ids


def _from_rule(store: Store, judging: Brief, model: Path, samples: int, tokens: int, tell: Tell) -> Verdicts:
    import_file(store, paths.samples() / "prompts.jsonl")
    base = _base(store, model)
    if not store.responses.count():
        tell("writing answers")
        writing = {"samples": samples, "max_new_tokens": tokens, "temperature": 0.7}
        _carry_out(store, "generate", writing, base, tell)
    _read(store, base, tell)
    return {pair: better for prompt in store.prompts.list() for pair, better in _ruled(store, judging, prompt.id)}


def _ruled(store: Store, judging: Brief, prompt_id: str) -> Iterator[tuple[frozenset[str], str]]:
    scores = {answer.id: judging.score(answer.text) for answer in store.responses.of_prompt(prompt_id)}
    for one, other in combinations(scores, 2):
        gap = scores[one] - scores[other]
        yield frozenset((one, other)), one if gap > 0 else other if gap < 0 else ""


def _base(store: Store, model: Path) -> str:
    return next((known.id for known in store.models.list("base")), "") or adding.add_model(store, str(model)).id


def _read(store: Store, model_id: str, tell: Tell) -> None:
    """Read the answers that have no vector yet."""
    base = store.models.find(model_id)
    if features.waiting(store, base.hash, base.location, None):
        tell("reading answers")
        _carry_out(store, "features", {}, model_id, tell)


def _carry_out(store: Store, method: str, options: dict[str, Any], model_id: str, tell: Tell) -> None:
    run, spec = preparing.prepare(store, method, options, model_id=model_id)

    def on_event(event: object) -> None:
        if isinstance(event, Progress) and event.done and event.done % 128 == 0:
            tell(f"{event.text}: {event.done} of {event.total}")

    running.run_to_end(store, run, spec, on_event)


def usual_folder() -> Path:
    """Where pools are kept."""
    return models.cache() / "queue"
