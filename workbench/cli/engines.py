"""`workbench engines`: what the standalone app computes with: list, add, verify, use, roll back, remove."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..events import Event, Finished, Stopped
from ..jobs.hub import bytes_text
from .fetching import Asked
from .progress import Bar
from .shared import JSON, finish, stoppable


@click.group()
def engines() -> None:
    """What the standalone app computes with: PyTorch and what it needs, for one kind of device each.

    Installed by pip, the app uses the PyTorch that is in its environment, and there is nothing to add.
    """


@engines.command("list")
@JSON
def list_(as_json: bool) -> None:
    """List the engines that are installed and those that can be added."""
    from ..jobs import compute

    installed, offered = compute.engines(), compute.variants()
    if as_json:
        told = [
            {"name": each.name, "title": each.title, "engine": each.engine_name, "download_bytes": each.download_bytes}
            | {"installed_bytes": each.installed_bytes}
            for each in offered
        ]
        rows = [engine.to_json() for engine in installed]
        click.echo(json.dumps({"installed": rows, "offered": told, "previous": compute.previous()}, indent=2))
        return
    for engine in installed:
        mark = "in use" if engine.active else "installed"
        click.echo(f"{engine.name}\t{mark}\t{engine.torch or 'not tried'}\t{engine.device or '?'}")
    for each in offered:
        if not any(engine.name == each.engine_name for engine in installed):
            size = bytes_text(each.download_bytes) if each.download_bytes else "size not told"
            click.echo(f"{each.name}\tcan be added\t{each.title}\t{size}")


@engines.command("add")
@click.argument("variant")
@click.option(
    "--wheels", type=click.Path(file_okay=False, path_type=Path), default=None,
    help="A folder of wheel files that is used instead of the network.",
)  # fmt: skip
@JSON
def add(variant: str, wheels: Path | None, as_json: bool) -> None:
    """Add an engine and use it: cpu, cu130 (NVIDIA), rocm (AMD) or mps (Apple).

    Each package is compared with its published hash. The engine before stays in use until the new one has worked.
    """
    from ..jobs import compute_install

    asked = Asked()
    with stoppable() as hold:
        hold(asked)
        found = _to_end(compute_install.add(variant, wheels, lambda: asked.stopped), variant)
    finish(found, as_json, f"{found['engine']} is in use. It computes on: {found['device']}.")


@engines.command("verify")
@click.argument("name")
@JSON
def verify(name: str, as_json: bool) -> None:
    """Compare every file of an engine with its hash, and try it."""
    from ..jobs import compute_trying

    asked = Asked()
    with stoppable() as hold:
        hold(asked)
        found = _to_end(compute_trying.verify(name, lambda: asked.stopped), name)
    finish(found, as_json, f"{name}: {found['files']} files are as they were published. It works.")


@engines.command("use")
@click.argument("name")
@JSON
def use(name: str, as_json: bool) -> None:
    """Have jobs that begin from now on run on an engine that is installed."""
    from ..jobs import compute

    engine = compute.use(name)
    finish(engine.to_json(), as_json, f"{engine.name} is in use.")


@engines.command("rollback")
@JSON
def rollback(as_json: bool) -> None:
    """Go back to the engine that was used before this one."""
    from ..jobs import compute

    engine = compute.roll_back()
    finish(engine.to_json(), as_json, f"{engine.name} is in use.")


@engines.command("remove")
@click.argument("name")
@JSON
def remove(name: str, as_json: bool) -> None:
    """Delete an engine that was added. If it is in use, the one before it is used from now on."""
    from ..jobs import compute

    compute.remove(name)
    active = compute.active()
    now = f"{active.name} is in use." if active else "No engine is in use."
    finish({"removed": name, "active": active.name if active else None}, as_json, f"{name} is deleted. {now}")


def _to_end(events: Iterator[Event], name: str) -> dict[str, Any]:
    bar = Bar()
    for event in events:
        bar.show(event, name)
        if isinstance(event, Finished):
            bar.done()
            return dict(event.summary)
        if isinstance(event, Stopped):
            bar.done()
            click.echo("Stopped. What was fetched is kept for the next time.", err=True)
            break
    raise click.exceptions.Abort
