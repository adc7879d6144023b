"""What every command needs: the project, Ctrl C, results on standard output."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from .. import paths

PROJECT = click.option(
    "--project",
    "project",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The project's folder.  [default: the first project, in your data folder]",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")


@contextmanager
def opened(project: Path | None) -> Iterator[Any]:
    """The project's store, closed afterwards."""
    from ..store import Store

    store = Store.open(project or paths.default_project())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def stoppable() -> Iterator[Callable[[Any], None]]:
    """While this is open, Ctrl C stops the child that was handed over (it keeps what it has); twice kills it."""
    held: list[Any] = []
    pressed = 0

    def on_interrupt(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        if not held or pressed > 2:
            raise click.exceptions.Abort
        say_at_once("\nStopping. What it has is kept. Ctrl C again ends it at once.\n")
        held[-1].stop() if pressed == 1 else held[-1].kill()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield held.append
    finally:
        signal.signal(signal.SIGINT, before)


def say_at_once(text: str) -> None:
    """Write to standard error from a signal's handler: it may have interrupted a line that is being printed, and Python
    refuses to enter a stream's buffer twice."""
    os.write(2, text.encode())


def finish(result: dict[str, Any], as_json: bool, words: str) -> None:
    """Print a result: JSON, or a sentence."""
    click.echo(json.dumps(result, ensure_ascii=False, indent=2) if as_json else words)


def warn_of_templates(store: Any, *model_ids: str | None) -> None:
    """Say on standard error which of these models are used with another chat template than they were trained with."""
    from ..jobs.chat_templates import mismatches

    for found in mismatches(store, *model_ids):
        click.echo(f"{found.text} {found.hint}", err=True)


def chosen(context: click.Context, project: Path | None) -> Path | None:
    """--project of the command, or of the group before it."""
    return project or context.find_root().obj
