"""`workbench runs`: what goes, waits and has ended; the queue worked through and changed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..errors import WorkbenchError
from ..events import Event, Failed
from ..store import run_queue
from .progress import Bar
from .shared import JSON, PROJECT, chosen, finish, opened, say_at_once
from .working import ended_words, run_json

RUN = click.argument("name", metavar="RUN")


@click.group()
@PROJECT
@click.pass_context
def runs(context: click.Context, project: Path | None) -> None:
    """What goes, what waits and what has ended."""
    context.find_root().obj = chosen(context, project)


@runs.command("list")
@PROJECT
@JSON
@click.pass_context
def list_(context: click.Context, project: Path | None, as_json: bool) -> None:
    """The runs, newest first; those that wait in the order in which they will go."""
    with opened(chosen(context, project)) as store:
        line = run_queue.waiting(store)
        places = {run.id: place for place, run in enumerate(line, 1)}
        others = [run for run in store.runs.list() if run.id not in places]
        ordered = [run for run in others if run.status == "running"] + line
        ordered += [run for run in others if run.status != "running"]
        rows = [run_json(store, run) | {"place": places.get(run.id)} for run in ordered]
        words = "\n".join(_line(run, places.get(run.id)) for run in ordered)
        finish({"runs": rows}, as_json, words or "This project has no runs. See: workbench train --help.")


def _line(run: Any, place: int | None) -> str:
    state = f"waits, {place} in line" if place else run.status
    step = f"step {run.step} of {run.total}" if run.total else ""
    return f"{run.name:28} {state:20} {step or run.error}".rstrip()


@runs.command()
@PROJECT
@JSON
@click.pass_context
def start(context: click.Context, project: Path | None, as_json: bool) -> None:
    """Work through the queue here, one run after the other. Ctrl C pauses the run that goes, with a checkpoint."""
    from ..jobs import queue_runner

    with opened(chosen(context, project)) as store, _pausable(store.folder) as pausing:
        shown = _Shown()
        ended = queue_runner.work_through(store, shown.show, pausing)
        shown.done()
        words = [ended_words(store, run) for run in ended] or ["No run waits. See: workbench train METHOD --queue."]
        finish({"runs": [run_json(store, run) for run in ended]}, as_json, "\n".join(words))
        failed = [run for run in ended if run.status == "failed"]
        if failed:
            names = ", ".join(run.name for run in failed)
            logs = ", ".join(str(store.runs_folder / run.id / "log.txt") for run in failed)
            raise WorkbenchError(f"{len(failed)} of {len(ended)} runs failed: {names}.", f"Logs: {logs}")


class _Shown:
    """Progress of one run after the other on standard error."""

    def __init__(self) -> None:
        self._bar, self._run = Bar(), ""

    def show(self, run: Any, event: Event) -> None:
        if run.id != self._run:
            self._bar.title(f"{run.name}:")
            self._run = run.id
        self._bar.show(event, run.name)
        if isinstance(event, Failed):
            self._bar.title(f"  {event.text} {event.hint}".rstrip())

    def done(self) -> None:
        self._bar.done()


@contextmanager
def _pausable(folder: Path) -> Iterator[Callable[[], bool]]:
    """While this is open, Ctrl C and the end of the system's session pause what goes; Ctrl C twice ends all at once.

    Gives a function that says whether that happened.
    """
    pressed = 0

    def on_signal(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1 and number == signal.SIGINT:
            raise click.exceptions.Abort
        say_at_once("\nPausing, with a checkpoint. Ctrl C again ends it at once.\n")
        # The store of this thread may be in the middle of something.
        threading.Thread(target=_pause, args=(folder,)).start()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: pressed > 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pause(folder: Path) -> None:
    from ..jobs import queue_runner
    from ..store import Store

    store = Store.beside(folder)
    try:
        queue_runner.pause_all(store)
    finally:
        store.close()


@runs.command()
@RUN
@click.option("--pause", "wish", flag_value="pause", help="Let it wait, first in line, with a checkpoint.")
@click.option("--discard", "wish", flag_value="discard", help="Keep nothing of it but its curves.")
@PROJECT
@click.pass_context
def stop(context: click.Context, name: str, wish: str | None, project: Path | None) -> None:
    """End a run that goes, here or in another process, and keep what it has learned."""
    with opened(chosen(context, project)) as store:
        run = store.runs.find(name)
        run_queue.want(store, run.id, wish or "stop")
        words = {"pause": "pauses at its next step", "discard": "ends at its next step; nothing of it is kept"}
        click.echo(f"{run.name} {words.get(wish or '', 'ends at its next step, and keeps what it has')}.")


@runs.command()
@RUN
@PROJECT
@click.pass_context
def remove(context: click.Context, name: str, project: Path | None) -> None:
    """Take a run that waits out of the queue. Its settings and data stay: see `add`."""
    with opened(chosen(context, project)) as store:
        run = store.runs.find(name)
        run_queue.take_out(store, run.id)
        click.echo(f"{run.name} was taken out. It goes back with: workbench runs add {run.id}")


@runs.command()
@RUN
@PROJECT
@click.pass_context
def add(context: click.Context, name: str, project: Path | None) -> None:
    """Put a run that was taken out, stopped or cut off at the end of the queue; it goes on from its checkpoint."""
    from ..jobs import preparing

    with opened(chosen(context, project)) as store:
        run = preparing.waits_again(store, name)
        run_queue.put(store, run.id)
        click.echo(_line(store.runs.find(run.id), run_queue.place_of(store, run.id)))


def _moving(steps: int, text: str) -> Callable[..., None]:
    @RUN
    @PROJECT
    @click.pass_context
    def command(context: click.Context, name: str, project: Path | None) -> None:
        with opened(chosen(context, project)) as store:
            run = store.runs.find(name)
            run_queue.move(store, run.id, steps)
            click.echo("\n".join(_line(each, place) for place, each in enumerate(run_queue.waiting(store), 1)))

    command.__doc__ = text
    return command


runs.command("up")(_moving(-1, "Move a run that waits one place up."))
runs.command("down")(_moving(1, "Move a run that waits one place down."))


@runs.command()
@RUN
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-models", is_flag=True, help="Take the files of its base model along; without, it is named.")
@PROJECT
@click.pass_context
def export(context: click.Context, name: str, file: Path, with_models: bool, project: Path | None) -> None:
    """Write what a run was made of into one FILE.zip, to run it anywhere: workbench train --bundle FILE.zip"""
    from ..jobs import bundling

    with opened(chosen(context, project)) as store:
        run = store.runs.find(name)
        bundling.write(store, run.id, file, with_models)
        click.echo(f"{run.name} is in {file}. Run it anywhere with: workbench train --bundle {file}")


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all curves into this file.")
@PROJECT
@JSON
@click.pass_context
def compare(
    context: click.Context, names: Sequence[str], file: Path | None, project: Path | None, as_json: bool
) -> None:
    """Runs side by side: what was set otherwise, and what each came to."""
    from ..jobs import comparing

    with opened(chosen(context, project)) as store:
        found = comparing.compare(store, [store.runs.find(name).id for name in names])
    if file is not None:
        count = comparing.write_csv(found, file)
        click.echo(f"{file} has {count:,} points.", err=True)
    result = {
        "runs": [run.name for run in found.runs],
        "settings": dict(found.settings),
        "figures": dict(found.figures),
    }
    finish(result, as_json, _side_by_side(found))


def _side_by_side(found: Any) -> str:
    from ..bench.report import table

    names = [run.name for run in found.runs]
    parts = []
    for title, rows in (("set otherwise", found.settings), ("came to", found.figures)):
        if rows:
            parts.append(table((title, *names), [(name, *map(_cell, values)) for name, values in rows]))
    return "\n\n".join(parts) or "They do not differ, and have no figures yet."


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.4g}"
