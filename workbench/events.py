"""What a running job says: one frozen dataclass per kind of event, and their JSON lines.

A job is an iterator of these. The child process prints one JSON line per event, the parent parses it,
records it in the store and shows it. Values are plain JSON; NaN and infinities travel as None, because
strict JSON has no word for them, and the plots show a gap there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import WorkbenchError


@dataclass(frozen=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True)
class Started(Event):
    """The job has what it needs and begins. `total` is the planned number of steps (0: unknown)."""

    total: int = 0
    device: str = ""
    dtype: str = ""
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress(Event):
    """Where a job stands between metrics: `done` of `total` units, and a phase in words."""

    done: int
    total: int
    text: str = ""


@dataclass(frozen=True)
class Transferred(Progress):
    """Bytes of a download: `speed` a second, and the seconds that are left at it (None while nobody can say)."""

    speed: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Metrics(Event):
    """Named numbers at one step. The part of a name before "/" groups curves."""

    step: int
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class FirstBatch(Event):
    """The first batch as the model sees it, told before anything is learned.

    rows: {"title": what the row is, "tokens": [[text, whether the loss reads it, whether it is a special token], ...]}.
    note: what the loss reads, in a sentence. left_out: rows of the batch that are not told.
    """

    rows: list[dict[str, Any]]
    note: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class Sample(Event):
    """One answer seen during a run, with the scores it had then. `scores` has "reward", "kl", "tokens", ..."""

    step: int
    prompt: str
    text: str
    scores: Mapping[str, float | None] = field(default_factory=dict)
    prompt_id: str = ""


@dataclass(frozen=True)
class Token(Event):
    """A piece of streamed text. `column` and `index` say which answer it belongs to."""

    column: int
    index: int
    text: str
    prompt_id: str = ""


BROKE_OFF = "broke off"
"""finish_reason of an answer whose writer went away: it is kept, and waits for nobody's judgement."""


@dataclass(frozen=True)
class Answer(Event):
    """A finished answer with everything that made it; the parent stores it as a response.

    `vector` in `space`: what a linear reward head reads of it (see Features), "" where it was not read. model_id: who
    wrote it, in a session of several models.
    """

    prompt_id: str
    text: str
    column: int = 0
    index: int = 0
    role: str = ""
    sampler: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    template_hash: str = ""
    prompt_tokens: int = 0
    response_tokens: int = 0
    finish_reason: str = ""
    seconds: float = 0.0
    scores: Mapping[str, float | None] = field(default_factory=dict)
    space: str = ""
    vector: str = ""
    model_id: str = ""


@dataclass(frozen=True)
class Features(Event):
    """What was read of answers that are stored, by their ids. `vectors` are base64 of little-endian float16 in a
    `space` (see store.features); `scores` and `spreads` are what the reward model `model_id` says of them."""

    space: str = ""
    vectors: Mapping[str, str] = field(default_factory=dict)
    model_id: str = ""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    spreads: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Chances(Event):
    """How likely a model thought each token of an answer: [text, probability, [[text, probability], ...]] in order,
    the last of which are the likeliest in its place. `id` is the request's; problem: why there is nothing, "" if not.
    """

    id: str
    tokens: list[Any] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Judged(Event):
    """What a judge said of an answer or of two, see store.Verdict; the parent keeps it. value: None for no verdict."""

    judge_id: str
    kind: str
    prompt_id: str
    response_ids: list[str]
    value: dict[str, Any] | None = None
    score: float | None = None
    told: dict[str, Any] = field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Rewritten(Event):
    """What a model makes of a text that somebody asked it to change; `id` is the request's.

    ended: "" while it writes, then "finished", "stopped" or "failed"; of a failure `text` says why, `hint` what to do.
    """

    id: str
    text: str = ""
    ended: str = ""
    hint: str = ""
    model_id: str = ""


@dataclass(frozen=True)
class Translated(Event):
    """A paragraph in another language: what was asked, to be kept as a prompt that knows the template and variables it
    was made of, and the fields of the Answer to it. `key` tells the paragraph when the work goes on later."""

    key: str
    system: str
    turns: list[dict[str, str]]
    answer: dict[str, Any]
    template: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded(Event):
    """A model is in memory in the child (a generation session)."""

    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved(Event):
    """Something whole is on disk: `kind` is "adapter", "reward", "checkpoint", "model" or "file"."""

    kind: str
    path: str
    step: int = 0
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Warned(Event):
    """Something the person should know while the job goes on, in one sentence."""

    step: int
    text: str
    topic: str = ""


@dataclass(frozen=True)
class Finished(Event):
    """The job did all it was asked to do. `summary` holds its final figures."""

    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stopped(Event):
    """The job ended because it was asked to; what was saved before stays usable."""

    step: int = 0
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed(Event):
    """The job ended in an error: a sentence, what to do next, and details for the log. request: the id of what a
    session was asked for, "" of anything else."""

    text: str
    hint: str = ""
    details: str = ""
    request: str = ""


_ALL = (
    Started, Progress, Transferred, FirstBatch, Metrics, Sample, Token, Answer, Features, Chances, Judged, Rewritten,
    Translated, Loaded, Saved, Warned, Finished, Stopped, Failed,
)  # fmt: skip
KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in _ALL}
ENDINGS = (Finished, Stopped, Failed)


def plain(value: Any) -> Any:
    """The value with every non-finite float replaced by None, ready for strict JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def to_line(event: Event) -> str:
    """One line of JSON, without the line break."""
    return json.dumps({"event": type(event).__name__, **plain(asdict(event))}, ensure_ascii=True, allow_nan=False)


def from_line(line: str) -> Event:
    """The event that a line holds. Raises WorkbenchError for a line that holds none."""
    try:
        fields = json.loads(line)
        return KINDS[fields.pop("event")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkbenchError(
            f"The job printed a line that is not an event: {line[:120]!r}.", "See the run's log."
        ) from error
