"""Translate a document paragraph by paragraph, each with the one before it; what is done is kept as it goes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import StopRequested, WorkbenchError
from ...events import Event, Finished, Progress, Started, Stopped, Translated, Warned
from ...feedback.base import Message
from ...lm.refs import ModelRef
from ...methods.base import Data, Job, knob
from ...store.task_templates import Template, find
from ..document_parts import Part, joined, write_word
from ..glossary import Term, in_words, missed, occurring

name = "translate"
title = "Translate"
text = "Translates a document paragraph by paragraph."
WANTS: tuple[type, ...] = ()
PLAN = "document.json"
WORD = "document.docx"
"""The Word document as it was when the run was prepared."""
TEMPLATE = "translate-document"
LEAST = 32
"""Tokens that a translation may have at least; it may have three times as many as its paragraph."""


@dataclass(frozen=True)
class Options:
    """Knobs of a translation."""

    document: str = knob("", "The document to translate.", path="file or folder")
    out: str = knob("", "Where the translation is written.")
    source: str = knob("", "The language that it is in.", label="From")
    target: str = knob("", "The language that it is put into.", label="To")
    context: bool = knob(True, "Show the model the paragraph before, with its translation.", label="With context")
    temperature: float = knob(0.0, "0 takes the likeliest word; higher is more varied.", low=0.0, high=2.0, step=0.05)
    max_new_tokens: int = knob(512, "Longest translation of a paragraph, in tokens.", low=1, high=32768)
    seed: int = knob(17, "The same seed gives the same translation.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the weights.", choices=("auto", "bfloat16", "float32"))


def lacks(data: Data) -> str:
    """It reads a document and not examples."""
    return ""


@dataclass(frozen=True)
class Plan:
    """A document in parts, what of it is done (by text), the key of each text, and the glossary."""

    kind: str
    parts: tuple[Part, ...]
    done: Mapping[str, str]
    keys: Mapping[str, str]
    terms: tuple[Term, ...] = ()
    tags: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """Each text to translate, once, in order."""
        return list(dict.fromkeys(part.text for part in self.parts if part.text))

    def write(self, folder: Path) -> None:
        """Put it where the job finds it. Raises WorkbenchError when the disk does not take it."""
        value = vars(self) | {
            "parts": [vars(each) for each in self.parts],
            "terms": [vars(each) for each in self.terms],
        }
        try:
            (folder / PLAN).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            raise WorkbenchError(f"The document cannot be prepared: {error.strerror}.", "Free some space.") from error

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """What write() wrote. Raises WorkbenchError when it is missing or damaged."""
        try:
            value = json.loads((folder / PLAN).read_text(encoding="utf-8"))
            parts = tuple(Part(**each) for each in value.pop("parts"))
            terms = tuple(Term(**each) for each in value.pop("terms"))
            return cls(parts=parts, terms=terms, **value | {"tags": tuple(value["tags"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise WorkbenchError(f"The document in {folder} cannot be read.", "Translate it again.") from error


def train(job: Job, options: Options) -> Iterator[Event]:
    """Yields Translated for each paragraph that is not done, then writes the whole document."""
    plan = Plan.read(job.folder)
    done = dict(plan.done)
    waiting = [each for each in plan.texts() if each not in done]
    yield Progress(0, 0, "Loading the model")
    writer = make_writer(job, options) if waiting else None
    yield Started(len(waiting), *(writer.device if writer else ("", "")))
    left, template, befores = 0, find(TEMPLATE), _befores(plan.parts) if options.context else {}
    try:
        for place, paragraph in enumerate(waiting):
            job.check()
            before = befores.get(paragraph, "")
            context = (before, done[before]) if before in done else None
            made = _translated(writer, template, plan, options, paragraph, context)
            if isinstance(made, Warned):
                left += 1
            else:
                done[paragraph] = made.answer["text"]
            yield made
            yield Progress(place + 1, len(waiting), "Translating")
    except StopRequested:
        yield Stopped(len(done) - len(plan.done), {"translated": len(done) - len(plan.done)})
        return
    digest = _write(Path(options.out), plan, done, job.folder)
    yield Finished(_summary(plan, options, done, left) | {"hash": digest})


def _translated(
    writer: Any, template: Template, plan: Plan, options: Options, paragraph: str, before: tuple[str, str] | None
) -> Translated | Warned:
    values = {
        "text": paragraph, "source": options.source, "target": options.target,
        "terms": in_words(occurring(paragraph, plan.terms)),
    }  # fmt: skip
    found = writer.write(template, values, before)
    if found is None or not found[2]["text"].strip():
        reason = "It is too long for this model." if found is None else "The model wrote nothing."
        return Warned(0, f"A paragraph stays as it was: {paragraph[:60]!r}. {reason}", f"left {plan.keys[paragraph]}")
    system, turns, answer = found
    turns = [dict(turn) for turn in turns]
    return Translated(plan.keys[paragraph], system, turns, answer, template.id, values, list(plan.tags))


def _befores(parts: Sequence[Part]) -> dict[str, str]:
    """The text before each text, where it first stands. A cell of a table stands for itself."""
    found: dict[str, str] = {}
    before = ""
    for part in parts:
        if part.text:
            found.setdefault(part.text, "" if part.kind == "cell" else before)
            before = part.text
    return found


def _write(path: Path, plan: Plan, done: Mapping[str, str], folder: Path) -> str:
    """Write the translation, and return the sha256 that tells it from a file that a person has changed since."""
    from ...store.exchange.writing import replacing

    with replacing(path) as writing:
        if plan.kind == "word":
            write_word(folder / WORD, writing, done)
        else:
            writing.write_text(joined(plan.parts, done, plan.kind), encoding="utf-8", newline="")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _summary(plan: Plan, options: Options, done: Mapping[str, str], left: int) -> dict[str, Any]:
    unused = [
        {"source": term.source, "target": term.target, "text": paragraph[:200]}
        for paragraph in plan.texts() if paragraph in done
        for term in missed(done[paragraph], occurring(paragraph, plan.terms))
    ]  # fmt: skip
    return {
        "out": options.out, "paragraphs": len(plan.texts()), "translated": len(done) - len(plan.done),
        "earlier": len(plan.done), "left": left, "terms_unused": unused,
    }  # fmt: skip


def make_writer(job: Job, options: Options) -> Writer:
    """What writes translations in this job."""
    assert job.model is not None
    return Writer(job.model, options, job)


class Writer:
    """A model in memory that translates one paragraph after another."""

    def __init__(self, ref: ModelRef, options: Options, job: Job) -> None:
        from ...lm.devices import choose
        from ...lm.generating import Sampler
        from ...lm.loading import load

        compute = choose(options.device, options.dtype)
        self._loaded = load(ref, compute)
        self._options, self._check = options, job.check
        self._sampler = Sampler(temperature=options.temperature, max_new_tokens=options.max_new_tokens)
        self._context = getattr(self._loaded.causal.config, "max_position_embeddings", None) or 1 << 20
        self.device = (compute.name, compute.dtype_name)

    def write(
        self, template: Template, values: Mapping[str, str], before: tuple[str, str] | None
    ) -> tuple[str, tuple[Message, ...], dict[str, Any]] | None:
        """(system text, turns, fields of an Answer), with what was before where it fits; None where nothing does."""
        from dataclasses import replace

        from ...lm.generating import sample_all

        words = self._loaded.template
        new = min(self._options.max_new_tokens, LEAST + 3 * len(words.answer_ids(values["text"])))
        fitting = self._fitting(template, values, before, new)
        if fitting is None:
            return None
        system, turns, ids = fitting
        begun = time.perf_counter()
        sampler = replace(self._sampler, max_new_tokens=new)
        (draft,) = sample_all(self._loaded, [ids], sampler, [self._options.seed], check=self._check)
        return system, turns, {
            "text": words.text_of(draft.ids).strip(), "sampler": sampler.to_json(), "seed": self._options.seed,
            "template_hash": words.hash, "prompt_tokens": len(ids), "response_tokens": len(draft.ids),
            "finish_reason": draft.finish_reason, "seconds": time.perf_counter() - begun,
        }  # fmt: skip

    def _fitting(
        self, template: Template, values: Mapping[str, str], before: tuple[str, str] | None, new: int
    ) -> tuple[str, tuple[Message, ...], list[int]] | None:
        for context in (before, None) if before else (None,):
            system, user = template.filled(values)
            turns = ({"role": "user", "content": user},)
            if context is not None:
                earlier = template.filled({**values, "text": context[0], "terms": ""})[1]
                told = ({"role": "user", "content": earlier}, {"role": "assistant", "content": context[1]})
                turns = (*told, *turns)
            system, turns, ids = self._ids(system, turns)
            if len(ids) + new <= self._context:
                return system, turns, ids
        return None

    def _ids(self, system: str, turns: tuple[Message, ...]) -> tuple[str, tuple[Message, ...], list[int]]:
        """Tokens of a conversation; where a chat template knows no system text, it stands in the first turn."""
        words = self._loaded.template
        try:
            return system, turns, words.prompt_ids(({"role": "system", "content": system}, *turns))
        except WorkbenchError:
            first = {"role": "user", "content": f"{system}\n\n{turns[0]['content']}"}
            return "", (first, *turns[1:]), words.prompt_ids((first, *turns[1:]))
