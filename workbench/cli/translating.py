"""`workbench translate`: a whole document, paragraph by paragraph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .shared import JSON, PROJECT, chosen, finish, opened
from .working import only_model, run_json, see_through

_MANY = 20
"""Terms that were not used and are listed one by one."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--to", "target", required=True, metavar="LANGUAGE", help="The language to translate into.")
@click.option("--from", "source", default="", metavar="LANGUAGE", help="The language of the document.")
@click.option(
    "--glossary", type=click.Path(dir_okay=False, path_type=Path), help="CSV or TSV of words and their translations."
)
@click.option("--model", default=None, help="A model of the project.  [default: the newest base]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="[default: beside FILE]")
@click.option("--overwrite", is_flag=True, help="Replace the file that --out names.")
@click.option("--anew", is_flag=True, help="Translate paragraphs again that this model has translated before.")
@click.option("--no-context", is_flag=True, help="Do not show the paragraph before, with its translation.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True)
@click.option("--max-new-tokens", type=click.IntRange(1, 32768), default=512, show_default=True)
@click.option("--seed", type=int, default=17, show_default=True)
@click.option("--device", type=click.Choice(["auto", "cuda", "xpu", "mps", "cpu"]), default="auto")
@click.option("--dtype", type=click.Choice(["auto", "bfloat16", "float32"]), default="auto")
@PROJECT
@JSON
@click.pass_context
def translate(
    context: click.Context,
    file: Path,
    target: str,
    source: str,
    glossary: Path | None,
    model: str | None,
    out: Path | None,
    overwrite: bool,
    anew: bool,
    no_context: bool,
    project: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Translate a text, Markdown or .docx FILE paragraph by paragraph; headings, lists, tables, code keep their places.

    What is done is kept at once: after a stop the same command goes on with what is left. Each paragraph waits in
    Feedback, and what a person corrects there is what the next translation of the file has.
    """
    from ..jobs import translating

    with opened(chosen(context, project)) as store:
        run, spec = translating.prepare(
            store, file, target, model_id=only_model(store, model, "base").id, source=source, terms_file=glossary,
            out=out, overwrite=overwrite, anew=anew, options=options | {"context": not no_context},
        )  # fmt: skip
        run = see_through(store, run, spec)
        finish(run_json(store, run), as_json, words(run.status, dict(run.summary)))


def words(status: str, summary: dict[str, Any]) -> str:
    """What came of it."""
    if status != "finished":
        return f"{summary.get('translated', 0)} paragraphs are done and kept. The same command goes on with the rest."
    told = f"{summary['out']} has {summary['paragraphs']} paragraphs: {summary['translated']} translated now"
    told += f", {summary['earlier']} before." if summary["earlier"] else "."
    if summary["left"]:
        told += f"\n{summary['left']} stay as they were."
    for each in summary["terms_unused"][:_MANY]:
        told += f"\nTerm not used: {each['source']} = {each['target']}, in: {each['text'][:60]}"
    if len(summary["terms_unused"]) > _MANY:
        told += f"\n... and {len(summary['terms_unused']) - _MANY} more."
    return told
