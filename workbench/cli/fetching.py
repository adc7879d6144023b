"""`workbench models search`, `download` and `cached`: models of the Hugging Face Hub, and those that are here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..events import Finished, Stopped
from ..jobs.hub import bytes_text
from .progress import Bar
from .shared import JSON, PROJECT, chosen, finish, opened, stoppable

SORTS = ("downloads", "likes", "newest")


@click.command("search")
@click.argument("words", nargs=-1)
@click.option("--task", default="text-generation", show_default=True, help='What it is for; "" for anything.')
@click.option("--licence", default="", help="Such as apache-2.0 or mit.")
@click.option("--largest", default="", help="Parameters like 7B, or bytes to fetch like 4GB.")
@click.option("--sort", type=click.Choice(SORTS), default="downloads", show_default=True)
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True)
@JSON
def search(words: Sequence[str], task: str, licence: str, largest: str, sort: str, limit: int, as_json: bool) -> None:
    """Look for models on the Hugging Face Hub, and say which of them would run here."""
    from ..jobs import hub, hub_search

    parameters, size = hub_search.largest(largest) if largest else (0, 0)
    query = hub_search.Query(" ".join(words), task, licence, parameters, size, sort, limit)
    click.echo(f"Asking {hub.endpoint().name}", err=True)
    seen = [found for _, found in hub_search.looking_at(hub_search.search(query))]
    seen = [each for each in seen if each.within(query)]
    machine = _machine()
    rows = [asdict(each) | {"fits": _fits(each, machine)} for each in seen]
    lines = "\n".join(_line(row) for row in rows)
    click.echo(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else lines or "Nothing was found.")


def _machine() -> Any:
    from .. import paths
    from ..ui.models_machine import look  # no Qt in it

    place = next(each for each in (paths.user_data(), *paths.user_data().parents) if each.exists())
    return look(place)


def _fits(found: Any, machine: Any) -> str:
    from ..jobs.hub_fit import running

    if found.trouble or not found.parameters:
        return ""
    device = "cuda" if machine.card_in_use else "cpu"
    return running(found.parameters, device=device).fit(machine.free, machine.total)


def _line(row: dict[str, Any]) -> str:
    size = bytes_text(row["size"]) if row["size"] else "size not told"
    parameters = f"{row['parameters'] / 1e9:.2f} B" if row["parameters"] else "?"
    marks = ["gated"] if row["gated"] else []
    marks += ["GGUF"] if row["gguf"] else []
    fits = row["trouble"] or row["fits"] or "?"
    words = [row["id"], parameters, size, fits, row["licence"] or "no licence", f"{row['downloads']} downloads", *marks]
    return "\t".join(words)


@click.command("download")
@click.argument("hub_id", metavar="OWNER/NAME")
@click.option("--file", default="", help="Which of its GGUF files.")
@click.option("--revision", default="", help="A branch, tag or commit.  [default: the newest]")
@click.option("--name", default="", help="What to call it in the project.")
@click.option("--discard", is_flag=True, help="Throw away what is here of a download that was begun.")
@PROJECT
@JSON
@click.pass_context
def download(
    context: click.Context,
    hub_id: str,
    file: str,
    revision: str,
    name: str,
    discard: bool,
    project: Path | None,
    as_json: bool,
) -> None:
    """Download a model from the hub, or go on with one, and add it to the project.

    Every file is compared with its published hash. Ctrl C keeps what is here.
    """
    from ..jobs.adding import add_fetched
    from .modelling import model_json

    if discard:
        return _discard(hub_id, file, as_json)
    path = _fetch(hub_id, file, revision)
    with opened(chosen(context, project)) as store:
        model = add_fetched(store, path, name)
        finish(model_json(model), as_json, f"{model.name} is in {path}. Every file matches its published hash.")
    return None


class Asked:
    """What Ctrl C asks of a download: first to stop at the next byte, then to end at once."""

    stopped = False

    def stop(self) -> None:
        self.stopped = True

    def kill(self) -> None:
        raise click.exceptions.Abort


def _fetch(hub_id: str, file: str, revision: str) -> Path:
    from ..jobs import hub_download

    asked, bar = Asked(), Bar()
    with stoppable() as hold:
        hold(asked)
        for event in hub_download.download(hub_id, file=file, revision=revision, stop=lambda: asked.stopped):
            bar.show(event, hub_id)
            if isinstance(event, Finished):
                bar.done()
                return Path(event.summary["path"])
            if isinstance(event, Stopped):
                bar.done()
                click.echo(_how_to_go_on(event, hub_id, file, revision), err=True)
    raise click.exceptions.Abort


def _how_to_go_on(event: Stopped, hub_id: str, file: str, revision: str) -> str:
    done, total = bytes_text(event.summary["done"]), bytes_text(event.summary["total"])
    words = ["workbench", "models", "download", hub_id]
    words += ["--file", file] if file else []
    words += ["--revision", revision] if revision else []
    return f"Paused at {done} of {total}, which are kept. Go on with: {shlex.join(words)}"


def _discard(hub_id: str, file: str, as_json: bool) -> None:
    from ..jobs.hub_partial import partials

    found = [each for each in partials() if each.origin.hub_id == hub_id and (not file or each.origin.named(file))]
    freed = sum(each.done for each in found)
    for partial in found:
        partial.discard()
    finish({"discarded": len(found), "bytes": freed}, as_json, f"{bytes_text(freed)} thrown away.")


@click.command("cached")
@click.option("--folder", "folders", multiple=True, type=click.Path(path_type=Path), help="Look in this folder too.")
@JSON
def cached(folders: Sequence[Path], as_json: bool) -> None:
    """List models that are on this computer: in the Hugging Face cache, in your model folders, and downloads that broke
    off."""
    from ..jobs import hub_cache, hub_partial

    found = hub_cache.everything()
    for folder in folders:
        found += hub_cache.in_folder(folder)
    rows = [asdict(each) for each in found]
    for partial in hub_partial.partials():
        told = {"name": partial.origin.hub_id, "path": str(partial.folder), "size": partial.done, "place": "download"}
        trouble = f"{bytes_text(partial.done)} of {bytes_text(partial.origin.size)} are here."
        rows.append(told | {"kind": "partial", "trouble": trouble, "commit": partial.origin.commit})
    lines = [
        "\t".join([row["name"], row["kind"], bytes_text(row["size"]), row["trouble"] or "whole", row["path"]])
        for row in rows
    ]
    nothing = "Nothing is here. Name a folder with --folder, or: workbench models search WORDS"
    click.echo(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else "\n".join(lines) or nothing)
