"""What a method is: a dataclass of knobs and a generator of events.

A knob is declared once, as a field; its form row, tooltip, range, stored value, `--help` line and README row
all derive from that declaration.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import StopRequested, WorkbenchError
from ..events import Event
from ..feedback.base import Demonstration, Document, Label, Pair, Prompt, Ranking
from ..lm.refs import ModelRef

FUNCTION_FILE = "reward.py"
"""The copy of a person's function in the run's folder: what ran is what was confirmed, and stays with the run."""


def knob(
    default: Any,
    text: str,
    *,
    label: str = "",
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    choices: Sequence[str] = (),
    advanced: bool = True,
    path: str = "",
    names: bool = False,
) -> Any:
    """A field of an Options dataclass. `text` is one sentence for a person; `advanced` hides it until asked for;
    `path`: what the value is the path of, "folder" or "file or folder"; `names`: of those who judged, with commas."""
    return field(
        default=default,
        metadata={
            "text": text,
            "label": label,
            "low": low,
            "high": high,
            "step": step,
            "choices": tuple(choices),
            "advanced": advanced,
            "path": path,
            "names": names,
        },
    )


@dataclass(frozen=True)
class Knob:
    """A field of Options as a form, the command line and the README see it."""

    name: str
    type: type
    default: Any
    text: str
    label: str
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[str, ...]
    advanced: bool
    path: str
    names: bool = False

    def parse(self, value: Any) -> Any:
        """The value in the knob's type, checked against its range. Raises WorkbenchError naming the knob."""
        try:
            parsed = _flag(value) if self.type is bool else self.type(value)
        except (TypeError, ValueError) as error:
            raise WorkbenchError(f"{self.label} cannot be {value!r}.", self.text) from error
        if self.choices and parsed not in self.choices:
            raise WorkbenchError(f"{self.label} cannot be {parsed!r}.", f"Choose one of {', '.join(self.choices)}.")
        too_low = self.low is not None and parsed < self.low
        too_high = self.high is not None and parsed > self.high
        if too_low or too_high or parsed != parsed:
            raise WorkbenchError(f"{self.label} cannot be {parsed}.", f"Choose a value from {self.low} to {self.high}.")
        return parsed


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(value)


def knobs(options: type) -> list[Knob]:
    """The knobs of an Options dataclass, in order."""
    types = typing.get_type_hints(options)
    return [
        Knob(
            name=item.name,
            type=types[item.name],
            default=item.default,
            text=item.metadata["text"],
            label=item.metadata["label"] or item.name.replace("_", " ").capitalize(),
            **{key: item.metadata[key] for key in ("low", "high", "step", "choices", "advanced", "path", "names")},
        )
        for item in dataclasses.fields(options)
    ]


def options_from(options: type, values: Mapping[str, Any]) -> Any:
    """Options from plain values. Raises WorkbenchError for an unknown name, a wrong type or a value out of range."""
    known = {item.name: item for item in knobs(options)}
    for name in values:
        if name not in known:
            raise WorkbenchError(f"There is no knob called {name}.", f"There are: {', '.join(known)}.")
    return options(**{name: known[name].parse(value) for name, value in values.items()})


@dataclass(frozen=True)
class Panel:
    """One chart of a live run: a title and the metrics it draws, the first one in front."""

    title: str
    metrics: tuple[str, ...]
    note: str = ""
    warn_above: float | None = None
    warn_text: str = ""
    optional: bool = False
    """Whether it is shown only once a run has told one of its metrics."""


@dataclass(frozen=True)
class Data:
    """What a run learns from and is measured on, frozen when it was started."""

    prompts: tuple[Prompt, ...] = ()
    pairs: tuple[Pair, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    labels: tuple[Label, ...] = ()
    demonstrations: tuple[Demonstration, ...] = ()
    documents: tuple[Document, ...] = ()

    def split(self, name: str) -> Data:
        """Only the examples of one split ("train" or "held_out"), which is by prompt."""
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        return Data(**{key: tuple(item for item in items if item.split == name) for key, items in parts.items()})


@dataclass(frozen=True)
class Job:
    """What a method is handed when it runs."""

    folder: Path
    model: ModelRef | None
    data: Data
    reward: ModelRef | None = None
    others: tuple[ModelRef, ...] = ()
    stopping: Callable[[], bool] = lambda: False
    resumes: bool = False
    """Go on from the newest checkpoint in `folder`."""
    changed: tuple[str, ...] = ()
    """Knobs that were turned on purpose since that checkpoint."""
    only_looks: bool = False
    """Tell the first batch and end: a person wants to see it before the run."""

    def check(self) -> None:
        """Raises StopRequested when the person asked to stop. Called between tokens and between micro-batches."""
        if self.stopping():
            raise StopRequested


class NotFinite(WorkbenchError):
    """A loss, a gradient or a score is no longer a number: what came before is kept, and nothing after it."""


class NoScore(WorkbenchError):
    """A source of rewards does not say what an answer is worth. Names the answer; what was learned before is kept."""


STARTS_FROM = ("base", "adapter")
"""Kinds of model that a method starts from, unless it has a STARTS_FROM of its own; an empty one: from nothing."""


def needs_reward(method: Any, options: Mapping[str, Any]) -> bool:
    """Whether a run of a method with these options needs a reward model."""
    found = getattr(method, "needs_reward", None)
    return found(options) if found is not None else bool(getattr(method, "NEEDS_REWARD", False))


def starts_from(method: Any) -> tuple[str, ...]:
    """Kinds of model that a method starts from."""
    return getattr(method, "STARTS_FROM", STARTS_FROM)


KINDS = {Prompt: "prompts", Pair: "pairs", Label: "labels", Demonstration: "demonstrations", Document: "documents"}
"""Which field of Data holds a kind of example."""


def kind_of(method: Any) -> str:
    """Which field of Data a method learns from, first of all."""
    return next((KINDS[each] for each in method.WANTS if each in KINDS), "prompts")


class Method(Protocol):
    """A module in this package."""

    name: str
    title: str
    text: str
    """What it does, in one sentence for a person."""
    WANTS: tuple[type, ...]
    NEEDS_REWARD: bool
    RESULT: str
    """Kind of the model it makes: "reward", "adapter" or "model"."""
    PRESETS: Mapping[str, Mapping[str, Any]]
    """What "quick", "balanced" and "thorough" change of the defaults; how much data there is changes more (presets)."""
    PANELS: tuple[Panel, ...]
    Options: type

    def lacks(self, data: Data) -> str:
        """Why the data cannot feed this method, in one sentence; "" when it can."""
        ...

    def train(self, job: Job, options: Any) -> Iterator[Event]:
        """Run. Yields Started, then Metrics, Sample, Warned, Saved, and at last Finished or Stopped."""
        ...
