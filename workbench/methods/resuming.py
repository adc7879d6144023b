"""Going on where a run was cut off: when a checkpoint is due, which run it belongs to, and whether that is this one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import WorkbenchError
from ..events import Event, Saved, Warned
from ..lm import checkpoints
from ..lm.refs import ModelRef
from .base import Job

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds until a checkpoint that could not be written is tried again."""
LIBRARIES = ("feedback-workbench", "torch", "transformers", "peft", "numpy")


class Resumable(Protocol):
    """A run that can be cut off and go on. `free` names the knobs that may differ then: they change no step."""

    job: Job
    options: Any
    compute: Any
    name: str
    free: tuple[str, ...]
    step: int

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and plain JSON from which restore() goes on as if nothing had been."""
        ...

    def restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Go on from what state() gave. KeyError: something is missing."""
        ...

    def told(self) -> dict[int, dict[str, float]]:
        """The metrics of the last steps that were told of, by step."""
        ...


class Checkpoints:
    """The checkpoints of one run: writes them when they are due, and goes on from the newest that is whole."""

    def __init__(self, run: Resumable, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._identity = identity(run)
        self._clock = clock
        self._begun = clock()
        self._wait = run.options.checkpoint_minutes * 60
        self._due = self._begun + self._wait
        self._failed = False
        self._before = 0.0
        self.resumed: dict[str, Any] = {}
        """For Started.info: the step that the run goes on from, the seconds of work before, and its last metrics."""
        checkpoints.sweep(run.job.folder)

    def go_on(self) -> Iterator[Event]:
        """Restore the run, if it is to go on from a checkpoint. Raises WorkbenchError when none fits."""
        job = self._run.job
        if not job.resumes:
            return
        found = checkpoints.newest(job.folder)
        if found is None:
            raise WorkbenchError(f"{job.folder} holds no usable checkpoint.", "Start the run again from the beginning.")
        state = found.state()
        _check_identity(state.get("identity") or {}, self._identity, found.step, self._run.free + job.changed)
        try:
            self._run.restore(found.tensors(), state["run"])
            self._before = float(state["seconds"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            log.exception("%s", found.folder)
            raise WorkbenchError(
                f"The checkpoint at step {found.step} lacks something that this version needs.",
                "Start a new run instead.",
            ) from error
        self.resumed = {"resumed": found.step, "seconds": self._before, "recent": self._run.told()}
        if found.damaged:
            words = f"The newest checkpoint is damaged; the run goes on from the one before, of step {found.step}."
            yield Warned(found.step, words, "damaged")
        if other := _differences(state.get("surroundings") or {}, surroundings(self._run)):
            words = f"The run goes on, but not bit for bit as it would have: {', '.join(other)}."
            yield Warned(found.step, words, "surroundings")

    def keep(self, *, now: bool = False, most: int = checkpoints.KEEP) -> Iterator[Event]:
        """Write a checkpoint if one is due, or now, and keep the newest `most`. One that cannot be written is told of
        and does not end the run."""
        due = self._wait > 0 and self._clock() >= self._due
        if not (now or due):
            return
        try:
            folder = self._write(most)
        except WorkbenchError as error:
            log.exception("no checkpoint at step %d", self._run.step)
            self._due = self._clock() + min(AGAIN, self._wait)
            if not self._failed:
                words = f"No checkpoint could be written: {error.text} Training goes on, and it is tried again."
                yield Warned(self._run.step, f"{words} {error.hint}".strip(), "checkpoint")
            self._failed = True
            return
        self._due, self._failed = self._clock() + self._wait, False
        yield Saved("checkpoint", str(folder), self._run.step)

    def clear(self) -> None:
        """Remove them: the run has ended, and what it made is on the disk."""
        checkpoints.clear(self._run.job.folder)

    def _write(self, most: int) -> Path:
        tensors, state = self._run.state()
        about = {
            "identity": self._identity,
            "surroundings": surroundings(self._run),
            "seconds": self._before + self._clock() - self._begun,
            "run": state,
        }
        return checkpoints.write(self._run.job.folder, self._run.step, tensors, about, keep=most)


def identity(run: Resumable) -> dict[str, Any]:
    """What must be the same for a run to go on: method, knobs, models, data."""
    job = run.job
    data = json.dumps(dataclasses.asdict(job.data), sort_keys=True, ensure_ascii=True)
    defaults = {item.name: item.default for item in dataclasses.fields(run.options)}
    return {
        "method": run.name,
        "options": dataclasses.asdict(run.options),
        "defaults": defaults,
        "model": _fingerprint(job.model),
        "reward": _fingerprint(job.reward),
        "data": hashlib.sha256(data.encode()).hexdigest(),
    }


def _fingerprint(ref: ModelRef | None) -> str:
    """A model by content: the base's hash as it was when it was added, and the adapter's files as they are."""
    from ..lm.files import folder_hash

    if ref is None:
        return ""
    adapter = folder_hash(Path(ref.adapter)) if ref.adapter else ""
    return f"{ref.base_hash or ref.base} {adapter}".strip()


def surroundings(run: Resumable) -> dict[str, str]:
    """What a result depends on beside the run itself."""
    found = {"device": run.compute.name, "number format": run.compute.dtype_name}
    for package in LIBRARIES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [f"{key} was {then.get(key, 'unknown')} and is {now[key]}" for key in now if then.get(key) != now[key]]


def _check_identity(then: Mapping[str, Any], now: Mapping[str, Any], step: int, free: tuple[str, ...]) -> None:
    words = {
        "method": "another method",
        "model": "another model",
        "reward": "another reward model",
        "data": "other data",
    }
    other = [words[key] for key in words if then.get(key) != now[key]]
    # A knob that is younger than the checkpoint had no say in it: its default is what was done.
    before = now["defaults"] | (then.get("options") or {})
    knobs = [key for key, value in now["options"].items() if key not in free and before.get(key) != value]
    if knobs and then.get("method") == now["method"]:
        other.append(f"other settings ({', '.join(sorted(knobs))})")
    if other:
        raise WorkbenchError(
            f"The checkpoint at step {step} belongs to another run: it was made with {' and '.join(other)}.",
            "Start a new run instead of going on with this one.",
        )
