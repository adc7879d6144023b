"""Files in and out; one file per format. A format has a title, `matches` and `read`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...errors import WorkbenchError
from . import (
    argilla,
    demonstrations,
    hh,
    instructions,
    judgements,
    label_studio,
    mapping,
    open_webui,
    openai,
    pandalm,
    plain_text,
    preferences,
    project,
    prompts,
    questions,
    self_instruct,
    sharegpt,
    table,
    unpaired,
)
from .items import Item, Skipped
from .project import TableRow
from .reading import first_rows
from .shapes import Shape


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
    "argilla": argilla,
    "label-studio": label_studio,
    "open-webui": open_webui,
    "openai": openai,
    "pandalm": pandalm,
    "sharegpt": sharegpt,
    "self-instruct": self_instruct,
    "instructions": instructions,
    "hh": hh,
    "preferences": preferences,
    "unpaired": unpaired,
    "demonstrations": demonstrations,
    "questions": questions,
    "table": table,
    "prompts": prompts,
    "text": plain_text,
}


SHAPES: dict[str, tuple[Shape, ...]] = {
    "preferences": preferences.SHAPES,
    "preferences-implicit": preferences.IMPLICIT,
    "unpaired": unpaired.SHAPES,
    "demonstrations": demonstrations.SHAPES,
    "judgements": judgements.SHAPES,
    "prompts": prompts.SHAPES,
    "hh": hh.SHAPES,
    "instructions": instructions.SHAPES,
    "sharegpt": sharegpt.SHAPES,
    "openai": openai.SHAPES,
    "argilla": argilla.SHAPES,
    "label-studio": label_studio.SHAPES,
    "open-webui": open_webui.SHAPES,
}
"""What each format is written in. The first that has a shape for a thing is the usual one for it."""


def shape_for(what: str, format: str | None = None) -> tuple[str, Shape]:
    """A format that can be written, with its shape for a kind of thing. Raises WorkbenchError when it has none."""
    found = {name: shape for name, shapes in SHAPES.items() for shape in shapes if shape.what == what}
    if format is None and found:
        return next(iter(found.items()))
    if format not in found:
        raise WorkbenchError(
            f"{what.capitalize()} cannot be written as {format}.", f"Choose one of {', '.join(found)}."
        )
    return format, found[format]


MAPPED = "columns"
"""What is said of a file whose columns a person has assigned: it is in no format."""


def title_of(format: str) -> str:
    """What a format is called."""
    return mapping.title if format == MAPPED else FORMATS[format].title


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
        "Say which of its columns is what (--map on the command line), or save it in another format.",
    )
