"""Run a specification: its frozen rows, its method, one iterator of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..events import Event
from ..methods import METHODS
from ..methods.base import Data, Job, options_from
from . import frozen
from .spec import JobSpec
from .tasks import TASKS


def worker(name: str) -> Any:
    """The method or task of this name. Raises WorkbenchError when there is none."""
    found = METHODS.get(name) or TASKS.get(name)
    if found is None:
        raise WorkbenchError(f"There is no method called {name}.", f"There are: {', '.join([*METHODS, *TASKS])}.")
    return found


def run(spec: JobSpec, stopping: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """The events of a job, in this process."""
    method = worker(spec.method)
    options = options_from(method.Options, spec.options)
    data = frozen.read(Path(spec.data)) if spec.data else Data()
    folder = Path(spec.folder)
    folder.mkdir(parents=True, exist_ok=True)
    yield from method.train(Job(folder, spec.model, data, spec.reward, spec.others, stopping), options)
