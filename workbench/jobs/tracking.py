"""A run's curves for other tools as well: TensorBoard and Weights & Biases, where a person asks for them.

They are asked for in Settings, or by WORKBENCH_TRACK=tensorboard,wandb. What cannot be written is told once, and the
run goes on.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from .. import events as ev
from .. import settings
from .spec import JobSpec

log = logging.getLogger(__name__)

VARIABLE = "WORKBENCH_TRACK"


class Tracker(Protocol):
    """Where curves go."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """The metrics of one step."""
        ...

    def close(self) -> None:
        """The run has ended."""
        ...


class TensorBoard:
    """Event files in the run's folder: `tensorboard --logdir PROJECT/runs` shows every run of a project."""

    package = "tensorboard"

    def __init__(self, spec: JobSpec, resumed: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What was written after the checkpoint that the run goes on from will be written again.
        purged = None if resumed is None else resumed + 1
        self._writer = SummaryWriter(str(Path(spec.folder) / "tensorboard"), purge_step=purged)
        self._writer.add_text("options", "\n".join(f"- {key}: {value}" for key, value in spec.options.items()))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run of the same id at Weights & Biases, under the account and the mode that `wandb` is set up with."""

    package = "wandb"

    def __init__(self, spec: JobSpec, resumed: int | None) -> None:
        wandb: Any = importlib.import_module("wandb")  # an extra that need not be there
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "feedback-workbench"),
            id=spec.run_id,
            resume="allow",
            config={"method": spec.method, **spec.options},
            dir=spec.folder,
        )

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


TRACKERS: dict[str, Callable[[JobSpec, int | None], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}


def wanted() -> tuple[str, ...]:
    """The trackers that are asked for, by name."""
    names = os.environ.get(VARIABLE, settings.load().track)
    return tuple(name for name in (part.strip() for part in names.split(",")) if name)


def tracked(events: Iterator[ev.Event], spec: JobSpec) -> Iterator[ev.Event]:
    """The events of a run, passed on as they are; its numbers also go to the trackers that are asked for."""
    trackers: dict[str, Tracker] = {}
    names = wanted()
    try:
        for event in events:
            yield event
            if isinstance(event, ev.Started):
                yield from _open(trackers, names, spec, event.info.get("resumed"))
            elif isinstance(event, ev.Metrics):
                yield from _tell(trackers, event)
    finally:
        for name, tracker in trackers.items():
            try:
                tracker.close()
            except Exception:  # the run has ended, and what it made is saved
                log.exception("%s could not be closed", name)


def _open(
    trackers: dict[str, Tracker], names: tuple[str, ...], spec: JobSpec, resumed: int | None
) -> Iterator[ev.Event]:
    for name in names:
        if name not in TRACKERS:
            yield ev.Warned(0, f"There is no tracker called {name}. There are: {', '.join(TRACKERS)}.", f"track {name}")
            continue
        try:
            trackers[name] = TRACKERS[name](spec, resumed)
        except ImportError as error:
            log.info("%s", error)
            words = f"The curves do not go to {name}: its package is not installed. Install it with: pip install {name}"
            yield ev.Warned(0, words, f"track {name}")
        except Exception as error:  # foreign code, on a network: whatever it is, the run is worth more
            log.exception("%s", name)
            yield ev.Warned(0, f"The curves do not go to {name}: {_first_line(error)}", f"track {name}")


def _tell(trackers: dict[str, Tracker], event: ev.Metrics) -> Iterator[ev.Event]:
    values = {key: value for key, value in event.values.items() if value is not None and math.isfinite(value)}
    for name in list(trackers):
        try:
            trackers[name].numbers(event.step, values)
        except Exception as error:
            log.exception("%s", name)
            del trackers[name]
            words = f"The curves do not go to {name} any longer: {_first_line(error)} The run goes on."
            yield ev.Warned(event.step, words, f"track {name}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
