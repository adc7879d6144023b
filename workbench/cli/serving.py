"""`workbench models add-server` and `key`: models behind OpenAI-compatible servers, and the keys of those."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from ..errors import WorkbenchError
from .modelling import model_json, models
from .shared import JSON, PROJECT, chosen, finish, opened

log = logging.getLogger(__name__)


@click.command("add-server")
@click.argument("url")
@click.argument("model", default="")
@click.option("--name", default="", help="What to call it.  [default: the server's name for it]")
@click.option("--price-in", type=float, default=None, help="What a million tokens of prompts cost.")
@click.option("--price-out", type=float, default=None, help="What a million tokens of answers cost.")
@click.option(
    "--extras/--no-extras",
    default=True,
    help="Whether the server may be sent top-k, min-p and the repetition penalty, for which OpenAI has no word.",
)
@PROJECT
@JSON
@click.pass_context
def add_server(
    context: click.Context,
    url: str,
    model: str,
    name: str,
    price_in: float | None,
    price_out: float | None,
    extras: bool,
    project: Path | None,
    as_json: bool,
) -> None:
    """Add a MODEL behind an OpenAI-compatible server, as at http://localhost:8080/v1. Without MODEL, list what the
    server has. A key is kept by: workbench models key URL."""
    from ..jobs.servers import add_server as add
    from ..providers.addresses import checked_url

    url = checked_url(url)
    there = _models_there(url, needed=not model)
    if not model:
        finish({"models": there}, as_json, "\n".join(there) or "This server has no models.")
        return
    if there and model not in there:
        click.echo(f"The server does not list {model}. It has: {', '.join(there[:20])}.", err=True)
    with opened(chosen(context, project)) as store:
        made = add(store, url, model, name, price_in=price_in, price_out=price_out, extras=extras)
        finish(model_json(made), as_json, f"Added {made.name}.")


def _models_there(url: str, needed: bool) -> list[str]:
    """The server's models; none, with a warning, for a server that is off and not needed yet."""
    from ..providers.reaching import models_of

    try:
        return models_of(url)
    except WorkbenchError as error:
        if needed:
            raise
        log.info("%s is added unseen", url, exc_info=True)
        click.echo(f"{error.text} It is added all the same.", err=True)
        return []


@click.command("key")
@click.argument("url")
@click.option("--forget", is_flag=True, help="Take the key out of the keyring.")
def key(url: str, forget: bool) -> None:
    """Keep the key of a server in the system's keyring. It is asked for, and not shown."""
    from ..providers import keys
    from ..providers.addresses import checked_url, host_of

    host = host_of(checked_url(url))
    if forget:
        click.echo(f"The key for {host} is forgotten." if keys.forget(url) else f"There was no key for {host}.")
        return
    keys.keep(url, click.prompt(f"Key for {host}", hide_input=True, default="", show_default=False))
    click.echo(f"The key for {host} is in the keyring.")


for _command in (add_server, key):
    models.add_command(_command)
