"""`workbench models load-as`: how a model is loaded to write, in this project."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from ..jobs.load_choices import ATTENTION, DTYPES, ENGINES, QUANTIZE
from .shared import JSON, PROJECT, chosen, finish, opened


@click.command("load-as")
@click.argument("name", metavar="MODEL")
@click.option("--run-with", "engine", type=click.Choice(ENGINES), default=None, help="llama.cpp: for GGUF files alone.")
@click.option("--dtype", type=click.Choice(DTYPES), default=None, help="Number format.")
@click.option("--quantize", type=click.Choice(QUANTIZE), default=None, help="Fewer bits.")
@click.option("--attention", type=click.Choice(ATTENTION), default=None, help="Attention kernel.")
@PROJECT
@JSON
@click.pass_context
def load_as(context: click.Context, name: str, project: Path | None, as_json: bool, **wanted: Any) -> None:
    """Show or choose how a MODEL is loaded to write. What is trained has settings of its own.

    llama.cpp keeps a GGUF file's own numbers in memory and only writes answers; the rest is done by transformers.
    """
    from ..jobs import load_choices

    changes = {key: value for key, value in wanted.items() if value is not None}
    with opened(chosen(context, project)) as store:
        model = store.models.find(name)
        choice = dataclasses.replace(load_choices.of(store, model), **changes)
        if changes:
            load_choices.keep(store, model, choice)
    about = dataclasses.asdict(choice)
    words = ", ".join(f"{key} {value}" for key, value in about.items())
    finish({"model": model.name} | about, as_json, f"{model.name}: {words}.")
