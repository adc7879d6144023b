"""The first batch of a run as the model sees it: kept beside the run's data, and asked for before there is a run."""

from __future__ import annotations

import logging
from pathlib import Path

from ..errors import WorkbenchError
from ..events import FirstBatch, from_line, to_line

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
