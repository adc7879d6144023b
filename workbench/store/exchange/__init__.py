"""Files in and out; one file per format. A format has a title, `matches` and `read`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...errors import WorkbenchError
from . import (
    demonstrations,
    instructions,
    judgements,
    pandalm,
    plain_text,
    preferences,
    project,
    prompts,
    questions,
    self_instruct,
    table,
)
from .items import Item, Skipped
from .project import TableRow
from .reading import first_rows


class Format(Protocol):
    """A kind of file that can be imported."""

    title: str

    def matches(self, path: Path, first_rows: Sequence[Any]) -> bool:
        """Whether a file that begins with these rows is of this format."""
        ...

    def read(self, path: Path) -> Iterator[Item | Skipped] | Iterator[TableRow]:
        """What the file holds. Raises WorkbenchError when it is damaged."""
        ...


# The first that matches is taken, so what asks for more fields comes earlier.
FORMATS: dict[str, Format] = {  # type: ignore[assignment]
    "project": project,
    "judgements": judgements,
    "pandalm": pandalm,
    "preferences": preferences,
    "demonstrations": demonstrations,
    "self-instruct": self_instruct,
    "instructions": instructions,
    "questions": questions,
    "table": table,
    "prompts": prompts,
    "text": plain_text,
}


def recognise(path: Path) -> str:
    """The key of the format that a file is in. Raises WorkbenchError when there is none."""
    rows = first_rows(path)
    if not rows:
        raise WorkbenchError(f"{path.name} is empty.", "Choose another file.")
    for name, format in FORMATS.items():
        if format.matches(path, rows):
            return name
    raise WorkbenchError(
        f"{path.name} is in no format that can be imported.",
        "Formats: " + "; ".join(format.title for format in FORMATS.values()) + ".",
    )
