"""`workbench models template`: see, choose and edit the chat template of a model, and the tokens that it makes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..errors import WorkbenchError
from .shared import JSON, PROJECT, chosen, finish, opened

WAYS = "Give one of --set, --use and --reset."


@click.command("template")
@click.argument("name", metavar="MODEL")
@click.option("--set", "file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), default=None,
              help="Use the template in this file, - for standard input.")  # fmt: skip
@click.option(
    "--use", default=None, help="Use a known format: own, chatml, llama3, gemma, mistral, phi3, alpaca, plain."
)
@click.option("--reset", is_flag=True, help="Use again what the model was trained with, or what its base has.")
@click.option("--show", is_flag=True, help="Print the template's whole text and nothing else.")
@click.option("--prompt", default=None, help="Show the tokens of this prompt, and not those of a sample.")
@PROJECT
@JSON
@click.pass_context
def template(
    context: click.Context, name: str, file: Path | None, use: str | None, reset: bool, show: bool, prompt: str | None,
    project: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Show the chat template of a MODEL and the exact tokens that it makes, or choose another one for this project.

    A template that does not parse, refuses a usual conversation, leaves out what a person says or has no place where
    the answer begins is not taken.
    """
    from ..jobs import chat_templates

    if sum((file is not None, use is not None, reset)) > 1:
        raise WorkbenchError("Only one template can be chosen at a time.", WAYS)
    with opened(chosen(context, project)) as store:
        model = store.models.find(name)
        wanted = _wanted(store, model, file, use)
        if reset:
            chat_templates.reset(store, model)
        if show and wanted is None:
            click.echo(chat_templates.text_of(store, model))
            return
        found = _look(store, model, wanted, prompt)
        if wanted is not None:
            chat_templates.choose(store, model, wanted)
        told = _told(store, model, found)
    finish(told, as_json, _words(told))


def _wanted(store: Any, model: Any, file: Path | None, use: str | None) -> Any:
    from ..jobs import chat_templates

    if use is not None:
        return chat_templates.named(store, model, use)
    return None if file is None else chat_templates.named_by(_text_in(file))


def _text_in(file: Path) -> str:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"{file} cannot be read as text: {error}.", "Give a file with a template.") from error
    if not text.strip():
        raise WorkbenchError("The chat template is empty.", "Give a file with a template.")
    return text


def _look(store: Any, model: Any, wanted: Any, prompt: str | None) -> dict[str, Any]:
    """What the template makes of a prompt, after a look at whether it can be used."""
    import dataclasses

    from ..jobs import preparing
    from ..jobs.tokens import TokenReader

    ref = preparing.reference(store, model.id)
    if wanted is not None:
        ref = dataclasses.replace(ref, template=wanted.text)
    reader = TokenReader()
    try:
        messages = [{"role": "user", "content": prompt}] if prompt else []
        return reader.look(ref, messages, check=wanted is not None)
    finally:
        reader.close()


def _told(store: Any, model: Any, found: dict[str, Any]) -> dict[str, Any]:
    from ..jobs import chat_templates

    choice, differs = chat_templates.choice_of(store, model), chat_templates.mismatch(store, model)
    return {
        "model": model.name,
        "choice": choice.name,
        "format": chat_templates.title_of(store, model),
        **{key: found[key] for key in ("hash", "count", "special", "of_text", "left_out", "tokens", "template")},
        "warnings": [*found["warnings"], *([differs.text] if differs else [])],
    }


def _words(told: dict[str, Any]) -> str:
    """A head, a token a line with its id and whose it is, and what to know."""
    head = f"{told['model']}: {told['format'] or 'a format of its own'} ({told['choice']}), template {told['hash']}"
    counts = f"{told['count']} tokens, {told['special']} special, {told['of_text']} of the text"
    lines = [head, counts, ""]
    for text, id_, special, owner in told["tokens"]:
        whose = "special" if special else "template" if owner < 0 else "text"
        lines.append(f"{id_:>8}  {whose:<8}  {text!r}")
    lines.append(f"{'':>8}  the model writes here")
    if told["left_out"]:
        lines.append(f"{told['left_out']} tokens more are not shown.")
    return "\n".join([*lines, *told["warnings"]])
