"""Frozen dataclasses, one per table. JSON columns arrive here as Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..feedback.base import Message


@dataclass(frozen=True)
class Model:
    """A base, an adapter on a base, a reward model, or a model behind a server.

    kind: "base", "adapter", "reward" or "server". format: "safetensors", "gguf" or "server".
    source: "local", "hub", "gguf", "starter", "run" or "server". location: a path, a hub id, or a server's address.
    """

    id: str
    name: str
    kind: str
    source: str
    location: str
    format: str = "safetensors"
    hash: str = ""
    parent_id: str | None = None
    run_id: str | None = None
    licence: str = ""
    parameters: int = 0
    size_bytes: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    created_at: str = ""
    removed_at: str | None = None


@dataclass(frozen=True)
class Prompt:
    """A prompt: an optional system text, then turns that end with the user's."""

    id: str
    hash: str
    system: str
    turns: tuple[Message, ...]
    tags: tuple[str, ...] = ()
    split: str = "train"
    source: str = ""
    created_at: str = ""

    @property
    def messages(self) -> tuple[Message, ...]:
        """System and turns as one conversation."""
        head: tuple[Message, ...] = ({"role": "system", "content": self.system},) if self.system else ()
        return head + self.turns

    @property
    def text(self) -> str:
        """The last user turn: what a person reads as the prompt."""
        return self.turns[-1]["content"] if self.turns else ""


@dataclass(frozen=True)
class Response:
    """An answer with everything that made it. model_id: the base; adapter_id: the adapter on it, if any."""

    id: str
    prompt_id: str
    text: str
    model_id: str | None = None
    adapter_id: str | None = None
    run_id: str | None = None
    sampler: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    template_hash: str = ""
    prompt_tokens: int = 0
    response_tokens: int = 0
    finish_reason: str = ""
    seconds: float = 0.0
    scores: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    import_key: str | None = None
    queued: bool = True
    created_at: str = ""


@dataclass(frozen=True)
class Feedback:
    """One judgement. `response_ids` stand in the order in which they were shown.

    kind: a key of feedback.KINDS, or one of feedback.ASIDE. retracted_by: "undo" (redo puts it back),
    "undone" (the person has judged since) or "person" (taken out on purpose). guideline_id: the version of the
    guidelines that it was made under. repeat_of: the judgement that this one repeats, unknown to the person.
    renamed_at: when its person got the name that stands in annotator, None for the name it was made under.
    """

    seq: int
    id: str
    kind: str
    prompt_id: str
    response_ids: tuple[str, ...]
    value: Mapping[str, Any]
    annotator: str = ""
    seconds: float = 0.0
    comment: str = ""
    reasons: tuple[str, ...] = ()
    blind: bool = True
    run_id: str | None = None
    import_key: str | None = None
    created_at: str = ""
    retracted_at: str | None = None
    retracted_by: str | None = None
    guideline_id: str | None = None
    repeat_of: str | None = None
    renamed_at: str | None = None


@dataclass(frozen=True)
class Guideline:
    """One version of the written guidelines."""

    id: str
    text: str
    annotator: str = ""
    created_at: str = ""


@dataclass(frozen=True)
class Document:
    """One of a person's own documents. `hash` is of its text, which has headings as Markdown writes them."""

    id: str
    name: str
    hash: str
    text: str
    language: str = ""
    size_bytes: int = 0
    created_at: str = ""
    removed_at: str | None = None


@dataclass(frozen=True)
class Filling:
    """What a prompt was made of: a template, its values, and the passages of documents that it was given.

    key: what it was made for, where that is to be found again (a paragraph of a document that is translated).
    """

    prompt_id: str
    template: str
    variables: Mapping[str, str] = field(default_factory=dict)
    given: tuple[Mapping[str, Any], ...] = ()
    key: str = ""
    created_at: str = ""


@dataclass(frozen=True)
class Run:
    """One run of a method. status: waiting, running, finished, stopped, failed or interrupted.

    pid: the process that supervises it, so that a run left by a crash can be told from one of another window.
    """

    id: str
    name: str
    method: str
    status: str
    options: Mapping[str, Any]
    spec: Mapping[str, Any] = field(default_factory=dict)
    model_id: str | None = None
    reward_id: str | None = None
    result_id: str | None = None
    step: int = 0
    total: int = 0
    error: str = ""
    hint: str = ""
    details: str = ""
    log_path: str = ""
    pid: int = 0
    data_hash: str = ""
    device: str = ""
    versions: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    created_at: str = ""
    started_at: str | None = None
    ended_at: str | None = None


@dataclass(frozen=True)
class RunSample:
    """An answer that a run showed at a step."""

    run_id: str
    step: int
    prompt: str
    text: str
    scores: Mapping[str, Any] = field(default_factory=dict)
    prompt_id: str = ""


@dataclass(frozen=True)
class JudgeRubric:
    """One version of what a judge looks for; the id is its text's. written: by a person, for judges that can read."""

    id: str
    text: str
    written: bool = True
    created_at: str = ""


@dataclass(frozen=True)
class JudgeRecord:
    """A judge with one version of its rubric. name: what stands where a person's name stands in their judgements.

    kind: "server", "model", "reward" or "rule"; about: which server, model or rule that is. No key is among it.
    """

    id: str
    name: str
    kind: str
    about: Mapping[str, Any]
    rubric_id: str
    created_at: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a judge said of an answer (a rating) or of two (a comparison); value: None where it said nothing.

    score: before it became stars or a choice: the expected rating, or how sure the first answer is better (0 to 1).
    told: how it came about. cost: in the currency of the prices that were typed. response_ids: one, or two.
    """

    judge_id: str
    kind: str
    prompt_id: str
    response_ids: tuple[str, ...]
    value: Mapping[str, Any] | None = None
    score: float | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    run_id: str | None = None
    id: str = ""
    created_at: str = ""
