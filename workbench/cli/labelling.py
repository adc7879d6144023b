"""`workbench classify`: what a trained classifier says of a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import WorkbenchError
from ..methods.classify import classifier_in
from .shared import JSON, PROJECT, chosen, finish, opened


@click.command()
@click.argument("text")
@click.option("--model", default=None, help="A trained classifier.  [default: the newest]")
@click.option("--device", default="auto", help="Where to compute.  [default: auto]")
@PROJECT
@JSON
@click.pass_context
def classify(
    context: click.Context, text: str, model: str | None, device: str, project: Path | None, as_json: bool
) -> None:
    """Say which label a text has, and how sure the classifier is."""
    with opened(chosen(context, project)) as store:
        found = store.models.find(model) if model else _newest(store)
    shares = classifier_in(found.location, device).tell([{"role": "user", "content": text}])
    words = "\n".join(f"{share:6.1%}  {label}" for label, share in shares.items())
    finish({"model": found.name, "label": next(iter(shares)), "labels": shares}, as_json, words)


def _newest(store: Any) -> Any:
    found = [each for each in store.models.list("base") if each.info.get("method") == "classify"]
    if not found:
        raise WorkbenchError("This project has no trained classifier.", "Train one: workbench train classify.")
    return found[-1]
