"""`workbench documents` and `workbench ask`: a person's own documents, and questions that are answered from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..store.retrieving import PASSAGES
from .shared import JSON, PROJECT, chosen, finish, opened
from .working import carry_out, only_model, run_json

DOCUMENTS = click.option(
    "--documents", "names", multiple=True, metavar="NAME", help="Only from this document; may be given several times."
)


@click.group()
def documents() -> None:
    """Your own documents, to answer questions from: text, Markdown, HTML, and PDF with the extra `documents`."""


@documents.command("add")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@PROJECT
@JSON
@click.pass_context
def add(context: click.Context, files: tuple[Path, ...], project: Path | None, as_json: bool) -> None:
    """Add documents. The same text is added once, whatever it is called."""
    added = []
    with opened(chosen(context, project)) as store:
        for file in files:
            document, new = store.documents.add(file)
            passages = store.documents.counts()[document.id]
            added.append({"id": document.id, "name": document.name, "passages": passages, "new": new})
    words = [f"{each['name']}: {each['passages']} passages{'' if each['new'] else ', already here'}" for each in added]
    finish({"documents": added}, as_json, "\n".join(words))


@documents.command("list")
@PROJECT
@JSON
@click.pass_context
def list_(context: click.Context, project: Path | None, as_json: bool) -> None:
    """The project's documents, with their passages."""
    with opened(chosen(context, project)) as store:
        counts = store.documents.counts()
        rows = [
            {"id": each.id, "name": each.name, "passages": counts.get(each.id, 0), "bytes": each.size_bytes,
             "language": each.language, "hash": each.hash}
            for each in store.documents.list()
        ]  # fmt: skip
    words = "\n".join(f"{row['name']}: {row['passages']} passages" for row in rows)
    finish({"documents": rows}, as_json, words or "No documents yet. Add some: workbench documents add FILE")


@documents.command("remove")
@click.argument("names", nargs=-1, required=True)
@PROJECT
@click.pass_context
def remove(context: click.Context, names: tuple[str, ...], project: Path | None) -> None:
    """Take documents out. Answers that were given from them keep the passages that they had."""
    with opened(chosen(context, project)) as store:
        found = [store.documents.find(name) for name in names]
        store.documents.remove([each.id for each in found])
    click.echo(f"Removed: {', '.join(each.name for each in found)}.")


@documents.command("search")
@click.argument("question")
@click.option("--most", type=click.IntRange(1, 100), default=5, show_default=True, help="Passages to show.")
@DOCUMENTS
@PROJECT
@JSON
@click.pass_context
def search(
    context: click.Context, question: str, most: int, names: tuple[str, ...], project: Path | None, as_json: bool
) -> None:
    """The passages that hold words of a QUESTION, best first."""
    from ..store import retrieving

    with opened(chosen(context, project)) as store:
        found = retrieving.search(store, question, _ids(store, names), limit=most)
    rows = [{"score": each.score, **each.to_json()} for each in found]
    words = "\n\n".join(f"{each.title} (passage {each.first + 1})\n{each.text}" for each in found)
    finish({"passages": rows}, as_json, words or "Nothing found.")


@click.command()
@click.argument("question")
@DOCUMENTS
@click.option("--model", default=None, help="A model of the project.  [default: the newest base]")
@click.option("--passages", type=click.IntRange(1, 20), default=PASSAGES, show_default=True, help="Passages at most.")
@click.option("--max-new-tokens", type=click.IntRange(1, 32768), default=None, help="Longest answer, in tokens.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=None, help="0 takes the likeliest word.")
@click.option("--seed", type=int, default=17, show_default=True, help="The same seed gives the same answer.")
@PROJECT
@JSON
@click.pass_context
def ask(
    context: click.Context,
    question: str,
    names: tuple[str, ...],
    model: str | None,
    passages: int,
    max_new_tokens: int | None,
    temperature: float | None,
    seed: int,
    project: Path | None,
    as_json: bool,
) -> None:
    """Answer a QUESTION from the project's documents, and say which passages the answer cites."""
    from ..store import asking

    with opened(chosen(context, project)) as store:
        template = asking.find(asking.TEMPLATE)
        row = only_model(store, model, "base")
        options = {
            "samples": 1, "seed": seed, "max_new_tokens": max_new_tokens or template.max_new_tokens,
            "temperature": template.temperature if temperature is None else temperature,
        }  # fmt: skip
        room = asking.budget_for(_context(store, row), options["max_new_tokens"])
        prompt, given = asking.ask(store, question, _ids(store, names), most=passages, budget=room)
        run = carry_out(store, "generate", options, model_id=row.id, prompt_ids=[prompt.id])
        answer = store.responses.of_run(run.id)[-1]
        found = asking.sources_of(store, answer)
        rows = [{"number": number, **each.to_json()} for number, each in enumerate(given, 1)]
        result = run_json(store, run) | {"question": question, "answer": answer.text, "passages": rows}
        result |= {
            "cited": [each.number for each in found.cited if each.passage], "unknown": list(found.unknown),
            "used": [{"sentence": each.sentence, "number": each.number, "share": each.share} for each in found.used],
        }  # fmt: skip
        finish(result, as_json, f"{answer.text.strip()}\n\n{_told(found, given)}")


def _told(found: Any, given: list[Any]) -> str:
    lines = []
    for each in found.cited:
        told = f"{each.passage.title}: {_short(each.passage.text)}" if each.passage else "no such passage was given"
        lines.append(f"  [{each.number}] {told}")
    if lines:
        lines.insert(0, "Cited:")
    if found.used:
        lines.append("Used, by words in common (the answer cites no passage that it was given):")
        lines += [f"  [{each.number}] {each.passage.title}: {_short(each.sentence)}" for each in found.used]
    elif not any(each.passage for each in found.cited):
        lines.append("The answer cites no passage, and shares few words with those that it was given:")
        lines += [f"  [{number}] {each.title}" for number, each in enumerate(given, 1)]
    return "\n".join(lines)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 100 else f"{flat[:99]}…"


def _ids(store: Any, names: tuple[str, ...]) -> list[str] | None:
    return [store.documents.find(name).id for name in names] or None


def _context(store: Any, model: Any) -> int:
    """Tokens that a model reads at most; 0 where nobody knows."""
    return int(store.models.base_of(model).info.get("context") or 0)
