"""The first batch of a run as the model sees it: kept beside the run's data, and asked for before there is a run."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..events import Event, Failed, Finished, FirstBatch, Progress, from_line, to_line
from ..store import Store
from .process import Child

log = logging.getLogger(__name__)

NAME = "first_batch.json"


def keep(event: FirstBatch, folder: Path) -> None:
    """Write it into the run's folder. A disk that is full is logged: the run does not need it."""
    try:
        (folder / NAME).write_text(to_line(event), encoding="utf-8")
    except OSError as error:
        log.warning("the first batch is not kept: %s", error)


def of_run(folder: Path) -> FirstBatch | None:
    """What was kept of a run; None where nothing was, or what there is cannot be read."""
    try:
        found = from_line((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, WorkbenchError) as error:
        log.warning("%s", error)
        return None
    return found if isinstance(found, FirstBatch) else None


def look(
    store: Store, method: str, options: Mapping[str, Any], *, model_id: str | None, reward_id: str | None = None
) -> Iterator[Event]:
    """Tell the first batch of a run that is not started, from a child that does everything up to there.

    Ends with Finished({"batch": FirstBatch}). Raises WorkbenchError where the run would fail before it.
    """
    from . import preparing  # here: whoever records events imports this module, and prepares nothing

    with tempfile.TemporaryDirectory(prefix="workbench-look-") as name:
        folder = Path(name)
        spec = preparing.look(store, method, options, folder, model_id=model_id, reward_id=reward_id)
        child = Child(spec, folder / "log.txt")
        found: FirstBatch | None = None
        try:
            for event in child.events():
                if isinstance(event, FirstBatch):
                    found = event
                elif isinstance(event, Failed):
                    log.error("%s", event.details)
                    raise WorkbenchError(event.text, event.hint)
                elif isinstance(event, Progress):
                    yield event
        finally:
            child.close()
    if found is None:
        raise WorkbenchError("This method does not tell its first batch.", "Start the run and watch its samples.")
    yield Finished({"batch": found})
